"""Cells of the published experiments' tables, taken from the raw recordings by another way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256

import numpy as np
import pytest
import xgboost
from sklearn.metrics import mean_absolute_error, r2_score

from dq_pipeline.drift.policy import ActivePolicy, PassivePolicy, Policy, StaticPolicy
from dq_pipeline.experiments import paper
from dq_pipeline.experiments.experiment import Asked, Table
from dq_pipeline.experiments.paper_published import published
from dq_pipeline.experiments.paper_streams import PaperStream, _stream
from dq_pipeline.replay.baselines import ErrorPolicy
from dq_pipeline.replay.prequential import Adaptation, Run
from dq_pipeline.simulate.vacuum import SENSORS, VacuumDrift, simulate

HISTORY, STEPS, HORIZON = 100, 200, 120
SCORING_S = 5.0


@pytest.fixture(scope="module")
def worn(asked: Asked) -> PaperStream:
    return _stream(asked, "vacuum", HISTORY, STEPS, drifting=True)


@pytest.fixture(scope="module")
def raw() -> np.ndarray:
    """Readings (n, T, f) of the same plant, before anything was spoilt."""
    wear = VacuumDrift(HISTORY + STEPS // 2, "wear", 1.0, over=STEPS // 2)
    return np.stack([one.values for one in simulate(HISTORY + STEPS, np.random.default_rng(0), drift=wear)])


def test_the_true_labels_are_those_of_the_plant(worn, raw):
    assert worn.label == "vacuum"
    lowest = raw[:, :, SENSORS.index("pressure")].min(axis=1)  # log10 of mbar, with the gauge's noise
    np.testing.assert_allclose(worn.truth, lowest, atol=0.1)
    labels = worn.batch.target
    assert 0.02 < np.mean(np.abs(labels - worn.truth) > 0.01) < 0.2, "some labels are spoilt, and most are not"


@pytest.mark.recomputes("paper/baseline", "MAE", "R2")
def test_the_last_value_is_what_scikit_learn_says_of_it(worn):
    row = paper._last_value(worn)
    truth = worn.truth
    assert row["MAE"] == pytest.approx(mean_absolute_error(truth[HISTORY:], truth[HISTORY - 1 : -1]), rel=1e-3)
    assert row["R2"] == pytest.approx(r2_score(truth[HISTORY:], truth[HISTORY - 1 : -1]), rel=1e-3)


@dataclass(frozen=True)
class ByHand:
    """Trees on seven statistics a sensor, refitted whenever it is due: a prequential run of nothing but XGBoost."""

    worn: PaperStream
    cut: float
    table: np.ndarray

    @property
    def labels(self) -> np.ndarray:
        return np.where(self.worn.unified >= self.cut, self.worn.batch.target, np.nan)

    def model(self, until: int) -> tuple[xgboost.XGBRegressor, np.ndarray, np.ndarray, np.ndarray]:
        known = np.flatnonzero(np.isfinite(self.labels[:until]))
        labels, table = self.labels[known], self.table[known]
        believed = self.inside(labels, labels)
        for i in np.flatnonzero(~believed):
            near = labels[np.clip(i - 12, 0, len(labels) - 25) :][:25]
            believed[i] = self.inside(labels[i], near)
        centre, scale = np.nanmean(table, axis=0), np.nanstd(table, axis=0)
        varied = scale > 1e-12 * np.maximum(np.abs(centre), 1)
        labels = labels[believed]
        seed = np.random.default_rng(int(sha256(f"replay/0/{until}".encode()).hexdigest()[:16], 16)).integers(2**31)
        trees = {"n_estimators": 100, "max_depth": 4, "learning_rate": 0.1, "max_bin": 64, "n_jobs": 1}
        model = xgboost.XGBRegressor(**trees, subsample=0.8, colsample_bytree=0.5, random_state=int(seed))
        inputs = ((self.table - centre) / scale)[:, varied].astype(np.float32)
        fading = np.exp(-np.arange(len(labels))[::-1] / 300) + 0.05
        model.fit(inputs[known][believed], (labels - labels.mean()) / labels.std(), sample_weight=fading)
        return labels.mean() + labels.std() * model.predict(inputs).astype(np.float64)

    def run(self, due: Callable[[int, list[float]], bool]) -> tuple[np.ndarray, int]:
        """Predictions after the history, and how often it was refitted."""
        model, said, refits, errors = self.model(HISTORY), [], 0, []
        for first in range(HISTORY, HISTORY + STEPS, 25):
            now = slice(first, first + 25)
            said.append(model[now])
            errors.append(float(np.nanmean(np.abs(self.labels[now] - model[now]))))
            if due(first + 25, errors):
                model, refits = self.model(first + 25), refits + 1
        return np.concatenate(said), refits

    @staticmethod
    def inside(labels: np.ndarray, beside: np.ndarray) -> np.ndarray:
        low, high = np.quantile(beside, [0.25, 0.75])
        return (low - 3 * (high - low) <= labels) & (labels <= high + 3 * (high - low))


def every_50(until: int, errors: list[float]) -> bool:
    return (until - HISTORY) % 50 == 0


def half_as_much_again(until: int, errors: list[float]) -> bool:
    return len(errors) > 5 and errors[-1] >= 1.5 * np.median(errors[:-1])


@pytest.mark.recomputes("paper/baseline", "MAE", "R2")
@pytest.mark.recomputes("paper/policies", "adaptations", "MAE", "R2", "MAE, accepted")
@pytest.mark.parametrize(
    ("cut", "policy", "due"),
    [
        (0.0, StaticPolicy(), lambda *_: False),
        (0.25, PassivePolicy(50), every_50),
        (0.25, ErrorPolicy(), half_as_much_again),
    ],
    ids=["baseline", "passive 50", "error alone"],
)
def test_a_run_is_what_trees_fitted_by_hand_come_to(worn, cut, policy, due, seven_statistics):
    said, refits = ByHand(worn, cut, seven_statistics(worn.batch.values[:, :HORIZON])).run(due)
    found = paper.figures(worn, cut, paper.replayed(worn, cut, paper.TAU, policy)).cells()
    truth, kept = worn.truth[HISTORY:], worn.unified[HISTORY:] >= cut
    assert found["adaptations"] == refits
    assert found["MAE"] == pytest.approx(mean_absolute_error(truth, said), rel=1e-3)
    assert found["R2"] == pytest.approx(r2_score(truth, said), rel=1e-3)
    assert found["MAE, accepted"] == pytest.approx(mean_absolute_error(truth[kept], said[kept]), rel=1e-3)


@pytest.fixture(scope="module")
def told(asked, worn) -> tuple[dict[str, list[dict]], dict[tuple, Run]]:
    """The tables of runs that are made up: each policy, threshold and tau has errors of its own."""
    runs: dict[tuple, Run] = {}

    def made_up(stream: PaperStream, cut: float, tau: float, policy: Policy) -> Run:
        k, nothing = len(runs), np.full(STEPS, np.nan)
        predicted = stream.truth[HISTORY:] + (1 + (3 * k) % 7) / 10 * np.random.default_rng(k).normal(size=STEPS)
        done = (*[Adaptation(HISTORY + 25, "refit", "", 0.0)] * k, Adaptation(200, "reference", "", 0.0))
        columns = (nothing, predicted, *[nothing] * 5)
        run = Run(HISTORY, 25, *columns, (), (), done, np.array([1.0, 2.0 + k]))
        return runs.setdefault((cut, tau, str(policy)), run)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paper, "replayed", made_up)
        patch.setattr(paper, "streams", lambda _: iter([replace(worn, scoring_s=SCORING_S)]))
        patch.setattr(paper, "scoring", lambda _: [])
        answer = paper.run(replace(asked, quick=False))
    return {part.name: list(part.rows) for part in answer if isinstance(part, Table)}, runs


@pytest.mark.recomputes("paper/thresholds", "excluded", "adaptations", "MAE", "R2", "MAE, accepted", "Pareto")
@pytest.mark.recomputes("paper/policies", "adaptations", "MAE", "R2", "MAE, accepted", "cumulative, s")
def test_rows_of_the_tables_are_those_of_their_runs(worn, told):
    tables, runs = told
    rows = {("cut", row["threshold"]): row for row in tables["paper/thresholds"]}
    rows |= {("policy", row["policy"]): row for row in tables["paper/policies"]}
    wanted = {("cut", cut): (cut, 0.06, str(ActivePolicy())) for cut in (0.0, 0.25, 0.5, 0.75, 0.9)}
    wanted |= {("policy", f"active {tau}"): (0.25, tau, str(ActivePolicy())) for tau in (0.04, 0.06, 0.08)}
    wanted |= {("policy", f"passive {every}"): (0.25, 0.06, str(PassivePolicy(every))) for every in (50, 100)}
    wanted |= {("policy", "static"): (0.25, 0.06, str(StaticPolicy()))}
    wanted |= {("policy", "error alone"): (0.25, 0.06, str(ErrorPolicy()))}
    assert set(rows) == set(wanted)
    truth, score = worn.truth[HISTORY:], worn.unified[HISTORY:]
    for which, (cut, *rest) in wanted.items():
        row, run = rows[which], runs[cut, *rest]
        kept = score >= cut
        assert row["MAE"] == pytest.approx(mean_absolute_error(truth, run.predicted), rel=1e-3)
        assert row["R2"] == pytest.approx(r2_score(truth, run.predicted), rel=1e-3)
        assert row["MAE, accepted"] == pytest.approx(mean_absolute_error(truth[kept], run.predicted[kept]), rel=1e-3)
        assert row["adaptations"] == len(run.adaptations) - 1
        assert row["cumulative, s"] == pytest.approx(run.elapsed[-1] + (SCORING_S if cut else 0.0), rel=1e-2)
        if which[0] == "cut":
            assert row["excluded"] == pytest.approx(np.count_nonzero(score < cut) / STEPS)
    sweep = tables["paper/thresholds"]
    front = {row["threshold"] for row in sweep if row["Pareto"] == "optimal"}
    better = [
        {one["threshold"] for one in sweep if one["MAE"] <= row["MAE"] and one["excluded"] <= row["excluded"]}
        for row in sweep
    ]
    assert front == {row["threshold"] for row, over in zip(sweep, better, strict=True) if over == {row["threshold"]}}
    assert 0 < len(front) < len(sweep)


@pytest.mark.recomputes("paper/baseline", "MAE", "R2", "MAE, accepted")
@pytest.mark.recomputes("paper/published", "ours", "ours", "ours", "ours")
def test_the_published_figures_stand_beside_those_of_these_runs(worn, told):
    tables, runs = told
    truth = worn.truth[HISTORY:]
    static, active, passive = (
        runs[cut, 0.06, str(policy)]
        for cut, policy in ((0.0, StaticPolicy()), (0.25, ActivePolicy()), (0.25, PassivePolicy(50)))
    )
    first, last = tables["paper/baseline"]
    by_hand = mean_absolute_error(truth, static.predicted)
    assert first["MAE"] == first["MAE, accepted"] == pytest.approx(by_hand, rel=1e-3)
    assert (first["stream"], last["stream"]) == ("vacuum", "vacuum: last value")
    ours = {row["figure"]: row["ours"] for row in tables["paper/published"]}
    gain = r2_score(truth, active.predicted) - r2_score(truth, static.predicted)
    assert ours["R2"] == pytest.approx(r2_score(truth, active.predicted), rel=1e-3)
    assert ours["R2, gained over the baseline"] == pytest.approx(gain, rel=1e-2)
    assert ours["MAE"] == pytest.approx(mean_absolute_error(truth, active.predicted), rel=1e-3)
    assert ours["cumulative latency, before and with the framework"] == pytest.approx(
        (passive.elapsed[-1] + SCORING_S) / (active.elapsed[-1] + SCORING_S), rel=2e-2
    )
    for tau in (0.04, 0.08):
        assert ours[f"adaptations at tau {tau}"] == len(runs[0.25, tau, str(ActivePolicy())].adaptations) - 1
    for cut in (0.25, 0.9):
        assert ours[f"excluded at threshold {cut}"] == pytest.approx(np.mean(worn.unified[HISTORY:] < cut), abs=1e-6)


def test_a_cut_leaves_out_whom_it_says_and_predicts_all(worn):
    cut = 0.9
    learned = worn.learned_from(cut).target
    under = worn.unified < cut
    assert 0 < under.sum() < len(under)
    assert np.isnan(learned[under]).all()
    np.testing.assert_array_equal(learned[~under], worn.batch.target[~under])
    assert worn.excluded(cut) == pytest.approx(sum(score < cut for score in worn.unified[HISTORY:]) / STEPS)
    run = paper.replayed(worn, cut, paper.TAU, StaticPolicy())
    assert np.isfinite(run.predicted).all()
    np.testing.assert_allclose(run.threshold, -np.log(paper.TAU))
    found = paper.figures(worn, cut, run)
    kept = ~under[HISTORY:]
    assert found.mae_accepted == pytest.approx(np.abs(run.predicted - worn.truth[HISTORY:])[kept].mean())
    assert found.seconds > run.elapsed[-1]


def test_a_cut_that_another_beats_in_both_is_not_optimal(worn):
    def one(mae: float) -> paper.Figures:
        return paper.Figures(mae, 0.0, mae, 0, 1.0)

    rows = paper._sweep_rows(worn, {0.0: one(2.0), 0.5: one(3.0), 0.9: one(1.0)})
    assert [row["Pareto"] for row in rows] == ["optimal", "", "optimal"]


def test_published_figures_stand_beside_ours_and_gaps_are_gaps():
    baseline = [{"stream": "vacuum", "R2": 0.5}]
    policies = [
        {"stream": "vacuum", "policy": "active 0.06", "R2": 0.75, "MAE": 0.1, "cumulative, s": 2.0},
        {"stream": "vacuum", "policy": "passive 50", "cumulative, s": 8.0},
    ]
    sweep = [{"stream": "vacuum", "threshold": 0.25, "excluded": 0.03}]
    ours = {row["figure"]: row["ours"] for row in published(baseline, sweep, policies).rows}
    assert ours["R2, gained over the baseline"] == 0.25
    assert ours["cumulative latency, before and with the framework"] == 4.0
    assert ours["excluded at threshold 0.25"] == 0.03
    assert ours["adaptations at tau 0.04"] is None
