"""The fault-injection benchmark on a few references; two of its cells made again by other ways."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from dq_pipeline.drift.contrast_model import fit_contrast_model
from dq_pipeline.drift.sequential import SequentialDetector
from dq_pipeline.experiments import detectors
from dq_pipeline.experiments.detection import peers, tables
from dq_pipeline.experiments.detection.distances import Distances, kolmogorov_smirnov
from dq_pipeline.experiments.detection.judge import Effort, judge
from dq_pipeline.experiments.detection.kinds import EIGHT, case
from dq_pipeline.experiments.detection.own import Sequential
from dq_pipeline.experiments.experiment import Asked, Plot, Table
from dq_pipeline.profile.drift_features import features, fit_row_constants

EFFORT = Effort(tuning=2, runs=2, quiet=300, more=0)
KS = Distances("SciPy KS, Bonferroni", kolmogorov_smirnov, False, (0.2, 0.22, 0.24, 0.26))


@pytest.fixture(scope="module")
def judged():
    return judge([Sequential(), KS], EFFORT, map)


def cell(judged, kind, detector, column):
    rows = tables.details("detectors/eight_details", "", judged, EIGHT).rows
    (row,) = (row for row in rows if row["kind"] == kind and row["detector"] == detector)
    return row[column]


def test_a_delay_of_the_sequential_detector_is_that_of_features_taken_sample_by_sample(judged):
    threshold, kind = judged[0].threshold, "one variance"
    delays = []
    for seed in range(EFFORT.runs):
        made = case(seed, EFFORT.quiet, {kind: EIGHT[kind]})
        constants = fit_row_constants(made.reference)
        model, _ = fit_contrast_model(features(made.reference, constants))
        detector = SequentialDetector(model, 200, threshold, 1.0, "")
        state, stream = detector.start(), np.concatenate([made.quiet[:300], made.changed[0]])
        for i, sample in enumerate(stream):
            told = detector.update(state, features(sample[None], constants))
            state = told.state
            if told.alarms and i >= 300:
                delays.append(i - 299)
                break
    assert cell(judged, kind, "sequential", "mean delay (samples)") == pytest.approx(np.mean(delays), rel=1e-3)
    assert cell(judged, kind, "sequential", "standard error") == pytest.approx(stats.sem(delays), rel=1e-2)


def test_false_alarms_of_ks_are_those_of_scipys_test(judged):
    alarms = []
    for seed in range(EFFORT.runs):
        made = case(seed, EFFORT.quiet, {})
        reference, raised, again = made.reference.reshape(-1, 8), 0, 0
        for end in range(25, EFFORT.quiet + 1, 5):
            window = made.quiet[end - 25 : end].reshape(-1, 8)
            if end - 1 >= again and max(stats.ks_2samp(reference, window).statistic) > judged[1].threshold:
                raised, again = raised + 1, end - 1 + 25
        alarms.append(raised)
    (_, row) = tables.in_control(judged, "", {}).rows
    assert row["false alarms per 1,000"] == pytest.approx(1000.0 * np.mean(alarms) / EFFORT.quiet, rel=1e-2)
    assert row["samples"] == EFFORT.runs * EFFORT.quiet


def test_the_note_says_first_where_a_peer_is_better(judged):
    delays = {one.name: one.verdicts[EIGHT["one mean"].title].delays.mean() for one in judged}
    said = tables.delays("detectors/eight", "", judged, {"one mean": EIGHT["one mean"]}, "Then.").note
    better = delays["SciPy KS, Bonferroni"] < delays["sequential"]
    assert said.startswith("A peer is better: on one mean SciPy KS" if better else "No peer has a lower mean delay")
    assert said.endswith("Then.")


def test_bars_are_held_against_peers_that_were_tuned(judged):
    rows = {row["claim"]: row for row in tables.bars(judged).rows}
    places = tables.places(judged, EIGHT)
    assert rows["kinds with the lowest mean delay"]["measured"] == sum(one.ours <= one.theirs for one in places)
    best = next(row for row in tables.against(judged, EIGHT).rows if row["kind"] == "all means")
    one, other = (each.verdicts[EIGHT["all means"].title].delays for each in judged)
    assert best["difference (samples)"] == pytest.approx(np.mean(one) - np.mean(other))
    assert best["standard error"] == pytest.approx(stats.sem(one - other), rel=1e-2)
    assert rows["changes missed"]["measured"] == 0
    untuned = Distances("SciPy KS, Bonferroni", kolmogorov_smirnov, False, (0.0,))
    assert tables.places(judge([Sequential(thresholds=(6.0,)), untuned], Effort(1, 1, 300, 0), map), EIGHT) == []


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # evidently's imports
def test_the_experiment_runs_without_peers_and_says_which_are_not_there(monkeypatch, tmp_path):
    monkeypatch.setattr(peers, "PYTHON", tmp_path / "none")
    monkeypatch.setattr(detectors, "QUICK", Effort(tuning=1, runs=1, quiet=300, more=1))
    monkeypatch.setattr(detectors, "LOCAL", (Sequential(),))
    reported = []
    asked = Asked(True, Path("nowhere"), report=lambda done, of, what: reported.append((done, of, what)))
    answer = detectors.run(asked)
    made = {part.name: part for part in answer if isinstance(part, Table)}
    assert set(made) == {
        "detectors/bars",
        *(f"detectors/{name}{more}" for name in ("eight", "faults", "drifts") for more in ("", "_details")),
        "detectors/unseen",
        "detectors/in_control",
        "detectors/peers",
    }
    assert any(isinstance(part, Plot) for part in answer)
    notes = {row["peer"]: row["note"] for row in made["detectors/peers"].rows}
    for peer in ("frouros", "alibi-detect", "river ADWIN"):
        assert "python -m benchmarks.peers" in notes[peer]
    assert reported[-1] == (2, 2, "references")
    seen = {row["kind"]: row for row in made["detectors/unseen"].rows}
    assert seen["late"]["mean delay (samples)"] == 1.0
    assert seen["concept-only"]["missed (%)"] == 0.0
    assert {row["kind"] for row in made["detectors/faults"].rows} >= {"stuck", "late", "out of order"}
