"""The one compiled pass over samples, walking one sensor of one sample at a time.

Compiled without fast-math: NaN tests vanish under it. Numba keeps it compiled until this file changes: the stamp after
the imports changes with the files of the compiled functions that it calls.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from dq_pipeline.profile.by_sensor import sums_of, ticks
from dq_pipeline.profile.features_pass import features_of
from dq_pipeline.profile.whole import RULE, STUCK, count_whole, mark_beyond, mark_stuck

# compiled with by_sensor, features_pass, whole: a513f7c6
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

CELLS = 512
"""Cells of the uniform grid that stands in for a binary search over bin edges."""
BINS = 32
"""Quantile bins per phase and sensor, and per sensor; one more holds the missing cells."""
COUNTERS = (
    "expected",
    "seen",
    "outlying",
    "spikes",
    "abnormal",
    "out_of_range",
    "steps",
    "stuck",
    "rule_breaks",
    "violating",
)
"""Counted cells per sample and sensor. `abnormal`: outlying or a spike; `violating`: any of the four after it."""
MOMENTS = ("total", "squares", "pairs", "squared_steps", "time", "time_squares", "time_products")
"""Sums over the observed cells of scaled readings and of time on [-1, 1]; they add up over samples."""


@njit(cache=True, nogil=True)
def profile_into(
    columns: Floats,
    starts: Integers,
    lower: Floats,
    upper: Floats,
    grid_low: Floats,
    grid_per_unit: Floats,
    table: NDArray[np.uint8],
    whole_low: Floats,
    whole_per_unit: Floats,
    whole_table: NDArray[np.uint8],
    spike_limit: Floats,
    step_limit: Floats,
    run_limit: Integers,
    range_low: Floats,
    range_high: Floats,
    centre: Floats,
    scale: Floats,
    q10: Floats,
    q90: Floats,
    residual: Floats,
    broken: NDArray[np.bool_],
    somewhere: NDArray[np.bool_],
    concerned: NDArray[np.bool_],
    counters: Integers,
    moments: Floats,
    histogram: NDArray[np.uint32],
    drift_histogram: NDArray[np.uint32],
    features: Floats,
) -> None:  # pragma: no cover - compiled
    """Profile samples against a reference's limits.

    Parameters
    ----------
    columns : (n, f, T + 2)
        Readings as `by_sensor` turns them; NaN is a missing cell.
    starts : (K + 1,)
        First row of each phase, then T.
    lower, upper : (f, T)
        Envelope per row.
    grid_low, grid_per_unit : (f, K)
        The uniform grid: ``cell = (v - low) * per_unit``, held within 0 and 511.
    table : (f, K, 512)
        Bin of each cell.
    whole_low, whole_per_unit : (f,)
        The grid of the bins over the whole recording.
    whole_table : (f, 512)
        Bin of each of its cells.
    spike_limit : (f, K)
        Largest usual distance from the median of a reading and its two neighbours.
    step_limit, range_low, range_high, centre, scale : (f,)
        Largest usual step, the sensor's physical range, location and scale for moments and features.
    run_limit : (f,)
        Longest usual run of equal readings; missing cells do not end a run.
    q10, q90, residual
        The rest of `drift_features.RowConstants`.
    broken : (R, n, T)
        Where each rule does not hold.
    somewhere : (R, n)
        Whether it does not hold in any row.
    concerned : (R, f)
        Which sensors a rule names.
    counters : (n, f, 10)
        Out; the order of `COUNTERS`.
    moments : (n, f, 7)
        Out; the order of `MOMENTS`.
    histogram : (n, f, K, 33)
        Out, zeros on entry; the last bin counts missing cells.
    drift_histogram : (n, f, 33)
        Out, zeros on entry: the same by the bins over the whole recording.
    features : (n, 7, f)
        Out; the order of `drift_features.FEATURES`.
    """
    n, sensors, padded = columns.shape
    rows, phases = padded - 2, starts.shape[0] - 1
    scaled, clock = np.empty((sensors, rows)), ticks(rows)
    time, time_squares = sums_of(clock)
    flags, cells, seen = np.zeros(rows, np.uint8), np.empty((2, rows), np.uint32), np.empty(sensors, np.int64)
    for i in range(n):
        features_of(
            columns[i],
            clock,
            time,
            time_squares,
            centre,
            scale,
            q10,
            q90,
            residual,
            scaled,
            seen,
            moments[i],
            features[i],
        )
        for j in range(sensors):
            column, counted = columns[i, j], counters[i, j]
            low_limit, high_limit, largest_step = range_low[j], range_high[j], step_limit[j]
            longest_run = run_limit[j]
            whole_base, whole_unit = whole_low[j], whole_per_unit[j]
            counted[0], counted[1] = rows, seen[j]
            marked, equal = mark_beyond(column, low_limit, high_limit, largest_step, flags)
            for r in range(broken.shape[0]):
                if concerned[r, j] and somewhere[r, i]:
                    marked = True
                    for t in range(rows):
                        flags[t] |= RULE * (broken[r, i, t] & (column[t + 1] == column[t + 1]))
            if seen[j] == rows:
                if equal >= longest_run:
                    marked = True
                    mark_stuck(column, longest_run, flags)
                found = count_whole(
                    column,
                    starts,
                    lower[j],
                    upper[j],
                    grid_low[j],
                    grid_per_unit[j],
                    table[j],
                    whole_base,
                    whole_unit,
                    whole_table[j],
                    spike_limit[j],
                    cells,
                    histogram[i, j],
                    drift_histogram[i, j],
                )
                counted[2], counted[3], counted[4] = found
                if marked:
                    _count_flags(flags, counted)
                continue
            outlying = spikes = abnormal = 0
            run_value = np.nan
            run_start = run = 0
            for k in range(phases):
                base, per_unit, spike = grid_low[j, k], grid_per_unit[j, k], spike_limit[j, k]
                for t in range(starts[k], starts[k + 1]):
                    v = column[t + 1]
                    if v != v:
                        histogram[i, j, k, BINS] += 1
                        continue
                    cell = min(max((v - base) * per_unit, 0.0), 511.0)
                    histogram[i, j, k, table[j, k, np.uint32(cell)]] += 1
                    cell = min(max((v - whole_base) * whole_unit, 0.0), 511.0)
                    drift_histogram[i, j, whole_table[j, np.uint32(cell)]] += 1
                    before, after = column[t], column[t + 2]
                    off = max(v - max(before, after), min(before, after) - v)
                    is_spike = (off > spike) & (before + after == before + after)
                    is_out = (v < lower[j, t]) | (v > upper[j, t])
                    spikes += is_spike
                    outlying += is_out
                    abnormal += is_spike | is_out
                    if v == run_value:
                        run += 1
                        if run == longest_run + 1:
                            for s in range(run_start, t):
                                if column[s + 1] == run_value:
                                    flags[s] |= STUCK
                        if run > longest_run:
                            flags[t] |= STUCK
                    else:
                        run_value, run_start, run = v, t, 1
            drift_histogram[i, j, BINS] = rows - seen[j]
            counted[2], counted[3], counted[4] = outlying, spikes, abnormal
            _count_flags(flags, counted)


@njit(cache=True, nogil=True)
def _count_flags(flags: NDArray[np.uint8], counters: Integers) -> None:  # pragma: no cover - compiled
    """How many cells violate something, and what; leaves zeros for the next sensor."""
    any_flag = np.uint8(0)
    for t in range(flags.shape[0]):
        any_flag |= flags[t]
    if any_flag == 0:
        return
    out_of_range = steps = stuck = rule_breaks = violating = 0
    for t in range(flags.shape[0]):
        flag = flags[t]
        out_of_range += flag & 1
        steps += (flag >> 1) & 1
        stuck += (flag >> 2) & 1
        rule_breaks += (flag >> 3) & 1
        violating += flag != 0
    counters[5] = out_of_range
    counters[6] = steps
    counters[7] = stuck
    counters[8] = rule_breaks
    counters[9] = violating
    flags[:] = 0


@njit(cache=True, nogil=True)
def longest_runs(values: Floats) -> Integers:  # pragma: no cover - compiled
    """Longest run of equal readings per sample and sensor, (n, f); missing cells do not end a run."""
    n, rows, sensors = values.shape
    longest = np.zeros((n, sensors), np.int64)
    for i in range(n):
        for j in range(sensors):
            value = np.nan
            run = 0
            for t in range(rows):
                v = values[i, t, j]
                if v - v != 0.0:
                    continue
                run = run + 1 if v == value else 1
                value = v
                longest[i, j] = max(longest[i, j], run)
    return longest


def phase_starts(rows: int) -> Integers:
    """First row of each phase, then the number of rows: K = clip(rows // 10, 3, 8) phases, at most one a row.

    Examples
    --------
    >>> phase_starts(40)
    array([ 0, 10, 20, 30, 40])
    """
    phases = min(int(np.clip(rows // 10, 3, 8)), rows)
    return np.arange(phases + 1, dtype=np.int64) * rows // phases
