"""Readings sensor by sensor, as every compiled pass walks them."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def by_sensor(values: Floats) -> Floats:
    """Samples (n, T, f) as (n, f, T), a sensor's readings next to each other.

    Examples
    --------
    >>> by_sensor(np.array([[[1.0, 2.0], [3.0, 4.0]]])).tolist()
    [[[1.0, 3.0], [2.0, 4.0]]]
    """
    n, rows, sensors = values.shape
    turned = np.empty((n, sensors, rows))
    _turn(np.ascontiguousarray(values, np.float64), turned)
    return turned


@njit(cache=True, nogil=True)
def _turn(values: Floats, turned: Floats) -> None:  # pragma: no cover - compiled
    n, rows, sensors = values.shape
    for i in range(n):
        for t in range(rows):
            for j in range(sensors):
                turned[i, j, t] = values[i, t, j]
