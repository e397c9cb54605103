"""Cells of the tables on thresholds and wrong labels, taken by another way; and recordings made short."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields

import numpy as np
import pytest
import xgboost
from scipy.stats import kstest, mannwhitneyu
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score, r2_score

from dq_pipeline.experiments import annotation, quality_trials, sparse, thresholds
from dq_pipeline.experiments.digits import digits
from dq_pipeline.experiments.quality_trials import Source, Trial, trial
from dq_pipeline.profile.profile import profile
from dq_pipeline.quality.curate import in_windows
from dq_pipeline.quality.scorer import QualityScorer, Scores

TRAINED, JUDGED = quality_trials.TRAINED, quality_trials.JUDGED


@pytest.fixture(scope="module")
def pictures() -> Source:
    process, found, labels = digits()
    return Source("digits", process, found, np.array(labels, np.float64))


def test_the_digits_are_those_of_the_package(pictures):
    shipped = load_digits()
    assert len(pictures.found) == len(shipped.images) == 1797
    np.testing.assert_array_equal(pictures.found[7].values, shipped.images[7])
    assert pictures.labels[7] == shipped.target[7]
    assert pictures.process.sample.horizon_rows < pictures.process.sample.rows


@pytest.fixture(scope="module")
def wrong_by_hand(seven_statistics) -> Callable[[Trial, np.ndarray], float]:
    """Share of the later pictures that XGBoost names wrong when it learned from some: a mean over three seeds."""

    def wrong(made: Trial, kept: np.ndarray) -> float:
        known, later = (seven_statistics(one.values[:, :6]) for one in (made.dirty, made.later))
        known = known[kept]
        centre, scale = np.nanmean(known, axis=0), np.nanstd(known, axis=0)
        varied = scale > 1e-12
        inputs, asked = (((one - centre) / scale)[:, varied].astype(np.float32) for one in (known, later))
        settings = {"n_estimators": 100, "max_depth": 4, "learning_rate": 0.1, "max_bin": 64, "n_jobs": 1}
        errors = []
        for seed in range(3):
            trees = xgboost.XGBClassifier(**settings, subsample=0.8, colsample_bytree=0.5, random_state=seed)
            trees.fit(inputs, made.labels[kept])
            errors.append(1 - accuracy_score(load_digits().target[TRAINED : TRAINED + JUDGED], trees.predict(asked)))
        return float(np.mean(errors))

    return wrong


@pytest.mark.recomputes("thresholds/by_mix", "error at 0.0", "error at 0.25", "best", "excluded at best")
@pytest.mark.recomputes("thresholds/by_mix", "0.25 over best")
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # statistics that do not vary
def test_the_row_of_the_digits_is_what_trees_fitted_by_hand_come_to(pictures, asked, monkeypatch, wrong_by_hand):
    monkeypatch.setattr(thresholds, "sources", lambda _: [pictures])
    (row,) = thresholds.run(asked)[0].rows
    made = trial(pictures, 0, 1)
    np.testing.assert_array_equal(made.later.values, load_digits().images[TRAINED : TRAINED + JUDGED])
    scorer, _ = made.scorer(np.random.default_rng([0, 1]))
    unified = in_windows(scorer, profile(made.dirty.head(8), scorer.reference))
    errors = {cut: wrong_by_hand(made, unified >= cut) for cut in (0.0, 0.25, row["best"])}
    for cut, error in errors.items():
        assert row[f"error at {cut}"] == pytest.approx(error, rel=1e-3)
    assert row["error at 0.25"] > 0
    assert row[f"error at {row['best']}"] == min(row[f"error at {cut}"] for cut in thresholds.CUTS)
    assert row["excluded at best"] == pytest.approx(np.count_nonzero(unified < row["best"]) / TRAINED, rel=1e-2)
    assert row["0.25 over best"] == pytest.approx(errors[0.25] / errors[row["best"]], rel=1e-2)


def test_a_fifth_is_spoilt_with_its_labels_and_cuts_leave_out_whom_they_say(pictures):
    made = trial(pictures, 0, 1)
    assert made.faulty.sum() == round(0.2 * TRAINED)
    wrong = made.labels != load_digits().target[:TRAINED]
    np.testing.assert_array_equal(wrong, made.faulty)
    told = dict(zip(thresholds.CUTS, thresholds.by_cut(pictures, thresholds.MIXES["all nine"], 0, 1), strict=True))
    scorer, _ = made.scorer(np.random.default_rng([0, 1]))
    unified = in_windows(scorer, profile(made.dirty.head(8), scorer.reference))
    for cut, (_, excluded) in told.items():
        assert excluded == pytest.approx(sum(score < cut for score in unified) / TRAINED)
    assert told[0.0][1] == 0.0


def test_the_row_names_the_cut_of_least_error(pictures):
    found = np.array([[[3.0, 0.0], [2.0, 0.1], [4.0, 0.2], [1.0, 0.3], [5.0, 0.4], [6.0, 0.5]]])
    row = thresholds._row(pictures, "all nine", found)
    assert (row["best"], row["excluded at best"], row["0.25 over best"]) == (0.5, 0.3, 4.0)


@pytest.mark.recomputes("annotation/by_share", "R2 against the direct score", "AUC of spoilt recordings")
@pytest.mark.recomputes("annotation/by_share", "error of the model", "excluded")
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_wrong_labels_cost_the_learned_scorer_what_scipy_says(pictures, asked, monkeypatch, wrong_by_hand):
    monkeypatch.setattr(annotation, "sources", lambda _: [pictures])
    right, wrong = annotation.run(asked)[0].rows
    assert (right["wrong labels"], wrong["wrong labels"]) == (0.0, 0.2)
    made = trial(pictures, 0, 1)
    direct, chosen = made.scorer(np.random.default_rng([0, 1]))
    exact = in_windows(direct, profile(made.dirty.head(8), direct.reference))
    for row in (right, wrong):
        said = annotation.learned_scores(made, direct, chosen.head(8), row["wrong labels"], 0)
        bad, good = said[made.faulty], said[~made.faulty]
        ranks = mannwhitneyu(good, bad).statistic / (len(good) * len(bad))
        assert row["AUC of spoilt recordings"] == pytest.approx(ranks, rel=1e-3)
        assert row["R2 against the direct score"] == pytest.approx(r2_score(exact, said), rel=1e-3)
        assert row["excluded"] == pytest.approx(np.count_nonzero(said < 0.25) / TRAINED, rel=1e-3)
        assert row["error of the model"] == pytest.approx(wrong_by_hand(made, said >= 0.25), rel=1e-3)
    assert wrong["R2 against the direct score"] < right["R2 against the direct score"]


@pytest.mark.parametrize("share", [0.0, 0.4])
def test_wrong_labels_are_guessed(pictures, share, monkeypatch):
    made = trial(pictures, 0, 1)
    direct, _ = made.scorer(np.random.default_rng([0, 1]))
    given = {one.name: getattr(direct, one.name) for one in fields(type(direct))}
    true = np.linspace(0.0, 1.0, TRAINED)
    monkeypatch.setattr(QualityScorer, "unite", lambda _, u, late: Scores(u, late, true))
    labels = annotation.Mislabelling(**given, share=share, rng=np.random.default_rng(0))
    told = labels.score(profile(made.dirty.head(8), direct.reference)).unified
    assert np.mean(told != true) == pytest.approx(share, abs=0.5 / TRAINED)
    assert kstest(told[told != true], "uniform").pvalue > 0.01 if share else True


def test_thinned_recordings_keep_their_times_and_labels(asked):
    process, found = sparse.recordings(asked, "vacuum", 5)
    batch = sparse.batch_of(process, found)
    short, shorter = sparse.thinned(batch, process, 10)
    assert short.values.shape == (5, 10, 10)
    np.testing.assert_array_equal(short.values[:, 0], batch.values[:, 0])
    np.testing.assert_array_equal(short.values[:, -1], batch.values[:, -1])
    np.testing.assert_array_equal(short.target, batch.target)
    assert shorter.sample.period_s == pytest.approx(120.0)


def test_short_recordings_are_scored_and_watched(asked):
    quality, drift = sparse.run(asked)
    assert {row["rows"] for row in quality.rows} == {10, 30, 1200}
    assert all(0.8 < row["AUC"] <= 1 for row in quality.rows)
    assert all(row["mean delay, samples"] < 100 and row["missed"] == 0 for row in drift.rows)
