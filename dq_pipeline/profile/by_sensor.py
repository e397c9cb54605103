"""Readings sensor by sensor, as every compiled pass walks them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LINE = 8
"""Rows turned at once: a sensor's readings in them fill a line of the cache."""


def by_sensor(values: NDArray[np.floating[Any]]) -> Floats:
    """Samples (n, T, f) as columns (n, f, T + 2): a sensor's readings side by side, between two NaN.

    A reading that is not finite becomes NaN.

    Examples
    --------
    >>> by_sensor(np.array([[[1.0, 2.0], [3.0, np.inf]]])).tolist()
    [[[nan, 1.0, 3.0, nan], [nan, 2.0, nan, nan]]]
    """
    n, rows, sensors = values.shape
    columns = np.empty((n, sensors, rows + 2))
    _turn(np.ascontiguousarray(values, np.float64), columns)
    return columns


@njit(cache=True, nogil=True)
def _turn(values: Floats, columns: Floats) -> None:  # pragma: no cover - compiled
    n, rows, sensors = values.shape
    columns[:, :, 0] = np.nan
    columns[:, :, rows + 1] = np.nan
    whole = rows // LINE
    for i in range(n):
        for block in range(whole):
            first = LINE * block
            part = values[i, first : first + LINE]
            for j in range(sensors):
                readings = columns[i, j, first + 1 : first + 1 + LINE]
                for t in range(LINE):
                    v = part[t, j]
                    readings[t] = v if v - v == 0.0 else np.nan
        for t in range(LINE * whole, rows):
            for j in range(sensors):
                v = values[i, t, j]
                columns[i, j, t + 1] = v if v - v == 0.0 else np.nan


@njit(cache=True, nogil=True)
def ticks(rows: int) -> Floats:  # pragma: no cover - compiled
    """Time of each row on [-1, 1]."""
    step = 2.0 / (rows - 1) if rows > 1 else 0.0
    clock = np.empty(rows)
    for t in range(rows):
        clock[t] = step * t - 1.0
    return clock


@njit(cache=True, nogil=True)
def sums_of(clock: Floats) -> tuple[float, float]:  # pragma: no cover - compiled
    """Sum of the ticks and of their squares: the same for every column whose every cell was seen."""
    time = time_squares = 0.0
    for t in range(clock.shape[0]):
        time += clock[t]
        time_squares += clock[t] * clock[t]
    return time, time_squares
