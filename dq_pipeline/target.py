"""The target, derived from the raw column of a completed recording."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.process import Process, Target

MAX_READING = 1e15
"""Beyond this (infinity included) a number is a fill value and no reading: it counts as missing."""


def derive(column: NDArray[np.float64], target: Target) -> float:
    """Reduce the rows of interest to one number, then transform it.

    Parameters
    ----------
    column
        (rows,) on the clock's grid, in the column's own unit; NaN where nothing was read.

    Returns
    -------
    float
        In `target.unit`, or the index of a class; NaN where it is not known.

    Examples
    --------
    >>> derive(np.array([9.0, 1.0, 3.0]), Target(name="y", column="c", rows=(1, 3)))
    2.0
    """
    first, stop = target.rows if target.rows is not None else (0, len(column))
    seen = column[first:stop]
    seen = seen[np.abs(seen) <= MAX_READING]
    if not seen.size:
        return np.nan
    if target.task == "classification":
        return _class(seen, target.reduce, len(target.classes))
    reduced = seen[-1] if target.reduce == "last" else getattr(np, target.reduce)(seen)
    if target.transform == "log10":
        return float(np.log10(reduced)) if reduced > 0 else np.nan
    return float(reduced)


def plausible_range(process: Process) -> tuple[float, float]:
    """Where a label may lie: in the range of the sensor that the target is derived from, else any reading."""
    target = process.target
    sensor = process.sensors.get(target.column or "")
    if sensor is None:
        return -MAX_READING, MAX_READING
    low, high = sensor.range
    if target.transform == "log10":
        return (math.log10(low) if low > 0.0 else -MAX_READING), (math.log10(high) if high > 0.0 else MAX_READING)
    return low, high


def plausible(process: Process, value: object) -> str:
    """What is wrong with a label; empty if it is one."""
    classes = process.target.classes
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return f"a finite number expected, found {str(value)[:50]!r}"
    if classes:
        if value not in range(len(classes)):
            return f"the index of a class, 0 to {len(classes) - 1} ({', '.join(classes)}), expected; found {value:g}"
        return ""
    low, high = plausible_range(process)
    if not low <= value <= high:
        return f"{process.target.name} from {low:g} to {high:g} {process.target.unit} expected, found {value:g}"
    return ""


def _class(seen: NDArray[np.float64], reduce: str, classes: int) -> float:
    """A class index; means and medians of indices say nothing, so the most frequent class is taken for them."""
    seen = seen[(seen >= 0) & (seen < classes) & (seen == np.floor(seen))]
    if not seen.size:
        return np.nan
    match reduce:
        case "last":
            return float(seen[-1])
        case "min":
            return float(seen.min())
        case "max":
            return float(seen.max())
        case _:
            return float(np.bincount(seen.astype(np.int64)).argmax())
