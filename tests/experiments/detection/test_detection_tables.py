"""Cells of the benchmark's tables, from raw streams: SciPy's test window by window, our detector sample by sample."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import LinearRegression

from dq_pipeline.drift.contrast_model import fit_contrast_model
from dq_pipeline.drift.sequential import SequentialDetector
from dq_pipeline.experiments.detection import checks, tables, unseen
from dq_pipeline.experiments.detection.distances import Distances, kolmogorov_smirnov
from dq_pipeline.experiments.detection.judge import Effort, judge
from dq_pipeline.experiments.detection.kinds import DRIFTS, EIGHT, FAULTS, case
from dq_pipeline.experiments.detection.own import Sequential

EFFORT = Effort(tuning=2, runs=2, quiet=300, more=1)
KS = Distances("SciPy KS, Bonferroni", kolmogorov_smirnov, False, (0.2, 0.22, 0.24, 0.26))
BEFORE, ONE = 300, 3
TURNS = (np.arange(300) // 50 % 2 == 0)[:, None, None]


def on_one(scale: float, shift: float):
    def changed(values):
        values[:, :, ONE] = scale * values[:, :, ONE] + shift
        return values

    return changed


BY_HAND = {
    ("eight", "one mean"): on_one(1.0, 0.6),
    ("eight", "one variance"): on_one(1.4, 0.0),
    ("eight", "all means"): lambda values: values + 0.3,
    ("faults", "bias"): on_one(1.0, 1.0),
    ("faults", "gain"): on_one(1.03, 0.6),
    ("drifts", "single-sensor"): on_one(1.0, 0.6),
    ("drifts", "recurring"): lambda values: values + 0.5 * TURNS,
}
GROUPS = {"eight": EIGHT, "faults": FAULTS, "drifts": DRIFTS}
OF_SCIPY = [
    (*which, "SciPy KS, Bonferroni")
    for which in (("eight", "one mean"), ("faults", "bias"), ("drifts", "single-sensor"), ("drifts", "recurring"))
]
DETECTORS = ("sequential", "SciPy KS, Bonferroni")


@pytest.fixture(scope="module")
def judged():
    return judge([Sequential(), KS], EFFORT, map)


def raw(seed: int) -> tuple[np.ndarray, np.ndarray]:
    made = case(seed, 600, {})
    return made.reference, made.quiet


def distances(reference: np.ndarray, window: np.ndarray) -> list[float]:
    columns = (one.reshape(-1, 8).T for one in (window, reference))
    return [stats.kstest(*pair).statistic for pair in zip(*columns, strict=True)]


@lru_cache
def quiet_distances(seed: int) -> list[list[float]]:
    reference, quiet = raw(seed)
    return [distances(reference, quiet[last - 24 : last + 1]) for last in range(24, BEFORE, 5)]


def by_scipy(seed: int, stream: np.ndarray, threshold: float) -> Iterator[tuple[int, int, float]]:
    """Samples and sensors of the alarms of windows of 25 samples, every 5; silent for 25 after each."""
    reference, again = raw(seed)[0], 0
    for last in range(24, len(stream), 5):
        known = quiet_distances(seed)[(last - 24) // 5] if last < BEFORE else None
        far = known or distances(reference, stream[last - 24 : last + 1])
        if max(far) > threshold and last >= again:
            again = last + 25
            yield last, int(np.argmax(far)), np.nan


def sample_by_sample(taken: np.ndarray, stream: np.ndarray, threshold: float) -> Iterator[tuple[int, int, float]]:
    model, _ = fit_contrast_model(taken)
    detector = SequentialDetector(model, 200, threshold, 1.0, "")
    state = detector.start()
    for sample in stream:
        told = detector.update(state, sample[None])
        state = told.state
        yield from ((alarm.sample, alarm.sensor, alarm.change_point) for alarm in told.alarms)


@pytest.fixture(scope="module")
def alarms(judged, numpy_features):
    """Of a detector on a stream that follows the reference of a seed."""

    def of(detector: str, seed: int, stream: np.ndarray) -> Iterator[tuple[int, int, float]]:
        reference, _ = raw(seed)
        threshold = judged[DETECTORS.index(detector)].threshold
        if detector != "sequential":
            return by_scipy(seed, stream, threshold)
        taken = numpy_features(np.concatenate([reference, stream]), reference)
        return sample_by_sample(taken[:200], taken[200:], threshold)

    return of


@pytest.mark.recomputes("detectors/eight", "sequential", "SciPy KS, Bonferroni")
@pytest.mark.recomputes("detectors/faults", "sequential", "SciPy KS, Bonferroni")
@pytest.mark.recomputes("detectors/drifts", "sequential", "SciPy KS, Bonferroni")
@pytest.mark.recomputes("detectors/eight_details", "mean delay (samples)", "standard error", "sensor named first (%)")
@pytest.mark.recomputes("detectors/faults_details", "mean delay (samples)", "missed (%)", "change point within 10 (%)")
@pytest.mark.recomputes("detectors/drifts_details", "mean delay (samples)", "missed (%)", "sensor named first (%)")
@pytest.mark.parametrize(("group", "kind", "detector"), [(*which, "sequential") for which in BY_HAND] + OF_SCIPY)
def test_delays_names_and_change_points_are_those_of_raw_streams(group, kind, detector, judged, alarms):
    seeds = range(1 if group == "faults" or kind == "recurring" else 2)
    delays, named, dated = [], [], []
    for seed in seeds:
        _, quiet = raw(seed)
        stream = np.concatenate([quiet[:BEFORE], BY_HAND[group, kind](quiet[BEFORE:].copy())])
        first = next((one for one in alarms(detector, seed, stream) if one[0] >= BEFORE), None)
        delays.append(300 if first is None else first[0] - BEFORE + 1)
        if first is not None:
            named.append(first[1] == ONE)
            dated.append(abs(first[2] - BEFORE) <= 10)
    name = f"detectors/{group}"
    details = tables.details(f"{name}_details", "", judged, GROUPS[group]).rows
    (row,) = (one for one in details if (one["kind"], one["detector"]) == (kind, detector))
    assert (row["runs"], row["mean delay (samples)"]) == (len(seeds), np.mean(delays))
    assert row["missed (%)"] == 100 * delays.count(300) / len(seeds)
    expected = 100 * np.mean(named) if GROUPS[group][kind].sensors and named else None
    assert row["sensor named first (%)"] == expected
    assert row["change point within 10 (%)"] == (100 * np.mean(dated) if detector == "sequential" else None)
    (told,) = (one for one in tables.delays(name, "", judged, GROUPS[group], "").rows if one["kind"] == kind)
    figures = [float(figure) for figure in re.findall(r"[\d.]+", told[detector])]
    if len(seeds) == 1:
        assert row["standard error"] is None
        assert figures == [pytest.approx(delays[0], abs=0.05)]
    else:
        assert row["standard error"] == pytest.approx(stats.sem(delays), rel=1e-2)
        assert figures == pytest.approx([np.mean(delays), stats.sem(delays)], abs=0.06)


@pytest.mark.recomputes("detectors/in_control", "false alarms per 1,000", "standard error", "samples")
@pytest.mark.parametrize("detector", DETECTORS)
def test_false_alarms_are_those_of_raw_streams(detector, judged, alarms):
    counts = [len(list(alarms(detector, seed, raw(seed)[1][: EFFORT.quiet]))) for seed in range(EFFORT.runs)]
    (row,) = (one for one in tables.in_control(judged, "", {detector: 7.0}).rows if one["detector"] == detector)
    assert row["false alarms per 1,000"] == pytest.approx(1000 * sum(counts) / 600, rel=1e-2)
    assert row["standard error"] == pytest.approx(1000 * stats.sem(counts) / 300, rel=1e-2)
    assert (row["samples"], row["seconds per 1,000 samples"], row["tuned"]) == (600, 7.0, True)


@pytest.mark.recomputes("detectors/unseen", "mean delay (samples)", "standard error", "false alarms per 1,000")
@pytest.mark.parametrize(("noise", "batch"), [(0.3, 25), (1.5, 5)])  # the second alarms falsely too
def test_a_changed_concept_is_found_where_scikit_learns_errors_say_so(noise, batch, monkeypatch):
    monkeypatch.setattr(unseen, "NOISE", noise)
    monkeypatch.setattr(unseen, "BATCH", batch)
    seeds, count = range(8), 600 // batch
    delays, alarms = [], []
    for seed in seeds:
        rng = np.random.default_rng([seed, 7])
        reference, quiet = (one.mean(axis=1) for one in raw(seed))
        weights = rng.choice([-1.0, 1.0], 8)
        target = reference @ weights + noise * rng.standard_normal(200)
        model = LinearRegression(fit_intercept=False).fit(reference, target)
        off = noise * rng.standard_normal(600)
        turned = np.where((np.arange(600) >= BEFORE)[:, None] & (np.arange(8) == ONE), -weights, weights)
        raised = []
        for slopes in (weights, turned):
            errors = (
                np.abs((quiet * slopes).sum(axis=1) + off - model.predict(quiet)).reshape(count, batch).mean(axis=1)
            )
            usual = [np.median(errors[max(0, i - 40) : i]) for i in range(5, count)]
            raised.append([batch * i + batch for i in range(5, count) if errors[i] >= 1.5 * usual[i - 5]])
        alarms.append(len(raised[0]))
        delays.append(next((end - BEFORE for end in raised[1] if end > BEFORE), 300))
    assert (sum(alarms) > 10) == (batch == 5)
    (row,) = tables.unseen({"concept-only": ("errors", unseen.concept(seeds, 600))}).rows
    assert row["mean delay (samples)"] == pytest.approx(np.mean(delays), rel=1e-3)
    assert row["standard error"] == pytest.approx(stats.sem(delays), rel=1e-2)
    assert row["missed (%)"] == pytest.approx(100 * delays.count(300) / len(delays), rel=1e-3)
    assert row["false alarms per 1,000"] == pytest.approx(1000 * np.mean(alarms) / 600, rel=1e-2)


@pytest.mark.recomputes("detectors/unseen", "mean delay (samples)", "missed (%)")
def test_late_rows_are_those_that_come_after_later_ones():
    delays = []
    for seed in range(2):
        rng = np.random.default_rng([seed, 8])
        for i, readings in enumerate(case(seed, 20, {}).quiet):
            late = np.sort(rng.choice(60, 12, replace=False))
            arrival = np.arange(60.0)
            arrival[late] += 1.5 + rng.integers(1, 10, 12)
            times = np.argsort(arrival, kind="stable")
            behind = sum(time < max(times[:k]) for k, time in enumerate(times) if k)
            share = unseen._late_share(readings, i, np.random.default_rng([seed, 8])) if i == 0 else behind / 60
            assert share == behind / 60
            if behind:
                delays.append(i + 1)
                break
    (row,) = tables.unseen({"late": ("order", unseen.late(range(2)))}).rows
    assert (row["mean delay (samples)"], row["missed (%)"], row["runs"]) == (np.mean(delays), 0.0, 2)


@pytest.mark.recomputes(
    "detectors/peers", "largest difference from its own answer", "its own seconds per 1,000 samples"
)
def test_a_difference_from_a_peer_is_the_largest_of_all_windows_and_sensors(monkeypatch):
    clock = iter([0.0, 9.0])
    monkeypatch.setattr(checks.time, "thread_time", lambda: next(clock))

    def off(reference):
        exact = kolmogorov_smirnov(reference)
        return lambda rows: exact(rows) + 0.01 * abs(float(rows.mean()))

    monkeypatch.setattr(checks, "kolmogorov_smirnov", off)
    made = case(1, 50, EIGHT)
    windows = np.array([one[:25].reshape(-1, 8) for one in (made.quiet, *made.changed)])
    told = checks._scipy(made.reference.reshape(-1, 8), windows)
    (row,) = tables.peers([told], []).rows
    expected = 0.01 * np.abs(windows.mean(axis=1)).max()
    assert row["largest difference from its own answer"] == pytest.approx(expected, rel=0.05)
    assert row["its own seconds per 1,000 samples"] == pytest.approx(9.0 / 9 * 200)
