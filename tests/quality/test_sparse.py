from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dq_pipeline.profile.bins import Reference
from dq_pipeline.profile.profile import profile
from dq_pipeline.quality.dimensions import DIMENSIONS
from dq_pipeline.quality.scorer import QualityScorer
from dq_pipeline.quality.sparse import LEVELS, at_share, excess, thinned

DISTANCES = [list(DIMENSIONS).index(name) for name in ("timeliness", "skewness")]


@pytest.fixture(scope="module")
def fitted(make_batch, make_process):
    values = np.random.default_rng(0).normal(0, 1, (300, 600, 3))
    batch = make_batch(values[:200])
    reference = Reference.fit(batch, make_process(3, 600))
    profiled = profile(batch, reference)
    return QualityScorer.fit(reference, profiled, profiled, rng=np.random.default_rng(1)), values[200:]


def test_without_allowances_of_their_own_few_readings_look_like_another_distribution(fitted, make_batch):
    scorer, values = fitted
    sparse, rng = values.copy(), np.random.default_rng(3)
    for one in sparse:
        one[rng.permutation(600)[200:]] = np.nan
    found = profile(make_batch(sparse), scorer.reference)
    blind = replace(scorer, rare=np.zeros_like(scorer.rare))
    alone = np.array([blind.score(found.take(slice(i, i + 1))).dimensions[0] for i in range(100)])
    assert (alone[:, DISTANCES] > 0.9).mean() < 0.1


@pytest.mark.parametrize("rows", ["the first", "any", "of one sensor"])
def test_a_third_of_the_rows_is_incomplete_and_nothing_else(fitted, make_batch, rows):
    scorer, values = fitted
    sparse, rng = values.copy(), np.random.default_rng(3)
    for i in range(len(sparse)):
        if rows == "the first":
            sparse[i, 200:] = np.nan
        else:
            sparse[i, rng.permutation(600)[200:], : 1 if rows == "of one sensor" else 3] = np.nan
    found = [scorer.score(profile(make_batch(sparse[i : i + 1]), scorer.reference)).dimensions[0] for i in range(100)]
    dimensions = np.array(found)
    assert (dimensions[:, DISTANCES] > 0.9).mean() > 0.9
    assert (dimensions[:, list(DIMENSIONS).index("completeness")] < 0.6).all()


def test_few_readings_do_not_excuse_a_shift(fitted, make_batch):
    scorer, values = fitted
    sparse = values[:20].copy()
    sparse[:, 200:] = np.nan
    shifted = sparse + np.array([3.0, 0.0, 0.0])
    as_is, moved = (
        np.array([scorer.score(profile(make_batch(one[None]), scorer.reference)).dimensions[0] for one in batch])
        for batch in (sparse, shifted)
    )
    assert (moved[:, DISTANCES] < as_is[:, DISTANCES] - 0.2).mean() > 0.9


def test_thinning_leaves_the_share_of_the_readings(fitted, make_batch):
    scorer, values = fitted
    whole = profile(make_batch(values), scorer.reference)
    half = thinned(whole, 0.5, np.random.default_rng(0))
    assert half.seen.sum() == pytest.approx(whole.seen.sum() / 2, rel=0.02)
    assert (half.histogram[..., :-1].sum(axis=(2, 3)) == half.seen).all()
    assert (half.histogram <= whole.histogram).all()
    np.testing.assert_array_equal(thinned(whole, 1.0, np.random.default_rng(0)).histogram, whole.histogram)


def test_excess_between_the_levels():
    full = np.linspace(0.8, 1.0, 101)[:, None, None]
    assert excess(full, full - 0.1) == pytest.approx(0.1)
    assert excess(full, full + 0.1) == 0
    curve = np.array([0.0, 1.0, 3.0, 4.0])[:, None, None] * np.array([[1.0], [2.0]])
    share = np.array([[2.0], [1.0], [0.5], [0.25], [0.5**1.5], [0.01], [0.0]])
    found = at_share(curve, share)
    assert found.shape == (7, 2, 1)
    np.testing.assert_allclose(found[:, 0, 0], [0, 0, 1, 3, 2, 4, 4])
    np.testing.assert_allclose(found[:, 1], 2 * found[:, 0])
    assert len(LEVELS) == 4


def test_allowances_grow_as_readings_get_fewer_for_distances_alone(fitted):
    scorer, _ = fitted
    assert (np.diff(scorer.rare, axis=0) >= 0).all()
    others = [k for k in range(len(DIMENSIONS)) if k not in DISTANCES]
    assert (scorer.rare[:, others] == 0).all()
    assert (scorer.rare[1:, DISTANCES] > 0.02).all()
