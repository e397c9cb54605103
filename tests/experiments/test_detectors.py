"""The fault-injection benchmark on a few references."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from dq_pipeline.experiments import detectors
from dq_pipeline.experiments.detection import peers, tables
from dq_pipeline.experiments.detection.distances import Distances, kolmogorov_smirnov
from dq_pipeline.experiments.detection.judge import Effort, judge
from dq_pipeline.experiments.detection.kinds import EIGHT
from dq_pipeline.experiments.detection.own import Sequential
from dq_pipeline.experiments.experiment import Asked, Plot, Table

EFFORT = Effort(tuning=2, runs=2, quiet=300, more=0)
KS = Distances("SciPy KS, Bonferroni", kolmogorov_smirnov, False, (0.2, 0.22, 0.24, 0.26))


@pytest.fixture(scope="module")
def judged():
    return judge([Sequential(), KS], EFFORT, map)


def test_the_note_says_first_where_a_peer_is_better(judged):
    delays = {one.name: one.verdicts[EIGHT["one mean"].title].delays.mean() for one in judged}
    said = tables.delays("detectors/eight", "", judged, {"one mean": EIGHT["one mean"]}, "Then.").note
    better = delays["SciPy KS, Bonferroni"] < delays["sequential"]
    assert said.startswith("A peer is better: on one mean SciPy KS" if better else "No peer has a lower mean delay")
    assert said.endswith("Then.")


@pytest.mark.recomputes("detectors/bars", "measured", "measured", "measured", "measured")
@pytest.mark.recomputes("detectors/against", "sequential over it", "difference (samples)", "standard error")
def test_bars_are_held_against_peers_that_were_tuned(judged):
    slope = EIGHT["one slope"].title
    missed_once = replace(judged[0].verdicts[slope], named=np.array([1.0, 0.0]))
    judged = [replace(judged[0], verdicts={**judged[0].verdicts, slope: missed_once}), judged[1]]
    rows = {row["claim"]: row for row in tables.bars(judged).rows}
    ours, theirs = ([one.verdicts[kind.title] for kind in EIGHT.values()] for one in judged)
    mean = np.array([[one.delays.mean() for one in verdicts] for verdicts in (ours, theirs)])
    told = {claim: (row["measured"], row["holds"]) for claim, row in rows.items()}
    lowest, worst, missed, named = told.values()
    assert lowest == (np.sum(mean[0] <= mean[1]), np.sum(mean[0] <= mean[1]) >= 6)
    assert worst == (pytest.approx((mean[0] / mean[1]).max(), rel=1e-2), (mean[0] / mean[1]).max() <= 1.25)
    assert missed == (sum(int((one.delays == 300).sum()) for one in ours), True)
    single = [np.nanmean(one.named) for one, kind in zip(ours, EIGHT.values(), strict=True) if len(kind.sensors) == 1]
    assert (len(single), min(single)) == (4, 0.5)
    assert named == (0.5, False)
    beside = {row["kind"]: row for row in tables.against(judged, EIGHT).rows}
    for kind, own, peer in zip(EIGHT, ours, theirs, strict=True):
        row = beside[kind]
        assert row["best peer"] == "SciPy KS, Bonferroni"
        assert row["sequential over it"] == pytest.approx(own.delays.mean() / peer.delays.mean(), rel=1e-2)
        assert row["difference (samples)"] == pytest.approx(np.mean(own.delays - peer.delays), rel=1e-2, abs=1e-9)
        assert row["standard error"] == pytest.approx(stats.sem(own.delays - peer.delays), rel=1e-2)


def test_a_peer_that_was_not_tuned_does_not_compete():
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
