"""The compiled pass for a sensor whose every cell was seen: loops of which a processor takes several steps at once.

What it counts is what the general pass in `kernel` counts; sums may differ in their last digit. Numba keeps a
compiled `kernel` until that file changes: whoever changes this one deletes `__pycache__/*.nb*` beside it.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

STUCK = 4
CELLS = 511.0


# Sums may be taken in any order, several at once; NaN keeps its meaning (no `nnan`): beyond the ends nothing was seen.
@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})
def count_whole(
    column: Floats,
    starts: Integers,
    lower: Floats,
    upper: Floats,
    grid_low: Floats,
    grid_per_unit: Floats,
    table: NDArray[np.uint8],
    whole_low: float,
    whole_per_unit: float,
    whole_table: NDArray[np.uint8],
    spike_limit: Floats,
    run_limit: int,
    centre: float,
    per_scale: float,
    clock: Floats,
    cells: NDArray[np.uint32],
    flags: NDArray[np.uint8],
    histogram: NDArray[np.uint32],
    drift_histogram: NDArray[np.uint32],
    moments: Floats,
) -> tuple[int, int, int]:  # pragma: no cover - compiled
    """Outlying cells, spikes, and cells that are either; the rest goes into the arrays after `clock`.

    Parameters
    ----------
    column : (T + 2,)
        Readings between two NaN.
    """
    rows = column.shape[0] - 2
    outlying = spikes = spikes_alone = 0
    parts = np.empty((4, drift_histogram.shape[0]), np.uint32)
    for k in range(starts.shape[0] - 1):
        base, per_unit, spike = grid_low[k], grid_per_unit[k], spike_limit[k]
        first, stop = starts[k], starts[k + 1]
        # a part of its own counts from 0: an index that might be negative costs a test in every step
        part, low, high, cell = column[first : stop + 2], lower[first:stop], upper[first:stop], cells[first:stop]
        for t in range(stop - first):
            place = (part[t + 1] - base) * per_unit
            place = place if place > 0.0 else 0.0
            cell[t] = np.uint32(place if place < CELLS else CELLS)
        _add(cell, table[k], parts, histogram[k])
        for t in range(stop - first):
            v = part[t + 1]
            outlying += int((v < low[t]) | (v > high[t]))
        for t in range(stop - first):
            before, v, after = part[t], part[t + 1], part[t + 2]
            higher, lesser = (before, after) if before > after else (after, before)
            over, under = v - higher, lesser - v
            is_spike = ((over if over > under else under) > spike) & (before == before) & (after == after)
            spikes += int(is_spike)
            spikes_alone += int(is_spike & (v >= low[t]) & (v <= high[t]))
    for t in range(rows):
        place = (column[t + 1] - whole_low) * whole_per_unit
        place = place if place > 0.0 else 0.0
        cells[t] = np.uint32(place if place < CELLS else CELLS)
    _add(cells, whole_table, parts, drift_histogram)
    total = squares = squared_steps = time = time_squares = time_products = 0.0
    equal = 0
    for t in range(rows):
        x = (column[t + 1] - centre) * per_scale
        total += x
        squares += x * x
        time += clock[t]
        time_squares += clock[t] * clock[t]
        time_products += clock[t] * x
    for t in range(1, rows):
        d = (column[t + 1] - column[t]) * per_scale
        squared_steps += d * d
        equal += int(column[t + 1] == column[t])
    if equal >= run_limit:
        _mark_stuck(column, run_limit, flags)
    moments[0] = total
    moments[1] = squares
    moments[2] = rows - 1
    moments[3] = squared_steps
    moments[4] = time
    moments[5] = time_squares
    moments[6] = time_products
    return outlying, spikes, outlying + spikes_alone


@njit(cache=True, nogil=True)
def _add(
    cells: NDArray[np.uint32], table: NDArray[np.uint8], parts: NDArray[np.uint32], histogram: NDArray[np.uint32]
) -> None:  # pragma: no cover - compiled
    """Count cells by bin, in four histograms by turns: neighbours share a bin, and one would wait for the other."""
    parts[:, :] = 0
    whole = cells.shape[0] // 4
    for q in range(whole):
        parts[0, table[cells[4 * q]]] += np.uint32(1)
        parts[1, table[cells[4 * q + 1]]] += np.uint32(1)
        parts[2, table[cells[4 * q + 2]]] += np.uint32(1)
        parts[3, table[cells[4 * q + 3]]] += np.uint32(1)
    for t in range(4 * whole, cells.shape[0]):
        parts[0, table[cells[t]]] += np.uint32(1)
    for b in range(histogram.shape[0]):
        histogram[b] += parts[0, b] + parts[1, b] + parts[2, b] + parts[3, b]


@njit(cache=True, nogil=True)
def _mark_stuck(column: Floats, run_limit: int, flags: NDArray[np.uint8]) -> None:  # pragma: no cover - compiled
    """Mark all cells of each run of equal readings that is longer than usual."""
    rows = column.shape[0] - 2
    first = 0
    for t in range(1, rows + 1):
        if t == rows or column[t + 1] != column[first + 1]:
            if t - first > run_limit:
                for s in range(first, t):
                    flags[s] |= STUCK
            first = t
