"""Copies of the newest recordings, with ids of their own, and the messages they make once damaged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.errors import DataError, SampleError
from dq_pipeline.ports import World
from dq_pipeline.process import Process
from dq_pipeline.recording import Recording, cut
from dq_pipeline.records import Outgoing
from dq_pipeline.simulate.perturbations import Blow, Perturbation, Stretch, columns_hit, concept, spread_between
from dq_pipeline.steps import landing, paths
from dq_pipeline.wire.codec import decode, encode

_MOMENT = np.dtype("datetime64[us]")


@dataclass(frozen=True, slots=True, eq=False)
class Copies:
    """Recordings of one form in stream order.

    Attributes
    ----------
    after_s
        Seconds from a recording's start to its arrival, usually.
    every_s
        Seconds from one arrival to the next, usually.
    """

    recordings: tuple[Recording, ...]
    after_s: float
    every_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Damaged:
    """A copy with what the model is shown of it before the answer, and all of it."""

    horizon: Recording
    completion: Recording


def newest(world: World, process: Process, count: int) -> Copies:
    """The newest recordings of the lake, or of the history where those are too few.

    Raises
    ------
    DataError
        If there are fewer than `count` of one form.
    """
    found: list[tuple[Recording, float]] = []
    for batch in reversed(world.ledger.committed(process.name)):
        if len(found) >= count:
            break
        if batch.samples:
            found = _landed(world, process, batch.batch_id) + found
    if len(found) < count:
        history = world.history(process.as_recorded)
        total = history.count()
        past = history.read_chunk(max(total - (count - len(found)), 0), total)
        found = [(one, process.sample.length_s) for one in past] + found
    form = (found[-1][0].sensors, found[-1][0].values.shape) if found else None
    alike = [one for one in found if (one[0].sensors, one[0].values.shape) == form][-count:]
    if len(alike) < count:
        raise DataError(f"{process.name}: {count} recordings of one form expected for a drill, found {len(alike)}")
    starts = np.array([one.start for one, _ in alike], _MOMENT).view(np.int64) / 1e6
    after = np.array([late for _, late in alike])
    gaps = np.diff(np.sort(starts + after))
    return Copies(tuple(one for one, _ in alike), float(np.median(after)), float(np.median(gaps)) if len(gaps) else 0.0)


def renamed(recordings: Sequence[Recording], key: str, first: int, begin: np.datetime64) -> list[Recording]:
    """With ids of their own, as if they began now, but no metadata of their own, which would announce them."""
    return [
        replace(one, sample_id=f"drill-{key}-{first + i:05d}", start=begin + np.timedelta64(i, "ms"))
        for i, one in enumerate(recordings)
    ]


def damaged(
    recordings: Sequence[Recording], process: Process, one: Perturbation, severity: float, sensor: str, seed: int
) -> list[Damaged]:
    """All of them struck as one stretch.

    Raises
    ------
    DataError
        If the sensor is none of theirs, or what is done to the target would change nothing.
    """
    values = np.stack([recording.values for recording in recordings])
    rows = min(process.sample.horizon_rows, values.shape[1])
    names = [process.aliases.get(name, name) for name in recordings[0].sensors]
    if sensor and sensor not in names:
        raise DataError(f"{process.name}: recordings with {sensor} expected, found {', '.join(names)}")
    target = [recording.target for recording in recordings]
    spread = _target_spread(target, process)
    if one.act is concept and not spread > 0.0:
        raise DataError(f"{process.name}: recordings of several targets expected for {one.name}, found none")
    blow = Blow(
        severity,
        np.random.default_rng(seed),
        columns_hit(one, names.index(sensor) if sensor else 0, len(names)),
        spread_between(values),
        np.array([name in process.sensors and process.sensors[name].unit.startswith("log10") for name in names]),
        spread,
    )
    stretch = Stretch(values, values[:, :rows], np.zeros(len(values), np.int64), np.zeros(len(values)))
    struck = one.strike(stretch, blow)
    found = []
    for i, recording in enumerate(recordings):
        whole = replace(recording, values=struck.values[i], target=_shifted(target[i], struck.target[i], process))
        early = cut(whole, process.sample.horizon_rows, process.sample.period_s)
        late = int(struck.disordered[i])
        if late:
            kept = rows - late
            early = cut(whole, kept, process.sample.period_s)
            whole = _with_late_rows(whole, kept, rows, process.sample.period_s)
        found.append(Damaged(early, whole))
    return found


def messages(copies: Sequence[Damaged], process: Process) -> list[Outgoing]:
    """What is sent of them: every horizon, then every whole recording."""
    topic, sent = process.stream.topic, []
    for scope in ("horizon", "completion"):
        for copy in copies:
            shown = copy.horizon if scope == "horizon" else copy.completion
            key, value, headers = encode(shown, scope, process)
            sent.append(Outgoing(topic, key, value, tuple(headers)))
    return sent


def _landed(world: World, process: Process, batch_id: str) -> list[tuple[Recording, float]]:
    """The whole recordings of a micro-batch as they were sent, and how long after its start each arrived."""
    try:
        raw = landing.from_bytes(world.lake.get(paths.raw(process.name, batch_id)))
    except FileNotFoundError:  # the lake keeps them no longer
        return []
    found = []
    for message in raw:
        try:
            read = decode(message.value, message.headers, process, None, message.key)
        except SampleError:
            continue
        if read.scope == "completion":
            start_ms = int(read.recording.start.astype(_MOMENT).view(np.int64)) / 1e3
            found.append((read.recording, (message.timestamp_ms - start_ms) / 1e3))
    return sorted(found, key=lambda one: (one[0].start, one[0].sample_id))


def _with_late_rows(recording: Recording, first: int, stop: int, period_s: float) -> Recording:
    """The same recording with the rows `first` to `stop` sent after all others."""
    count = len(recording.values)
    order = np.r_[0:first, stop:count, first:stop]
    times = np.arange(count, dtype=np.float64) * period_s if recording.times_s is None else recording.times_s
    target = None if recording.target is None else recording.target[order]
    return replace(recording, values=recording.values[order], times_s=times[order], target=target)


def _target_spread(columns: Sequence[NDArray[np.float64] | None], process: Process) -> float:
    """How much the targets differ, in the unit that a model sees them in."""
    known = [column for column in columns if column is not None and np.isfinite(column).any()]
    levels = np.array([np.nanmean(column) for column in known])
    if process.target.transform == "log10":
        levels = np.log10(levels[levels > 0.0])
    return float(levels.std()) if len(levels) else 0.0


def _shifted(column: NDArray[np.float64] | None, by: float, process: Process) -> NDArray[np.float64] | None:
    if column is None or by == 0.0:
        return column
    return column * 10.0**by if process.target.transform == "log10" else column + by
