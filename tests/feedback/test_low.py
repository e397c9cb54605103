from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dq_pipeline.feedback.budget import p_values
from dq_pipeline.feedback.low import well_p, wrong_share

SCORES = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=60).map(np.array)


@given(SCORES, SCORES, SCORES)
def test_a_p_is_a_share_and_grows_with_the_score(unified, scores, injected):
    p = well_p(np.sort(unified), scores, injected)
    assert ((p > 0.0) & (p <= 1.0)).all()
    assert (np.diff(p) >= -1e-12).all()


@given(SCORES, SCORES)
def test_without_injected_faults_it_is_the_conformal_p(unified, scores):
    np.testing.assert_allclose(well_p(unified, scores, np.empty(0)), p_values(-unified, -scores))


@pytest.mark.parametrize("share", [0.05, 0.1, 0.2])
def test_finds_the_share_of_what_looks_like_the_injected(share):
    found = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        faulty = rng.random(500) < share
        scores = np.where(faulty, rng.beta(2, 3, 500), rng.beta(40, 2, 500))
        found.append(wrong_share(scores, rng.beta(2, 3, 100)))
    assert 0.9 * share < np.mean(found) < 1.25 * share


def test_what_is_not_known_is_not_low():
    assert well_p(np.array([np.nan]), np.array([0.5]), np.empty(0)).tolist() == [1.0]
    assert well_p(np.array([0.1]), np.empty(0), np.array([0.5])).tolist() == [1.0]
    assert wrong_share(np.empty(0), np.array([0.5])) == 0.0
