"""What flags are decided by: statistics that are large where something is unusual."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

WINDOW = 10
"""In fewer samples nothing is taken as common to them."""
SHARED = 25
"""Errors, one after the other, whose median is common to them."""


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


def beyond(
    value: Floats, lower: Floats, upper: Floats, truth: Floats, *, classes: int, common: Floats | float = 0.0
) -> Floats:
    """Errors (n,) in half-widths of the interval; minus infinity within it. A class outside the set counts for all.

    `common`, signed and in half-widths, is taken off: an error that others share is drift.
    """
    missed = (truth < lower) | (upper < truth)
    return np.where(missed, 1e9 if classes else np.abs(signed(value, lower, upper, truth) - common), -np.inf)


def signed(value: Floats, lower: Floats, upper: Floats, truth: Floats) -> Floats:
    """Errors (n,) in half-widths of the interval, positive where the truth is larger."""
    return np.asarray((truth - value) / np.maximum((upper - lower) / 2.0, 1e-12), dtype=np.float64)


def trailing_median(errors: Floats) -> Floats:
    """Median (n,) of each error and the ones before it, :data:`SHARED` in all; 0 while fewer than :data:`WINDOW` came.

    Examples
    --------
    >>> trailing_median(np.ones(12)).tolist()
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0]
    """
    padded = np.concatenate([np.full(SHARED - 1, np.nan), errors])
    windows = np.lib.stride_tricks.sliding_window_view(padded, SHARED)[WINDOW - 1 :]
    return np.concatenate([np.zeros(min(WINDOW - 1, len(errors))), np.nanmedian(windows, axis=1)])
