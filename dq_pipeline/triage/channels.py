"""What single channels show, where a sensor at rest or a neighbour's channel makes one fault look like another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.audit import Finding, others, own
from dq_pipeline.audit.material import Material
from dq_pipeline.drift import relations
from dq_pipeline.process import Process
from dq_pipeline.triage.case import Stretch

Floats = NDArray[np.float64]

RESTS = 0.05
"""Share of recordings of one reading from which that is one of the plant's states."""
LIKE_ANOTHER = frozenset({"stuck", "dead", "clipped", "noisy"})
"""Faults that a channel shows as well where another sensor, one that rests or is louder, is connected to it."""


def resting(names: Sequence[str], before: Stretch) -> frozenset[str]:
    """Sensors that read one and the same in some recordings anyway: what they show by themselves is no fault."""
    with relations.no_complaints():
        still = np.nanmax(before.values, axis=1) <= np.nanmin(before.values, axis=1)
    return frozenset(name for j, name in enumerate(names) if still[:, j].mean() >= RESTS)


def reread(process: Process, before: Floats, after: Floats, found: Sequence[Finding]) -> list[Finding]:
    """The findings of an audit, with channels that are exchanged in place of what each shows by itself."""
    names = process.sensor_names
    left = list(found)
    if any(one.fault in LIKE_ANOTHER for one in found):
        units = [process.sensors[name].unit for name in names]
        ranges = [process.sensors[name].range for name in names]
        material = Material(before, after, names, units, {}, ranges, None)
        read = np.isfinite(before).any(axis=(0, 1)) & np.isfinite(after).any(axis=(0, 1))
        seen = np.flatnonzero(read).tolist()
        pair, moved = own.exchanged(material, seen) if material.enough else (None, np.zeros(0))
        if pair is not None:
            left = [one for one in left if one.sensor not in {names[j] for j in pair}]
            left += others.swap(material, pair, moved)
    return left
