"""One recording as it was sent, and how it gets onto the clock's grid: the form gate."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from dq_pipeline import units
from dq_pipeline.errors import SampleError
from dq_pipeline.process import Process
from dq_pipeline.samples import SampleBatch, Scope
from dq_pipeline.target import MAX_READING, derive

ROWS_FACTOR = 4
"""A message may hold so many times `sample.rows` rows, repeated and late ones included."""


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """One recording before any gate: columns by the sender's names, rows in the order received.

    Attributes
    ----------
    start
        datetime64[us], UTC.
    sensors
        Column names of `values`, former names and unknown ones included.
    values
        (rows, len(sensors)) float64; NaN where nothing was read.
    times_s
        (rows,) seconds since `start`; None if row i was taken at i periods.
    units
        Unit by column name; a column without one is in the process file's unit.
    target
        (rows,) the target's raw column, if it was sent.
    """

    sample_id: str
    source: str
    start: np.datetime64
    sensors: tuple[str, ...]
    values: NDArray[np.float64]
    times_s: NDArray[np.float64] | None = None
    units: Mapping[str, str] = field(default_factory=dict)
    target: NDArray[np.float64] | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """One recording on the grid: (rows, f) values in the process' sensors and units; see :class:`SampleBatch`."""

    sample_id: str
    source: str
    start: np.datetime64
    values: NDArray[np.float64]
    received: int
    disordered: int
    target: float
    metadata: Mapping[str, str]
    unknown: tuple[str, ...]


def cut(recording: Recording, rows: int, period_s: float = 1.0) -> Recording:
    """The first `rows` rows by the clock, without the target: what the horizon message holds.

    Examples
    --------
    >>> whole = Recording("a", "rig", np.datetime64("2026-01-01", "us"), ("p",), np.arange(5.0)[:, None])
    >>> cut(whole, 2).values.ravel().tolist()
    [0.0, 1.0]
    """
    if recording.times_s is None:
        return replace(recording, values=recording.values[:rows], target=None)
    early = _row_of(recording.times_s, period_s) < rows
    return replace(recording, values=recording.values[early], times_s=recording.times_s[early], target=None)


def place(recording: Recording, process: Process, scope: Scope, now: np.datetime64 | None = None) -> Placed:
    """Put a recording onto the clock's grid; what cannot be used is refused.

    Former names become today's, units are converted, unknown columns are ignored (and named in `unknown`), an absent
    sensor is a column of missing values. Row = round(time / period), or position without times; rows beyond the grid
    are dropped and the first value received for a cell stands.

    Parameters
    ----------
    scope
        "horizon": a grid of `sample.horizon_rows` rows and no target; "completion": `sample.rows` rows.
    now
        Bounds of the start (`stream.max_future_s`, `stream.max_age_days`) are checked against it; None: not at all.

    Raises
    ------
    SampleError
        With one of :data:`dq_pipeline.samples.REASONS`.
    """
    check_start(recording, process, now)
    rows = process.sample.horizon_rows if scope == "horizon" else process.sample.rows
    return place_rows(recording, process, rows, with_target=scope == "completion")


def place_rows(recording: Recording, process: Process, rows: int, *, with_target: bool) -> Placed:
    """As :func:`place`, onto a grid of any number of rows, whatever the start."""
    count = _check_form(recording, process)
    columns, unknown = _columns(recording, process)
    row, kept, disordered = _clock(recording, process.sample.period_s, rows)
    values = np.full((rows, len(process.sensors)), np.nan)
    readings = _convert(recording, process, columns)
    if kept is not None:
        readings, row = readings[kept], row[kept]
    _fill(values, row, readings, list(columns.values()))
    if np.isnan(values).all():
        found = f"{count} rows, {row.size} of them on the grid, without a reading"
        raise SampleError("empty", f"expected at least one reading in {rows} rows; found {found}", recording.sample_id)
    target = np.nan
    if with_target:
        raw = _target_rows(recording, process, values, row, kept, rows)
        target = np.nan if raw is None else derive(raw, process.target)
    return Placed(
        sample_id=recording.sample_id,
        source=recording.source,
        start=recording.start,
        values=values,
        received=int(row.size),
        disordered=disordered,
        target=float(target),
        metadata=recording.metadata,
        unknown=unknown,
    )


