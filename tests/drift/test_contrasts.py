from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.covariance import ledoit_wolf

from dq_pipeline.drift.contrasts import (
    TYPES,
    conditioning,
    contrast,
    contrast_name,
    contrast_weights,
    crossfitted_correlation_change,
    fit_contrasts,
    shrunk_correlation,
)


def test_names_run_through_innovations_conditionals_and_commons():
    names = [contrast_name(k, 3) for k in range(2 * 8 * 3 + 8)]
    assert names[0] == ("innovation", "mean", 0)
    assert names[23] == ("innovation", "correlation", 2)
    assert names[24] == ("conditional", "mean", 0)
    assert names[48:] == [("common", feature, None) for feature in TYPES]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("sensors", [1, 2, 8])
def test_weights_are_a_third_for_each_family(sensors):
    weights = contrast_weights(sensors)
    thirds = weights[: 8 * sensors].sum(), weights[8 * sensors : 16 * sensors].sum(), weights[16 * sensors :].sum()
    np.testing.assert_allclose(thirds, 1 / 3)
    of_type = weights[: 8 * sensors].reshape(8, sensors).sum(axis=1)
    np.testing.assert_allclose(of_type, [0.15, *[0.55 / 21] * 7])
    np.testing.assert_allclose(contrast_weights(sensors, 1 / 8)[-8:], 1 / 24)


def test_shrinkage_is_that_of_ledoit_and_wolf():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(80, 5)) @ rng.normal(size=(5, 5))
    values /= np.sqrt((values**2).mean(axis=0))  # unit diagonal: the mean variance is 1, and the targets coincide
    covariance, _ = ledoit_wolf(values, assume_centered=True)
    np.testing.assert_allclose(shrunk_correlation(values), covariance / covariance[0, 0], atol=1e-10)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(10, 60), sensors=st.integers(1, 6))
def test_correlations_have_unit_diagonal_and_an_inverse(seed, n, sensors):
    values = np.random.default_rng(seed).normal(size=(n, sensors))
    values[:, 0] = 0.0
    correlation = shrunk_correlation(values)
    np.testing.assert_allclose(np.diag(correlation), 1.0)
    assert np.linalg.eigvalsh(correlation).min() > 0.0
    assert np.isfinite(conditioning(correlation)).all()


def test_contrasts_of_the_reference_are_standardised():
    rng = np.random.default_rng(0)
    innovations = rng.normal(size=(195, 8, 4)) @ rng.normal(size=(4, 4))
    fitted, found = fit_contrasts(innovations)
    np.testing.assert_allclose(found.mean(axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(found.std(axis=0), 1.0)
    np.testing.assert_allclose(contrast(fitted, innovations), found, atol=1e-12)


def test_a_conditional_contrast_sees_what_the_neighbours_do_not_share():
    rng = np.random.default_rng(0)
    innovations = rng.normal(size=(2000, 8, 1)) + 0.3 * rng.normal(size=(2000, 8, 3))
    fitted, _ = fit_contrasts(innovations)
    alone = np.zeros((1, 8, 3))
    alone[0, 0, 1] = 1.0
    found = contrast(fitted, alone)[0]
    assert found[24 + 1] > 2.0 * found[1] > 0.0


def test_each_fold_of_the_correlation_change_knows_only_the_others():
    innovations = np.random.default_rng(0).normal(size=(195, 3))
    _, before = crossfitted_correlation_change(innovations)
    doctored = innovations.copy()
    doctored[:20] *= 5.0
    _, after = crossfitted_correlation_change(doctored)
    np.testing.assert_allclose(after[:20], before[:20] * 5.0 ** (2 / 3))
    assert np.abs(after[20:] - before[20:]).max() > 1e-3
