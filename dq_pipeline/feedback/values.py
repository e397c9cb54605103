"""Which values a label may have."""

from __future__ import annotations

import math

from dq_pipeline.process import Process
from dq_pipeline.target import MAX_READING


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
