"""What flags are decided by: statistics that are large where something is unusual."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

WINDOW = 10
"""In fewer samples nothing is taken as common to them."""


def alone(statistic: Floats, usually: float) -> Floats:
    """Statistics (n,) of a window without what it has in common: its median as far as it exceeds the reference's."""
    if len(statistic) < WINDOW or np.isnan(statistic).all():
        return statistic
    return statistic - max(0.0, float(np.nanmedian(statistic)) - usually)


def apart(distance: Floats, usually: float) -> Floats:
    """Distances (n,) of a window less its median: a denser or sparser neighbourhood is common to all of them."""
    return distance - (usually if len(distance) < WINDOW else float(np.median(distance)))


def unusualness(value: Floats, outputs: Floats, usual: Floats, classes: int) -> Floats:
    """How far answers (n,) lie from the middle of those of the reference, in units of its 5 to 50 or 50 to 95 %.

    Of classes, one less the share of the class in the reference.
    """
    if classes:
        share = np.bincount(outputs.astype(np.int64), minlength=classes) / max(len(outputs), 1)
        return np.asarray(1.0 - share[value.astype(np.int64)], dtype=np.float64)
    low, middle, high = usual
    down, up = max(middle - low, 1e-12), max(high - middle, 1e-12)
    far = np.where(value < middle, (middle - value) / down, (value - middle) / up)
    return np.asarray(far, dtype=np.float64)


def doubt(unified: Floats, threshold: float, band: float) -> Floats:
    """How near scores (n,) lie to the threshold, as minus the distance; minus infinity outside the band."""
    apart = np.abs(unified - threshold)
    return np.where(apart > band, -np.inf, -apart)


def beyond(value: Floats, lower: Floats, upper: Floats, truth: Floats, *, classes: int) -> Floats:
    """Errors (n,) in half-widths of the interval; minus infinity within it. A class outside the set counts for all."""
    missed = (truth < lower) | (upper < truth)
    half = np.maximum((upper - lower) / 2.0, 1e-12)
    return np.where(missed, 1e9 if classes else np.abs(truth - value) / half, -np.inf)
