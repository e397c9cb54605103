"""The compiled pass for a sensor whose every cell was seen: loops of which a processor takes several steps at once.

What it counts is what the general pass in `kernel` counts; sums may differ in their last digit.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

RANGE, STEP, STUCK, RULE = 1, 2, 4, 8
"""Flags of a cell that violates something."""
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
    cells: NDArray[np.uint32],
    histogram: NDArray[np.uint32],
    drift_histogram: NDArray[np.uint32],
) -> tuple[int, int, int]:  # pragma: no cover - compiled
    """Outlying cells, spikes, and cells that are either; the rest goes into the histograms.

    Parameters
    ----------
    column : (T + 2,)
        Readings between two NaN.
    cells : (2, T)
        Scratch.
    """
    rows = column.shape[0] - 2
    outlying = spikes = spikes_alone = 0
    parts = np.empty(4 * PART, np.uint32)
    for k in range(starts.shape[0] - 1):
        base, per_unit, spike = grid_low[k], grid_per_unit[k], spike_limit[k]
        first, stop = starts[k], starts[k + 1]
        # a part of its own counts from 0: an index that might be negative costs a test in every step
        part, low, high = column[first + 1 : stop + 1], lower[first:stop], upper[first:stop]
        cell, whole_cell = cells[0, first:stop], cells[1, first:stop]
        for t in range(stop - first):
            v = part[t]
            outlying += int((v < low[t]) | (v > high[t]))
            place = (v - base) * per_unit
            place = place if place > 0.0 else 0.0
            cell[t] = np.uint32(place if place < CELLS else CELLS)
            place = (v - whole_low) * whole_per_unit
            place = place if place > 0.0 else 0.0
            whole_cell[t] = np.uint32(place if place < CELLS else CELLS)
        _add(cell, table[k], parts, histogram[k])
        # the first and the last reading have a neighbour that is NaN, and are no spikes
        inner, more = max(first, 1), min(rows - 1, stop)
        middle = column[inner : more + 2]
        here = 0
        for t in range(more - inner):
            before, v, after = middle[t], middle[t + 1], middle[t + 2]
            higher, lesser = (before, after) if before > after else (after, before)
            here += int((v - higher > spike) | (lesser - v > spike))
        spikes += here
        if here > 0:
            low, high = lower[inner:more], upper[inner:more]
            for t in range(more - inner):
                before, v, after = middle[t], middle[t + 1], middle[t + 2]
                is_spike = (v - max(before, after) > spike) | (min(before, after) - v > spike)
                spikes_alone += int(is_spike & (v >= low[t]) & (v <= high[t]))
    _add(cells[1], whole_table, parts, drift_histogram)
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


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})
def mark_beyond(
    column: Floats, low: float, high: float, largest_step: float, flags: NDArray[np.uint8]
) -> tuple[bool, int]:  # pragma: no cover - compiled
    """Mark cells out of range or after too large a step; whether there are any, and how many equal the one before.

    Counting them takes less than marking each. A missing cell is none of these.

    Parameters
    ----------
    flags : (T,)
        Zeros on entry.
    """
    rows = column.shape[0] - 2
    before, here = column[:rows], column[1 : rows + 1]
    beyond = equal = 0
    for t in range(rows):
        v = here[t]
        beyond += int((v < low) | (v > high) | (np.abs(v - before[t]) > largest_step))
        equal += int(v == before[t])
    if beyond > 0:
        for t in range(rows):
            v = here[t]
            out = (v < low) | (v > high)
            flags[t] = RANGE * out + STEP * (np.abs(v - before[t]) > largest_step)
    return beyond > 0, equal


@njit(cache=True, nogil=True)
def mark_stuck(column: Floats, run_limit: int, flags: NDArray[np.uint8]) -> None:  # pragma: no cover - compiled
    """Mark all cells of each run of equal readings that is longer than usual, where every cell was seen."""
    rows = column.shape[0] - 2
    first = 0
    for t in range(1, rows + 1):
        if t == rows or column[t + 1] != column[first + 1]:
            if t - first > run_limit:
                for s in range(first, t):
                    flags[s] |= STUCK
            first = t
