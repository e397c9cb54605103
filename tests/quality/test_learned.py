from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import r2_score, roc_auc_score

from dq_pipeline.errors import DataError
from dq_pipeline.profile.bins import Reference
from dq_pipeline.profile.profile import profile
from dq_pipeline.quality.learned import COPIES, MUTATED, LearnedScorer
from dq_pipeline.quality.recording_features import names, recording_features, structural
from dq_pipeline.quality.scorer import QualityScorer


@pytest.fixture(scope="module")
def stream():
    """400 samples of 60 rows and 3 sensors, nothing drifting."""
    rng = np.random.default_rng(2)
    return rng.normal(0, 1, (400, 60, 3)) + rng.normal(0, 0.3, (400, 1, 3))


@pytest.fixture(scope="module")
def fitted(stream, make_batch, make_process, inject, spread):
    known, rng = make_batch(stream[:200]), np.random.default_rng(1)
    reference = Reference.fit(known, make_process(3, 60))
    faulty, _ = inject(known, 0.2, spread(known), rng)
    direct = QualityScorer.fit(reference, profile(known, reference), profile(faulty, reference), rng=rng)
    copies = [inject(known, MUTATED, spread(known), rng)[0] for _ in range(COPIES)]
    return direct, LearnedScorer.fit(direct, known, copies, np.random.default_rng(3)), known, copies


def test_says_what_the_direct_scorer_says_of_samples_it_never_saw(fitted, stream, make_batch, inject, spread):
    direct, learned, known, _ = fitted
    batch, faulty = inject(make_batch(stream[200:]), 0.2, spread(known), np.random.default_rng(7))
    said = learned.score(batch, direct.reference)
    truth = direct.score(profile(batch, direct.reference)).unified
    assert said.shape == (200,)
    assert ((said >= 0) & (said <= 1)).all()
    assert r2_score(truth, said) > 0.75
    assert roc_auc_score(faulty, -said) > 0.9


def test_what_all_have_in_common_is_no_defect_and_what_one_has_alone_is(fitted, stream, make_batch):
    direct, learned, *_ = fitted
    drifted = make_batch(stream[200:225] + np.array([5.0, 0.0, 0.0]))
    assert np.median(learned.score(drifted, direct.reference)) > 0.8
    one = stream[200:225].copy()
    one[7, :, 0] += 5.0
    scores = learned.score(make_batch(one), direct.reference)
    assert scores.argmin() == 7
    assert scores[7] < 0.6


def test_a_small_batch_leans_on_the_samples_before_it(fitted, stream, make_batch):
    direct, learned, *_ = fitted
    drifted = make_batch(stream[200:230] + np.array([5.0, 0.0, 0.0]))
    last, before = drifted.take(np.array([29])), drifted.take(np.arange(29))
    assert learned.score(last, direct.reference)[0] < 0.6, "a single sample never excuses itself"
    assert learned.score(last, direct.reference, before)[0] > 0.8


def test_bytes_bring_back_the_same_and_the_same_seed_gives_the_same(fitted, stream, make_batch):
    direct, learned, known, copies = fitted
    batch = make_batch(stream[300:330])
    again = LearnedScorer.from_bytes(learned.to_bytes())
    anew = LearnedScorer.fit(direct, known, copies, np.random.default_rng(3))
    for other in (again, anew):
        np.testing.assert_array_equal(other.score(batch, direct.reference), learned.score(batch, direct.reference))
        assert other.to_bytes() == learned.to_bytes()
    with pytest.raises(DataError, match="a learned scorer"):
        LearnedScorer.from_bytes(direct.to_bytes())
    with pytest.raises(DataError, match="copies of them expected"):
        LearnedScorer.fit(direct, known, [], np.random.default_rng(3))


def test_features_are_numbers_whatever_was_read(fitted):
    direct = fitted[0]
    odd = np.random.default_rng(0).normal(size=(4, 60, 3))
    odd[0] = np.nan
    odd[1, 1:] = np.nan
    odd[2] = 1e300
    odd[3, :, 1] = np.inf
    found = recording_features(odd, np.zeros(4), direct.reference)
    labels = names(direct.reference.sensors)
    assert found.shape == (4, len(labels)) == (4, len(structural(direct.reference.sensors)))
    assert np.isfinite(found).all()
    assert found[:, labels.index("s1.missing")].tolist() == [1.0, pytest.approx(59 / 60), 0.0, 1.0]


def test_features_are_the_plain_statistics(fitted, stream):
    reference = fitted[0].reference
    found = recording_features(stream[:1], np.array([0.25]), reference)[0]
    labels = names(reference.sensors)
    z = 4.0 * (stream[0, :, 2] - reference.median[2]) / (reference.upper[2] - reference.lower[2])
    expected = {"mean": z.mean(), "sd": z.std(), "q00": z.min(), "q100": z.max(), "step": np.abs(np.diff(z)).max()}
    for name, value in expected.items():
        assert found[labels.index(f"s2.{name}")] == pytest.approx(value), name
    assert found[labels.index("late")] == 0.25
    means = [found[labels.index(f"s{j}.mean")] for j in range(3)]
    assert found[labels.index("lowest.mean")] == min(means)
    assert found[labels.index("highest.mean")] == max(means)
