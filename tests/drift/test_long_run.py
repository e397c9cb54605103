from __future__ import annotations

import numpy as np
import pytest

from dq_pipeline.drift.long_run import variance_factors


def autoregressive(phi, n, columns, seed=0):
    series = np.random.default_rng(seed).normal(size=(n, columns))
    for i in range(1, n):
        series[i] += phi * series[i - 1]
    return series


@pytest.mark.parametrize("phi", [0.0, 0.3, 0.7])
def test_the_factor_of_an_autoregression(phi):
    found = variance_factors(autoregressive(phi, 3000, 60))
    assert found.mean() == pytest.approx((1 + phi) / (1 - phi), rel=0.08)


def test_short_references_are_not_taken_for_quieter_than_they_are():
    found = variance_factors(autoregressive(0.3, 200, 500))
    assert 1.7 < np.median(found) < 2.2


def test_neither_units_nor_a_constant_matter():
    series = autoregressive(0.5, 300, 2)
    series[:, 1] = 7.0
    found = variance_factors(series)
    assert found[1] == 1.0
    np.testing.assert_allclose(variance_factors(1e6 + 1e3 * series), found, rtol=1e-6)


def test_few_samples_do_not_break_it():
    assert np.isfinite(variance_factors(autoregressive(0.5, 4, 3))).all()
