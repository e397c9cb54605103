from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dq_pipeline.profile.bins import Reference
from dq_pipeline.profile.kernel import BINS, CELLS, COUNTERS, MOMENTS, longest_runs, phase_starts
from dq_pipeline.profile.profile import profile


def noisy(rng: np.random.Generator, n: int, rows: int, f: int) -> NDArray[np.float64]:
    """Rounded walks, so that readings repeat, with jumps, stuck stretches, missing and infinite cells."""
    x = np.round(np.cumsum(rng.normal(0, 0.3, (n, rows, f)), axis=1) + rng.normal(0, 0.5, (n, rows, f)), 1)
    x[rng.random(x.shape) < 0.05] *= 6
    for i in range(n):
        start, j = rng.integers(rows), rng.integers(f)
        x[i, start : start + rng.integers(1, rows), j] = x[i, start, j]
    x[rng.random(x.shape) < 0.1] = np.nan
    x[rng.random(x.shape) < 0.01] = np.inf
    return x


def naive(column: NDArray[np.float64], broken: NDArray[np.bool_], j: int, ref: Reference) -> dict[str, Any]:
    """All counters of one column, cell by cell as they are defined."""
    rows = len(column)
    ok = np.isfinite(column)
    phase = np.searchsorted(ref.starts, np.arange(rows), side="right") - 1
    outlying, spike = np.zeros(rows, bool), np.zeros(rows, bool)
    ranged, step, stuck = np.zeros(rows, bool), np.zeros(rows, bool), np.zeros(rows, bool)
    for t in np.flatnonzero(ok):
        v = column[t]
        outlying[t] = not ref.lower[j, t] <= v <= ref.upper[j, t]
        ranged[t] = not ref.range_low[j] <= v <= ref.range_high[j]
        step[t] = t > 0 and ok[t - 1] and abs(v - column[t - 1]) > ref.step_limit[j]
        if 0 < t < rows - 1 and ok[t - 1] and ok[t + 1]:
            spike[t] = abs(v - np.median(column[t - 1 : t + 2])) > ref.spike_limit[j, phase[t]]
    seen = np.flatnonzero(ok)
    run: list[int] = []
    for t in [*seen, -1]:
        if run and (t == -1 or column[t] != column[run[0]]):
            stuck[run] = len(run) > ref.run_limit[j]
            run = []
        run.append(int(t))
    rule = broken & ok
    x = (column[ok] - ref.drift.median[j]) / ref.drift.sd[j]
    clock = np.linspace(-1, 1, rows)[ok]
    d = np.diff(np.where(ok, column, np.nan)) / ref.drift.sd[j]
    histogram, whole = np.zeros((ref.phases, BINS + 1), int), np.zeros(BINS + 1, int)
    for t in range(rows):
        k = phase[t]
        cell = 0
        if ok[t]:
            cell = int(np.clip((column[t] - ref.grid_low[j, k]) * ref.grid_per_unit[j, k], 0, CELLS - 1))
        histogram[k, ref.table[j, k, cell] if ok[t] else BINS] += 1
        if ok[t]:
            cell = int(np.clip((column[t] - ref.whole_low[j]) * ref.whole_per_unit[j], 0, CELLS - 1))
        whole[ref.whole_table[j, cell] if ok[t] else BINS] += 1
    masks = {
        "outlying": outlying,
        "spikes": spike,
        "abnormal": outlying | spike,
        "out_of_range": ranged,
        "steps": step,
        "stuck": stuck,
        "rule_breaks": rule,
        "violating": ranged | step | stuck | rule,
    }
    counts = {"expected": rows, "seen": int(ok.sum())} | {name: int(mask.sum()) for name, mask in masks.items()}
    sums = (x.sum(), (x**2).sum(), np.isfinite(d).sum(), np.nansum(d**2))
    moments = (*sums, clock.sum(), (clock**2).sum(), (clock * x).sum())
    return {"counters": counts, "moments": moments, "histogram": histogram, "whole": whole}


@pytest.mark.parametrize(("rows", "seed"), [(2, 0), (10, 1), (35, 2), (90, 3)])
def test_agrees_with_a_naive_implementation(rows, seed, make_batch, make_process):
    rng = np.random.default_rng(seed)
    f = 3
    reference = Reference.fit(
        make_batch(np.round(rng.normal(0, 1, (30, rows, f)), 1)), make_process(f, rows, ("s0 >= s1 - 1", "s2 < 2"))
    )
    values = noisy(rng, 20, rows, f)
    values[::2] = np.where(np.isfinite(values[::2]), values[::2], 0.2)  # what is whole takes another way
    made = profile(make_batch(values), reference)
    totals = made.counters.sum(axis=(0, 1))
    known = np.where(np.isfinite(values), values, np.nan)  # a cell that is not finite is missing, to rules as well
    first = known[:, :, 0] < known[:, :, 1] - 1
    second = known[:, :, 2] >= 2
    for i in range(20):
        for j in range(f):
            expected = naive(values[i, :, j], second[i] if j == 2 else first[i], j, reference)
            assert dict(zip(COUNTERS, made.counters[i, j].tolist(), strict=True)) == expected["counters"]
            np.testing.assert_array_equal(made.histogram[i, j], expected["histogram"])
            np.testing.assert_array_equal(made.drift_histogram[i, j], expected["whole"])
            np.testing.assert_allclose(made.moments[i, j], expected["moments"], rtol=1e-9, atol=1e-9)
    assert made.moments.shape[-1] == len(MOMENTS)
    if rows > 30:
        assert (totals > 0).all(), "the data must trip every check, or the comparison proves little"


def test_a_stuck_sensor_is_counted_from_its_first_cell_across_missing_ones(make_batch, make_process):
    rng = np.random.default_rng(0)
    reference = Reference.fit(make_batch(rng.normal(0, 1, (30, 40, 1))), make_process(1, 40))
    values = rng.normal(0, 0.1, (1, 40, 1))
    values[0, 10:30, 0] = 0.05
    values[0, 15, 0] = np.nan
    assert profile(make_batch(values), reference).counted("stuck")[0, 0] == 19


def test_longest_runs():
    values = np.array([1, 1, np.nan, 1, 2, 2, 1, np.nan])[None, :, None]
    assert longest_runs(values)[0, 0] == 3
    assert longest_runs(np.full((1, 4, 1), np.nan))[0, 0] == 0


@pytest.mark.parametrize(("rows", "phases"), [(2, 2), (10, 3), (40, 4), (60, 6), (1200, 8)])
def test_phases(rows, phases):
    starts = phase_starts(rows)
    assert len(starts) == phases + 1
    assert (starts[0], starts[-1]) == (0, rows)
    assert (np.diff(starts) > 0).all()
