"""Lasting changes put on top of recordings from a known moment on, so that what finds them can be judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.errors import DataError
from dq_pipeline.recording import Recording

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Step:
    """How far a column moves: the size, its robust standard deviation, its place among the columns that move."""

    size: float
    scale: float
    position: int


def process_change(column: Floats, step: Step) -> Floats:
    """The process runs elsewhere: a shift of `size` robust standard deviations, up and down by turns."""
    return column + (-step.size if step.position % 2 else step.size) * step.scale


def offset(column: Floats, step: Step) -> Floats:
    """The sensor reads `size` robust standard deviations too high."""
    return column + step.size * step.scale


def gain(column: Floats, step: Step) -> Floats:
    """The sensor reads too much by the share `size`."""
    return column * (1.0 + step.size)


def unit(column: Floats, step: Step) -> Floats:
    """The sensor reports in another unit, `size` times as large a number."""
    return column * step.size


DRIFTS: MappingProxyType[str, Callable[[Floats, Step], Floats]] = MappingProxyType(
    {"process_change": process_change, "offset": offset, "gain": gain, "unit": unit}
)


def with_drift(
    recordings: Sequence[Recording],
    at: int,
    kind: str,
    *,
    sensors: Sequence[str],
    size: float,
    scale: Mapping[str, float],
    target_shift: float = 0.0,
) -> list[Recording]:
    """Recordings of which the ones from number `at` on are changed, for good.

    Parameters
    ----------
    sensors
        Columns that change; for a fault of one sensor, one.
    size
        In robust standard deviations (process_change, offset), as a share (gain) or as a factor (unit).
    scale
        Robust standard deviation by column name, see :func:`dq_pipeline.simulate.faults.robust_scale`.
    target_shift
        Added to the target's raw column: with it the relation between sensors and target changes too, so that a model
        trained before the change is wrong after it and one trained anew is not.

    Raises
    ------
    DataError
        If the kind or a sensor is unknown.

    Examples
    --------
    >>> one = Recording("a", "rig", np.datetime64("2026-01-01", "us"), ("p",), np.ones((2, 1)))
    >>> [r.values[0, 0] for r in with_drift([one, one], 1, "offset", sensors=["p"], size=3, scale={"p": 2.0})]
    [np.float64(1.0), np.float64(7.0)]
    """
    if kind not in DRIFTS:
        raise DataError(f"Unknown drift {kind!r}. Registered: {', '.join(DRIFTS)}.")
    changed: list[Recording] = list(recordings[:at])
    for recording in recordings[at:]:
        missing = [name for name in sensors if name not in recording.sensors]
        if missing:
            raise DataError(f"sensors {', '.join(recording.sensors)} expected in a drift, found {', '.join(missing)}")
        values = recording.values.copy()
        for position, name in enumerate(sensors):
            j = recording.sensors.index(name)
            values[:, j] = DRIFTS[kind](values[:, j], Step(size, scale.get(name, 1.0), position))
        target = None if recording.target is None else recording.target + target_shift
        changed.append(replace(recording, values=values, target=target))
    return changed
