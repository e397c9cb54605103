"""Cells of the tables on thresholds, wrong labels, short recordings and cost, taken by another way."""

from __future__ import annotations

import numpy as np
import pytest
import xgboost
from scipy.stats import mannwhitneyu
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score, r2_score

from dq_pipeline.experiments import annotation, cost, quality_trials, sparse, thresholds
from dq_pipeline.experiments.digits import digits
from dq_pipeline.experiments.quality_trials import Source, trial
from dq_pipeline.profile.profile import profile
from dq_pipeline.quality.curate import in_windows

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


def test_the_error_is_what_trees_fitted_by_hand_come_to(pictures, monkeypatch):
    monkeypatch.setattr(quality_trials, "FAULTY", 0.0)
    made = trial(pictures, 0, 1)
    assert not made.faulty.any()
    shipped = load_digits()
    images, labels = shipped.images[: TRAINED + JUDGED, :6], shipped.target[: TRAINED + JUDGED]
    clock = np.linspace(-1, 1, 6)[:, None]
    mean = images.mean(axis=1)
    slope = ((images - mean[:, None]) * clock).sum(axis=1) / (clock**2).sum()
    table = np.hstack(
        [mean, images.std(axis=1), images.min(axis=1), images.max(axis=1), slope, images[:, 0], images[:, -1]]
    )
    trees = xgboost.XGBClassifier(n_estimators=100, max_depth=4, learning_rate=0.1, random_state=0, n_jobs=1)
    trees.fit(table[:TRAINED], labels[:TRAINED])
    by_hand = 1 - accuracy_score(labels[TRAINED:], trees.predict(table[TRAINED:]))
    assert made.error(np.ones(TRAINED, bool)) == pytest.approx(by_hand, abs=0.06)


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


def test_wrong_labels_cost_the_learned_scorer_what_scipy_says(pictures):
    (right, wrong) = annotation.by_share(pictures, (0.0, 0.4), 0, 1)
    made = trial(pictures, 0, 1)
    direct, chosen = made.scorer(np.random.default_rng([0, 1]))
    exact = in_windows(direct, profile(made.dirty.head(8), direct.reference))
    said = annotation.learned_scores(made, direct, chosen.head(8), 0.0, 0)
    bad, good = said[made.faulty], said[~made.faulty]
    assert right[1] == pytest.approx(mannwhitneyu(good, bad).statistic / (len(good) * len(bad)))
    assert right[0] == pytest.approx(r2_score(exact, said))
    assert wrong[0] < right[0]
    assert right[3] == pytest.approx(np.mean(said < 0.25))


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
    assert all(row["mean delay, samples"] < 20 and row["missed"] == 0 for row in drift.rows)


def test_what_was_not_run_is_marked(asked):
    table, training = cost.run(asked)
    first, second, third = table.rows
    assert first["measured"] == "yes"
    assert first["peak memory, GB"] > 0.05
    assert second["measured"].startswith("extrapolated")
    assert second["peak memory, GB"] is None
    assert third["seconds"] == pytest.approx(first["seconds"] * 100, rel=0.01)
    assert first["ms a sample"] == pytest.approx(first["seconds"] / 10, rel=0.01)
    known = {(row["device"], row["samples"]): row for row in training.rows}
    assert len(known) == 6
    assert known["cpu", 10_000]["seconds"] > 0
    assert known["cpu", 100_000]["measured"].startswith("left out")
    on_gpu = known["cuda", 10_000]
    assert on_gpu["seconds"] or "none; this XGBoost" in on_gpu["measured"]
