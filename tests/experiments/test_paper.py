"""Cells of the published experiments' tables, taken from the raw recordings by another way."""

from __future__ import annotations

import numpy as np
import pytest
import xgboost
from scipy.stats import median_abs_deviation
from sklearn.metrics import mean_absolute_error, r2_score

from dq_pipeline.drift.policy import StaticPolicy
from dq_pipeline.experiments import paper
from dq_pipeline.experiments.experiment import Asked
from dq_pipeline.experiments.paper_published import published
from dq_pipeline.experiments.paper_scoring import scoring
from dq_pipeline.experiments.paper_streams import PaperStream, streams
from dq_pipeline.simulate.vacuum import SENSORS, VacuumDrift, simulate

HISTORY, STEPS, HORIZON = 150, 150, 120


@pytest.fixture(scope="module")
def worn(asked: Asked) -> PaperStream:
    return next(streams(asked))


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


def test_the_last_value_is_what_scikit_learn_says_of_it(worn):
    row = paper._last_value(worn)
    truth = worn.truth
    assert row["MAE"] == pytest.approx(mean_absolute_error(truth[HISTORY:], truth[HISTORY - 1 : -1]), rel=1e-3)
    assert row["R2"] == pytest.approx(r2_score(truth[HISTORY:], truth[HISTORY - 1 : -1]), rel=1e-3)


@pytest.mark.filterwarnings("ignore:.*(empty slice|All-NaN|Degrees of freedom).*:RuntimeWarning")
def test_the_baseline_is_what_a_model_fitted_by_hand_comes_to(worn):
    values = worn.batch.values[:, :HORIZON]
    seen = np.isfinite(values)
    clock = np.linspace(-1, 1, HORIZON)[:, None]
    mean, deviation = np.nanmean(values, axis=1), np.nanstd(values, axis=1)
    slope = (np.where(seen, values - mean[:, None], 0) * clock).sum(axis=1) / (clock**2).sum()
    ends = [np.nanmin(values, axis=1), np.nanmax(values, axis=1), values[:, 0], values[:, -1]]
    table, labels = np.column_stack([mean, deviation, slope, *ends]), worn.batch.target[:HISTORY]
    believed = np.abs(labels - np.nanmedian(labels)) < 6 * median_abs_deviation(
        labels, scale="normal", nan_policy="omit"
    )
    trees = {"n_estimators": 100, "max_depth": 4, "learning_rate": 0.1, "max_bin": 64}
    model = xgboost.XGBRegressor(**trees, subsample=0.8, colsample_bytree=0.5, random_state=0, n_jobs=1)
    model.fit(table[:HISTORY][believed], labels[believed])
    by_hand = mean_absolute_error(worn.truth[HISTORY:], model.predict(table[HISTORY:]))
    ours = paper.figures(worn, 0.0, paper.replayed(worn, 0.0, paper.TAU, StaticPolicy()))
    assert ours.mae == pytest.approx(by_hand, rel=0.25)
    assert ours.adaptations == 0


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


def test_scoring_is_timed_for_each_way(asked):
    (table,) = scoring(asked)
    assert [row["scorer"] for row in table.rows] == [
        "learned scorer",
        "direct, compiled profile",
        "direct, SciPy by column",
    ]
    assert all(row["ms a sample"] > 0 for row in table.rows)
    assert table.rows[-1]["times as fast as SciPy"] == 1.0
