"""The compiled pass over one sample's sensors: the drift features, and the sums that they share with the profile."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

SUMS = 7
MANY = 32
"""Sensors beyond which the residuals themselves are computed."""
FLOOR = 1e-6
"""Added to a variance before its logarithm is taken."""


@njit(cache=True, nogil=True)
def features_of(
    columns: Floats,
    clock: Floats,
    time: float,
    time_squares: float,
    median: Floats,
    sd: Floats,
    q10: Floats,
    q90: Floats,
    residual: Floats,
    scaled: Floats,
    seen: Integers,
    sums: Floats,
    out: Floats,
) -> None:  # pragma: no cover - compiled
    """The features (7, f) of one sample, of its columns (f, T + 2) as `by_sensor` makes them.

    Parameters
    ----------
    clock : (T,)
        Time on [-1, 1].
    time, time_squares
        Its sums, see `by_sensor.sums_of`.
    scaled : (f, T)
        Scratch: the scaled and centred readings, 0 where a cell is missing.
    seen : (f,)
        Out: observed cells.
    sums : (f, 7)
        Out: sums over the observed cells, in the order of `kernel.MOMENTS`.
    """
    rows = clock.shape[0]
    for j in range(scaled.shape[0]):
        column, middle, per_sd = scaled[j], median[j], 1.0 / sd[j]
        readings, count = columns[j, 1 : rows + 1], rows
        if not _whole(readings, middle, per_sd, clock, time, time_squares, q10[j], q90[j], column, sums[j], out[:, j]):
            count = _observed(column)
            _in_part(column, clock, count, q10[j], q90[j], sums[j], out[:, j])
        seen[j] = count
        if count < 2:
            out[:, j] = np.nan
            column[:] = 0.0
    if scaled.shape[0] == 1:
        out[6, 0] = out[0, 0] * 0.0
        return
    _residuals(scaled, residual, out)


@njit(cache=True, nogil=True)
def _observed(column: Floats) -> int:  # pragma: no cover - compiled
    """How many cells are not missing."""
    count = 0
    for t in range(column.shape[0]):
        count += int(column[t] - column[t] == 0.0)
    return count


# Sums may be taken in any order, several at once; whether a cell is missing must still be asked (no `nnan`, no `ninf`).
@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})
def _whole(
    readings: Floats,
    middle: float,
    per_sd: float,
    clock: Floats,
    time: float,
    time_squares: float,
    low: float,
    high: float,
    scaled: Floats,
    sums: Floats,
    out: Floats,
) -> bool:  # pragma: no cover - compiled
    """Six features of a sensor whose every cell was seen, readings left centred; False, left scaled, if one was not."""
    rows = readings.shape[0]
    total = squares = above = below = squared_steps = 0.0
    for t in range(rows):
        x = (readings[t] - middle) * per_sd
        scaled[t] = x
        total += x
        squares += x * x
        over, under = x - high, low - x
        above += over if over > 0.0 else 0.0
        below += under if under > 0.0 else 0.0
    # NaN of a missing cell, or readings too large to be added; a difference from itself would be taken for 0 here
    if rows < 2 or not abs(total) < np.inf:
        return False
    for t in range(1, rows):
        change = scaled[t] - scaled[t - 1]
        squared_steps += change * change
    mean = total / rows
    variation = cross = 0.0
    for t in range(rows):
        x = scaled[t] - mean
        scaled[t] = x
        variation += x * x
        cross += x * clock[t]
    sums[0] = total
    sums[1] = squares
    sums[2] = rows - 1
    sums[3] = squared_steps
    sums[4] = time
    sums[5] = time_squares
    sums[6] = cross + mean * time
    out[0] = mean
    out[1] = 0.5 * np.log(variation / rows + FLOOR)
    out[2] = 0.5 * np.log(squared_steps / (rows - 1) + FLOOR)
    out[3] = cross / time_squares
    out[4] = above / rows
    out[5] = below / rows
    return True


@njit(cache=True, nogil=True)
def _in_part(
    column: Floats, clock: Floats, count: int, low: float, high: float, sums: Floats, out: Floats
) -> None:  # pragma: no cover - compiled
    """The same where cells are missing, which are 0 after centring."""
    rows = column.shape[0]
    pairs = 0
    total = squares = squared_steps = time_total = time_squares = above = below = 0.0
    previous = np.nan
    for t in range(rows):
        x = column[t]
        if not np.isfinite(x):
            previous = np.nan
            continue
        total += x
        squares += x * x
        time_total += clock[t]
        time_squares += clock[t] * clock[t]
        above += max(x - high, 0.0)
        below += max(low - x, 0.0)
        if not np.isnan(previous):
            pairs += 1
            squared_steps += (x - previous) ** 2
        previous = x
    cells = max(count, 1)
    mean, time_mean = total / cells, time_total / cells
    variation = cross = time_variation = 0.0
    for t in range(rows):
        x = column[t]
        if not np.isfinite(x):
            column[t] = 0.0
            continue
        x -= mean
        time = clock[t] - time_mean
        column[t] = x
        variation += x * x
        cross += x * time
        time_variation += time * time
    sums[0] = total
    sums[1] = squares
    sums[2] = pairs
    sums[3] = squared_steps
    sums[4] = time_total
    sums[5] = time_squares
    sums[6] = cross + mean * time_total
    if count < 2:
        return
    out[0] = mean
    out[1] = 0.5 * np.log(variation / count + FLOOR)
    out[2] = 0.5 * np.log(squared_steps / pairs + FLOOR) if pairs > 0 else np.nan
    out[3] = cross / time_variation
    out[4] = above / count
    out[5] = below / count


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})
def _residuals(centred: Floats, residual: Floats, out: Floats) -> None:  # pragma: no cover - compiled
    """The last feature, from the scatter (f, f) of the centred columns (f, T)."""
    sensors, rows = centred.shape
    if sensors > MANY:  # the scatter's way costs their cube
        beyond = np.dot(residual, centred)
        for j in range(sensors):
            if not np.isnan(out[0, j]):
                out[6, j] = 0.5 * np.log((beyond[j] * beyond[j]).sum() / rows + FLOOR)
        return
    scatter = np.empty((sensors, sensors))
    for a in range(sensors):
        for b in range(a, sensors):
            product = 0.0
            for t in range(rows):
                product += centred[a, t] * centred[b, t]
            scatter[a, b] = product
    for j in range(sensors):
        if np.isnan(out[0, j]):
            continue
        power = 0.0
        for a in range(sensors):
            row = 0.5 * residual[j, a] * scatter[a, a]
            for b in range(a + 1, sensors):
                row += residual[j, b] * scatter[a, b]
            power += 2.0 * residual[j, a] * row
        out[6, j] = 0.5 * np.log(max(power, 0.0) / rows + FLOOR)