def assemble(placed: Sequence[Placed], process: Process, scope: Scope) -> SampleBatch:
    """Recordings on the grid as one batch, in the order given; none make a batch of no samples."""
    rows = process.sample.horizon_rows if scope == "horizon" else process.sample.rows
    return assemble_rows(placed, process, rows)


def assemble_rows(placed: Sequence[Placed], process: Process, rows: int) -> SampleBatch:
    """As :func:`assemble`, for a grid of any number of rows."""
    values = np.empty((len(placed), rows, len(process.sensors)))
    for i, one in enumerate(placed):
        values[i] = one.values
    return SampleBatch(
        sensors=process.sensor_names,
        ids=tuple(one.sample_id for one in placed),
        sources=tuple(one.source for one in placed),
        start=np.array([one.start for one in placed], "datetime64[us]"),
        values=values,
        received=np.array([one.received for one in placed], np.int64),
        disordered=np.array([one.disordered for one in placed], np.int64),
        target=np.array([one.target for one in placed], np.float64),
        metadata=tuple(one.metadata for one in placed),
    )


def check_start(recording: Recording, process: Process, now: np.datetime64 | None) -> None:
    """Refuse (reason "time") a start too far in the future or the past of `now`."""
    if np.isnat(recording.start):
        raise SampleError("time", "expected a start time; found none", recording.sample_id)
    if now is None:
        return
    ahead_s = float((recording.start - now) / np.timedelta64(1, "s"))
    stream = process.stream
    if ahead_s > stream.max_future_s or -ahead_s > stream.max_age_days * 86400:
        expected = f"a start at most {stream.max_future_s:g} s ahead of {now} and {stream.max_age_days:g} days behind"
        raise SampleError("time", f"expected {expected}; found {recording.start}", recording.sample_id)


def check_rows(rows: int, process: Process, sample_id: str | None) -> None:
    """Refuse no rows ("empty"), or many more than a recording can have ("too_many_rows")."""
    limit = ROWS_FACTOR * process.sample.rows
    if rows == 0:
        raise SampleError("empty", f"expected up to {process.sample.rows} rows; found 0", sample_id)
    if rows > limit:
        raise SampleError("too_many_rows", f"expected at most {limit} rows; found {rows}", sample_id)


def _check_form(recording: Recording, process: Process) -> int:
    ident, values = recording.sample_id, recording.values
    if values.ndim != 2 or values.shape[1] != len(recording.sensors) or not recording.sensors:
        found = f"values of shape {values.shape} for {len(recording.sensors)} names"
        raise SampleError("columns", f"expected one named column per sensor; found {found}", ident)
    count = int(values.shape[0])
    check_rows(count, process, ident)
    for name in ("times_s", "target"):
        column = getattr(recording, name)
        if column is not None and column.shape != (count,):
            raise SampleError("columns", f"expected {count} entries in {name}; found {column.shape}", ident)
    return count


def _columns(recording: Recording, process: Process) -> tuple[dict[int, int], tuple[str, ...]]:
    """Column sent -> column of the grid, and the names nobody knows."""
    place_of = {name: j for j, name in enumerate(process.sensors)}
    aliases = process.aliases
    columns: dict[int, int] = {}
    unknown: list[str] = []
    for i, name in enumerate(recording.sensors):
        j = place_of.get(aliases.get(name, name))
        if j is None:
            unknown.append(name)
        elif j in columns.values():
            known = process.sensor_names[j]
            raise SampleError("columns", f"expected {known} once; found it twice, once as {name}", recording.sample_id)
        else:
            columns[i] = j
    if not columns:
        found = reprlib.repr(list(recording.sensors))
        raise SampleError("columns", f"expected sensors of {process.name}; found only {found}", recording.sample_id)
    return columns, tuple(unknown)


