from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats
from scipy.spatial.distance import jensenshannon

from dq_pipeline.drift.divergences import DIVERGENCES, PSEUDO_COUNT

P = np.array([5, 0, 12, 30, 3, 0, 1])
Q = np.array([9, 4, 10, 11, 0, 0, 6])
SYMMETRIC = ("jsd", "psi", "ks", "wasserstein")
each = pytest.mark.parametrize("name", DIVERGENCES)
histograms = hnp.arrays(np.int64, 8, elements=st.integers(0, 10_000)).filter(lambda counts: counts.sum() > 0)


def by_scipy(name, p, q):
    bins = np.arange(len(p))
    a, b = p + PSEUDO_COUNT, q + PSEUDO_COUNT
    match name:
        case "jsd":
            return jensenshannon(p, q, base=2) ** 2
        case "kl":
            return stats.entropy(a, b)
        case "psi":
            return stats.entropy(a, b) + stats.entropy(b, a)
        case "ks":
            return stats.ks_2samp(np.repeat(bins, p), np.repeat(bins, q), method="asymp").statistic
        case "wasserstein":
            return stats.wasserstein_distance(bins, bins, p, q)
    raise AssertionError(f"{name} has no golden value: add one")


@each
def test_agree_with_scipy(name):
    np.testing.assert_allclose(DIVERGENCES[name](P, Q), by_scipy(name, P, Q), rtol=1e-12)


@each
@given(p=histograms, q=histograms)
def test_nonnegative_and_finite(name, p, q):
    found = float(DIVERGENCES[name](p, q))
    assert np.isfinite(found)
    assert found >= 0.0
    if name in ("jsd", "ks"):
        assert found <= 1.0


@each
@given(p=histograms)
def test_zero_on_itself(name, p):
    assert float(DIVERGENCES[name](p, p)) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("name", SYMMETRIC)
@given(p=histograms, q=histograms)
def test_symmetric_where_it_holds(name, p, q):
    assert float(DIVERGENCES[name](p, q)) == pytest.approx(float(DIVERGENCES[name](q, p)), abs=1e-12)


def test_kullback_leibler_is_not_symmetric():
    assert abs(DIVERGENCES["kl"](P, Q) - DIVERGENCES["kl"](Q, P)) > 0.01


@each
def test_leading_axes_broadcast(name):
    windows = np.random.default_rng(0).integers(0, 50, (4, 3, 7))
    found = DIVERGENCES[name](windows, Q)
    assert found.shape == (4, 3)
    np.testing.assert_allclose(found[2, 1], DIVERGENCES[name](windows[2, 1], Q))


@each
def test_an_empty_histogram_says_nothing(name):
    assert np.isnan(DIVERGENCES[name](np.zeros(7), Q))
    assert np.isnan(DIVERGENCES[name](P, np.zeros(7)))
