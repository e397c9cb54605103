"""The compiled pass for a sensor whose every cell was seen: loops of which a processor takes several steps at once.

What it counts is what the general pass in `kernel` counts; sums may differ in their last digit.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

STUCK = 4
CELLS = 511.0
PART = 64


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
    cells: NDArray[np.uint32],
    flags: NDArray[np.uint8],
    histogram: NDArray[np.uint32],
    drift_histogram: NDArray[np.uint32],
) -> tuple[int, int, int]:  # pragma: no cover - compiled
    """Outlying cells, spikes, and cells that are either; the rest goes into the arrays after `run_limit`.

    Parameters
    ----------
    column : (T + 2,)
        Readings between two NaN.
    """
    rows = column.shape[0] - 2
    outlying = spikes = spikes_alone = 0
    parts = np.empty(4 * PART, np.uint32)
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
        # the first and the last reading have a neighbour that is NaN, and are no spikes
        inner, more = max(1 - first, 0), min(rows - 1, stop) - first
        here = 0
        for t in range(inner, more):
            before, v, after = part[t], part[t + 1], part[t + 2]
            higher, lesser = (before, after) if before > after else (after, before)
            here += int((v - higher > spike) | (lesser - v > spike))
        spikes += here
        if here > 0:
            for t in range(inner, more):
                before, v, after = part[t], part[t + 1], part[t + 2]
                is_spike = (v - max(before, after) > spike) | (min(before, after) - v > spike)
                spikes_alone += int(is_spike & (v >= low[t]) & (v <= high[t]))
    for t in range(rows):
        place = (column[t + 1] - whole_low) * whole_per_unit
        place = place if place > 0.0 else 0.0
        cells[t] = np.uint32(place if place < CELLS else CELLS)
    _add(cells, whole_table, parts, drift_histogram)
    equal = 0
    for t in range(1, rows):
        equal += int(column[t + 1] == column[t])
    if equal >= run_limit:
        _mark_stuck(column, run_limit, flags)
    return outlying, spikes, outlying + spikes_alone


@njit(cache=True, nogil=True)
def _add(
    cells: NDArray[np.uint32], table: NDArray[np.uint8], parts: NDArray[np.uint32], histogram: NDArray[np.uint32]
) -> None:  # pragma: no cover - compiled
    """Count cells by bin, in four histograms by turns: neighbours share a bin, and one would wait for the other.

    All indices are unsigned: one that might be negative costs a test in every step.
    """
    parts[:] = 0
    one, whole = np.uint32(1), cells.shape[0] // 4
    for q in range(whole):
        first = np.uint64(4 * q)
        parts[np.uint64(table[cells[first]])] += one
        parts[np.uint64(PART) + np.uint64(table[cells[first + np.uint64(1)]])] += one
        parts[np.uint64(2 * PART) + np.uint64(table[cells[first + np.uint64(2)]])] += one
        parts[np.uint64(3 * PART) + np.uint64(table[cells[first + np.uint64(3)]])] += one
    for t in range(4 * whole, cells.shape[0]):
        parts[np.uint64(table[cells[t]])] += one
    for b in range(histogram.shape[0]):
        histogram[b] += parts[b] + parts[PART + b] + parts[2 * PART + b] + parts[3 * PART + b]


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
