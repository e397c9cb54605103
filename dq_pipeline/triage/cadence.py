"""Recordings that never come: gaps in the starts of those that do, where these come at a steady pace."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEAST = 20
"""Steps from one start to the next that tell the pace."""
_STEADY = 0.1
AT_ONCE = 2
"""Recordings that a single gap counts at most: a plant that stood still lost nothing."""


def pace(start: Floats) -> float | None:
    """Seconds from one start (n,) to the next; None where they are few, or do not come at a steady pace.

    Examples
    --------
    >>> pace(np.arange(50) * 60.0), pace(np.cumsum(np.arange(50.0)))
    (60.0, None)
    """
    step = np.diff(np.sort(start))
    if len(step) < LEAST:
        return None
    low, middle, high = np.quantile(step, (0.25, 0.5, 0.75))
    return float(middle) if middle > 0.0 and high - low <= _STEADY * middle else None


def gaps(start: Floats, pace_s: float) -> Floats:
    """Recordings (n - 1,) that did not come before each of these but the first, in the order of their starts (n,).

    Examples
    --------
    >>> gaps(np.array([0.0, 60.0, 240.0, 300.0, 9000.0]), 60.0)
    array([0., 2., 0., 2.])
    """
    return np.clip(np.rint(np.diff(np.sort(start)) / pace_s) - 1.0, 0.0, AT_ONCE)
