"""One recording as it was sent, and how it gets onto the clock's grid: the form gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.channels import ROWS_FACTOR, Channel, cut_channels, place_channels
from dq_pipeline.columns import Columns, conversion, conversions, match
from dq_pipeline.encode.placing import row_of
from dq_pipeline.errors import SampleError
from dq_pipeline.process import Process
from dq_pipeline.samples import SampleBatch, Scope
from dq_pipeline.target import MAX_READING, derive

_MOMENT = np.dtype("datetime64[us]")


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
    channels
        What is no number, by the sender's names: categories, lines of a log, images, each with its time.
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
    channels: Mapping[str, Channel] = field(default_factory=dict)


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
    early = slice(rows) if recording.times_s is None else row_of(recording.times_s, period_s) < rows
    times = None if recording.times_s is None else recording.times_s[early]
    channels = cut_channels(recording.channels, rows, period_s)
    return replace(recording, values=recording.values[early], times_s=times, target=None, channels=channels)


def place(
    recording: Recording,
    process: Process,
    scope: Scope,
    now: np.datetime64 | None = None,
    into: NDArray[np.float64] | None = None,
) -> Placed:
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
    into
        (rows, f) of a batch, to be overwritten with the values; None: a new array.

    Raises
    ------
    SampleError
        With one of :data:`dq_pipeline.samples.REASONS`.
    """
    check_start(recording, process, now)
    return place_rows(recording, process, rows_of(process, scope), with_target=scope == "completion", into=into)


def rows_of(process: Process, scope: Scope) -> int:
    """Rows of the grid of a scope."""
    return process.sample.horizon_rows if scope == "horizon" else process.sample.rows


def place_rows(
    recording: Recording, process: Process, rows: int, *, with_target: bool, into: NDArray[np.float64] | None = None
) -> Placed:
    """As :func:`place`, onto a grid of any number of rows, whatever the start."""
    count = _check_form(recording, process)
    columns = match(recording.sensors, process, recording.sample_id) if recording.sensors else Columns((), (), ())
    factors = conversions(columns, recording.sensors, recording.units, process, recording.sample_id)
    row, kept, disordered = _clock(recording, process.sample.period_s, rows)
    values = np.empty((rows, len(process.sensors))) if into is None else into
    whole = _copy_whole(recording, columns, factors, values)
    if not whole:
        values[:], readings = np.nan, _convert(recording, columns, factors)
        if kept is not None:
            readings, row = readings[kept], row[kept]
        _fill(values, row, readings, columns.placed)
    elif kept is not None:
        row = row[kept]
    unknown = columns.unknown + place_channels(recording.channels, process, values, recording.sample_id)
    if not whole and np.isnan(values).all():
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
    return assemble_rows(placed, process, rows_of(process, scope))


def assemble_rows(
    placed: Sequence[Placed], process: Process, rows: int, values: NDArray[np.float64] | None = None
) -> SampleBatch:
    """As :func:`assemble`, for a grid of any number of rows; `values` (n, rows, f) if they stand together already."""
    if values is None:
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
    start_us, now_us = (int(moment.astype(_MOMENT).view(np.int64)) for moment in (recording.start, now))
    ahead_s = (start_us - now_us) / 1e6
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
    if values.ndim != 2 or values.shape[1] != len(recording.sensors) or not (recording.sensors or recording.channels):
        found = f"values of shape {values.shape} for {len(recording.sensors)} names"
        raise SampleError("columns", f"expected one named column per sensor; found {found}", ident)
    check_rows(count := len(values), process, ident)
    for name in ("times_s", "target"):
        column = getattr(recording, name)
        if column is not None and column.shape != (count,):
            raise SampleError("columns", f"expected {count} entries in {name}; found {column.shape}", ident)
    return count


def _clock(recording: Recording, period_s: float, rows: int) -> tuple[NDArray[np.int64], NDArray[np.bool_] | None, int]:
    """Row of each reading, which of them lie on the grid (None: all), and how many of those came out of order."""
    times, count = recording.times_s, len(recording.values)
    if times is None:
        return np.arange(count), None if count <= rows else np.arange(count) < rows, 0
    if not np.isfinite(times).all():
        found = f"{int((~np.isfinite(times)).sum())} rows without one"
        raise SampleError("time", f"expected a time for each row; found {found}", recording.sample_id)
    row = np.clip(row_of(times, period_s), -1, rows)
    kept = (row >= 0) & (row < rows)
    late = np.zeros(count, np.bool_)
    late[1:] = times[1:] <= np.maximum.accumulate(times)[:-1]
    return row.astype(np.int64), kept, int((late & kept).sum())


def _copy_whole(
    recording: Recording, columns: Columns, factors: Mapping[int, tuple[float, float]], grid: NDArray[np.float64]
) -> bool:
    """Copy a recording that needs no more than that: whole rows by position, in their units, every cell a reading."""
    rows, f = grid.shape
    if recording.times_s is not None or factors or len(recording.values) < rows or len(columns.sent) < f:
        return False
    if columns.sent == columns.placed == tuple(range(f)):
        grid[:] = recording.values[:rows, :f]
    else:
        grid[:, columns.placed] = recording.values[:rows, columns.sent]
    return bool(grid.min() >= -MAX_READING and grid.max() <= MAX_READING)  # no where a cell is missing


def _convert(recording: Recording, columns: Columns, factors: Mapping[int, tuple[float, float]]) -> NDArray[np.float64]:
    """The known columns in the process' units, what is no reading as NaN."""
    readings = recording.values[:, list(columns.sent)]
    readings[~(np.abs(readings) <= MAX_READING)] = np.nan
    for k, j in enumerate(columns.placed):
        if j in factors:
            readings[:, k] = readings[:, k] * factors[j][0] + factors[j][1]
    return readings


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
        gain, offset = conversion(target.column, given, wanted, recording.sample_id)
        sent = sent * gain + offset
    if recording.times_s is None and len(sent) == rows:  # in place already
        return sent
    grid = np.full((rows, 1), np.nan)
    _fill(grid, row, sent[:, None], [0])
    return grid[:, 0]
