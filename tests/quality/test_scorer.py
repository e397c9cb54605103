from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from dq_pipeline.errors import DataError
from dq_pipeline.profile.bins import Reference
from dq_pipeline.profile.profile import profile
from dq_pipeline.quality.dimensions import DIMENSIONS
from dq_pipeline.quality.scorer import QualityScorer, common_deficit, excuse


@pytest.fixture(scope="module")
def fit(inject, spread):
    def build(batch, process, **options):
        reference = Reference.fit(batch, process)
        faulty, _ = inject(batch, 0.2, spread(batch), np.random.default_rng(11))
        rng = np.random.default_rng(12)
        return QualityScorer.fit(reference, profile(batch, reference), profile(faulty, reference), rng=rng, **options)

    return build


@pytest.fixture(scope="module")
def stream():
    """300 samples of 60 rows and 3 sensors, nothing drifting."""
    rng = np.random.default_rng(2)
    return rng.normal(0, 1, (300, 60, 3)) + rng.normal(0, 0.3, (300, 1, 3))


@pytest.fixture(scope="module")
def scorer(fit, stream, make_batch, make_process):
    return fit(make_batch(stream[:200]), make_process(3, 60))


def test_faulty_samples_score_below_clean_ones(scorer, stream, make_batch, inject, spread):
    batch, faulty = inject(make_batch(stream[200:]), 0.2, spread(make_batch(stream)), np.random.default_rng(4))
    scores = scorer.score(profile(batch, scorer.reference))
    assert scores.unified.shape == (100,)
    assert scores.dimensions.shape == (100, 5)
    assert scores.sensors.shape == (100, 5, 3)
    assert roc_auc_score(faulty, -scores.unified) > 0.9


def test_permuting_samples_permutes_scores(scorer, stream, make_batch):
    made = profile(make_batch(stream[200:260]), scorer.reference)
    order = np.random.default_rng(0).permutation(60)
    scores = scorer.score(made).unified
    np.testing.assert_array_equal(scorer.score(made.take(order)).unified, scores[order])


def test_what_all_have_in_common_is_no_defect_and_what_one_has_alone_is(scorer, stream, make_batch):
    drifted = stream[200:225] + np.array([5.0, 0.0, 0.0])
    assert np.median(scorer.score(profile(make_batch(drifted), scorer.reference)).unified) > 0.9
    one = stream[200:225].copy()
    one[7, :, 0] += 5.0
    scores = scorer.score(profile(make_batch(one), scorer.reference)).unified
    assert scores.argmin() == 7
    assert scores[7] < 0.5


def test_missing_readings_are_never_excused(scorer, stream, make_batch):
    holes = stream[200:225].copy()
    holes[:, ::2, 1] = np.nan
    found = scorer.score(profile(make_batch(holes), scorer.reference))
    assert (found.sensors[:, list(DIMENSIONS).index("completeness"), 1] == 0.5).all()
    assert (found.unified < 0.9).all()


def test_a_small_batch_leans_on_the_samples_before_it(scorer, stream, make_batch):
    drifted = profile(make_batch(stream[200:230] + np.array([5.0, 0.0, 0.0])), scorer.reference)
    last, before = drifted.take(slice(29, 30)), drifted.take(slice(0, 29))
    alone = scorer.score(last).unified[0]
    assert alone < 0.5, "a single sample never excuses itself"
    with_window = scorer.score(last, before).unified[0]
    assert with_window > 0.9
    assert with_window == scorer.score(last, before.take(slice(5, 29))).unified[0], "24 before it and no more"
    np.testing.assert_array_equal(scorer.score(drifted, before).unified, scorer.score(drifted).unified)


def test_rows_out_of_order_do_not_hide_behind_the_noise_of_few_readings(scorer, stream, make_batch):
    disordered = np.zeros(25, np.int64)
    disordered[7] = 6
    scores = scorer.score(profile(make_batch(stream[200:225], disordered=disordered), scorer.reference))
    timely = scores.dimensions[:, list(DIMENSIONS).index("timeliness")]
    assert timely[7] == timely.min() < 0.7
    assert scores.unified.argmin() == 7


def test_rows_out_of_order_are_never_excused(scorer, stream, make_batch):
    batch = make_batch(stream[200:225], disordered=np.full(25, 20))
    assert (scorer.score(profile(batch, scorer.reference)).unified < 0.9).all()


def test_common_deficit_and_excuse():
    usual = np.full((5, 1), 0.1)
    window = np.repeat(np.array([0.9, 0.5, 0.5, 0.5, 0.2])[:, None], 5, axis=1)[:, :, None]
    common = common_deficit(window, usual, 5)
    np.testing.assert_allclose(common[:, 0], [0.4, 0, 0.4, 0.4, 0.4])
    np.testing.assert_allclose(common_deficit(window[:2], usual, 5), 0)
    np.testing.assert_allclose(excuse(np.full((1, 5, 1), 0.8), common)[0, :, 0], [1, 0.8, 1, 1, 1])


@pytest.mark.parametrize("unifier", ["pca", "mean", "min", "pc1"])
def test_bytes_bring_back_the_same(unifier, fit, stream, make_batch, make_process):
    made = fit(make_batch(stream[:50]), make_process(3, 60), unifier=unifier, window=10)
    again = QualityScorer.from_bytes(made.to_bytes())
    batch = profile(make_batch(stream[50:80]), made.reference)
    assert again.to_bytes() == made.to_bytes()
    np.testing.assert_array_equal(again.score(batch).unified, made.score(batch).unified)
    with pytest.raises(DataError, match="a quality scorer"):
        QualityScorer.from_bytes(made.reference.to_bytes())


@pytest.mark.parametrize(("samples", "rows"), [(20, 60), (200, 10), (20, 2), (1, 10)])
def test_odd_sensors_and_few_samples_give_numbers(samples, rows, fit, make_batch, make_process):
    rng = np.random.default_rng(8)
    values = rng.normal(0, 1, (samples, rows, 4))
    values[:, :, 1] = 5.0
    values[:, :, 2] = np.nan
    made = fit(make_batch(values), make_process(4, rows))
    odd = rng.normal(0, 1, (6, rows, 4))
    odd[0] = np.nan
    odd[1] = 1e300
    odd[2] = np.inf
    odd[3:] = values[:1]
    scores = made.score(profile(make_batch(odd), made.reference))
    for found in (scores.sensors, scores.dimensions, scores.unified):
        assert np.isfinite(found).all()
        assert ((found >= 0) & (found <= 1)).all()
    assert scores.unified[0] <= scores.unified[3]


def test_profiles_of_another_reference_are_refused(scorer, stream, make_batch, make_process):
    other = Reference.fit(make_batch(stream[:30]), make_process(3, 60))
    with pytest.raises(DataError, match="Expected profiles of reference"):
        scorer.score(profile(make_batch(stream[:30]), other))


def test_tells_faults_from_drift_on_recorded_data(recorded, fit, inject, spread):
    """Nine kinds of faults in a fifth of the samples, in time order, against the first 200 samples for ever."""
    process, batch = recorded
    first = batch.take(np.arange(200))
    made, sd, rng = fit(first, process), spread(first), np.random.default_rng(0)
    found, truth = [], []
    for start in range(200, len(batch) - 24, 25):
        block, faulty = inject(batch.take(np.arange(start, start + 25)), 0.2, sd, rng)
        found.append(made.score(profile(block, made.reference)).unified)
        truth.append(faulty)
    scores, faults = np.concatenate(found), np.concatenate(truth)
    assert roc_auc_score(faults, -scores) > 0.88
    assert (scores[~faults] < 0.25).mean() < 0.05
