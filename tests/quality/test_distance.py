from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import jensenshannon
from scipy.stats import ks_2samp

from dq_pipeline.quality.distance import PSEUDO_COUNTS, jensen_shannon, kolmogorov_smirnov

DISTANCES = {d.__name__: d for d in (kolmogorov_smirnov, jensen_shannon)}
counts = arrays(np.int64, 10, elements=st.integers(0, 30))


@given(sample=counts)
def test_kolmogorov_smirnov_is_scipys_on_the_binned_readings(sample):
    usual = np.full(10, 7)  # ten pseudo-counts of ten even bins are one reading more in each
    seen = np.repeat(np.arange(10), sample + int(PSEUDO_COUNTS / 10))
    expected = ks_2samp(seen, np.repeat(np.arange(10), usual), method="asymp").statistic
    if sample.sum() == 0:
        expected = 0.0
    found = kolmogorov_smirnov(sample[None, None, None], usual[None, None].astype(float))
    assert found[0, 0] == pytest.approx(expected, abs=1e-12)


@given(sample=counts, usual=counts.filter(lambda c: c.sum() > 0))
def test_jensen_shannon_is_the_square_of_scipys(sample, usual):
    q = usual / usual.sum()
    p = (sample + PSEUDO_COUNTS * q) / (sample.sum() + PSEUDO_COUNTS)
    near = np.allclose(p, q)  # SciPy takes the root of a rounding error below zero
    expected = jensenshannon(p, q, base=2) ** 2 if sample.sum() and not near else 0.0
    found = jensen_shannon(sample[None, None, None], usual[None, None].astype(float))
    assert found[0, 0] == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("distance", DISTANCES.values(), ids=DISTANCES)
@given(sample=arrays(np.uint32, (2, 3, 4, 8), elements=st.integers(0, 100)), seed=st.integers(0, 99))
def test_bounds_and_zero_on_itself(distance, sample, seed):
    usual = np.random.default_rng(seed).integers(0, 5, (3, 4, 8)).astype(float)
    found = distance(sample, usual)
    assert ((found >= 0) & (found <= 1)).all()
    np.testing.assert_allclose(distance((3 * usual)[None], usual), 0, atol=1e-12)


@pytest.mark.parametrize("distance", DISTANCES.values(), ids=DISTANCES)
def test_phases_weigh_as_many_readings_as_they_hold(distance):
    usual = np.array([[[5.0, 5.0], [5.0, 5.0], [0.0, 0.0]]])
    alone = [distance(np.array([[[c]]]), usual[:, :1])[0, 0] for c in ([30, 0], [0, 10])]
    both = distance(np.array([[[[30, 0], [0, 10], [99, 0]]]]), usual)[0, 0]
    assert both == pytest.approx((30 * alone[0] + 10 * alone[1]) / 40)