def _row_of(times_s: NDArray[np.float64], period_s: float) -> NDArray[np.float64]:
    with np.errstate(over="ignore"):
        return np.asarray(np.floor(times_s / period_s + 0.5))


def _clock(recording: Recording, period_s: float, rows: int) -> tuple[NDArray[np.int64], NDArray[np.bool_] | None, int]:
    """Row of each reading, which of them lie on the grid (None: all), and how many of those came out of order."""
    times, count = recording.times_s, len(recording.values)
    if times is None:
        return np.arange(count), None if count <= rows else np.arange(count) < rows, 0
    if not np.isfinite(times).all():
        found = f"{int((~np.isfinite(times)).sum())} rows without one"
        raise SampleError("time", f"expected a time for each row; found {found}", recording.sample_id)
    row = np.clip(_row_of(times, period_s), -1, rows)
    kept = (row >= 0) & (row < rows)
    late = np.zeros(count, np.bool_)
    late[1:] = times[1:] <= np.maximum.accumulate(times)[:-1]
    return row.astype(np.int64), kept, int((late & kept).sum())


def _convert(recording: Recording, process: Process, columns: Mapping[int, int]) -> NDArray[np.float64]:
    """The known columns in the process' units, what is no reading as NaN."""
    readings = recording.values[:, list(columns)]
    readings[~(np.abs(readings) <= MAX_READING)] = np.nan
    for k, (i, j) in enumerate(columns.items()):
        given = recording.units.get(recording.sensors[i])
        wanted = process.sensors[process.sensor_names[j]].unit
        if given is not None and given != wanted:
            gain, offset = _conversion(recording.sensors[i], given, wanted, recording.sample_id)
            readings[:, k] = readings[:, k] * gain + offset
    return readings


def _conversion(name: str, given: str, wanted: str, sample_id: str) -> tuple[float, float]:
    try:
        return units.conversion(given, wanted)
    except (KeyError, ValueError):
        detail = f"expected {name} in {wanted} or a unit of the same kind; found {given!r}"
        raise SampleError("unit", detail, sample_id) from None


def _fill(
    grid: NDArray[np.float64], row: NDArray[np.int64], readings: NDArray[np.float64], columns: Sequence[int]
) -> None:
    """Write rows; of several readings of one cell the first stands, which reversed assignment leaves last."""
    if (np.diff(row) > 0).all():
        grid[row[:, None], columns] = readings
        return
    there = ~np.isnan(readings)
    cell = row[:, None] * grid.shape[1] + np.asarray(columns)
    grid.reshape(-1)[cell[there][::-1]] = readings[there][::-1]


def _target_rows(
    recording: Recording,
    process: Process,
    values: NDArray[np.float64],
    row: NDArray[np.int64],
    kept: NDArray[np.bool_] | None,
    rows: int,
) -> NDArray[np.float64] | None:
    """The target's raw column on the grid: sent beside the sensors, or one of them."""
    target = process.target
    if target.from_ != "completion" or target.column is None:
        return None
    if recording.target is None:
        return values[:, process.sensor_names.index(target.column)] if target.column in process.sensors else None
    sent = recording.target if kept is None else recording.target[kept]
    sent = np.where(np.abs(sent) <= MAX_READING, sent, np.nan)
    given = recording.units.get(target.column)
    wanted = "mbar" if target.transform == "log10" and target.unit == "log10(mbar)" else target.unit
    if given is not None and given != wanted:
        gain, offset = _conversion(target.column, given, wanted, recording.sample_id)
        sent = sent * gain + offset
    grid = np.full((rows, 1), np.nan)
    _fill(grid, row, sent[:, None], [0])
    return grid[:, 0]
