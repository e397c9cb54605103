from __future__ import annotations

import numpy as np
from scipy.linalg import solve_toeplitz

from dq_pipeline.drift.whitening import (
    autocorrelations,
    autoregression,
    determined,
    fit_whitening,
    pooled,
    shared,
    whiten,
)


def persistent(rng, n, columns, phi):
    noise = rng.normal(size=(n, columns))
    series = np.zeros((n, columns))
    for t in range(1, n):
        series[t] = phi * series[t - 1] + noise[t]
    return (series - series.mean(axis=0)) / series.std(axis=0)


def test_levinson_solves_the_yule_walker_equations():
    series = np.convolve(np.random.default_rng(0).normal(size=500), [1, -0.7, 0.5, 0.4, -0.6, 0.5])
    r = (np.correlate(series, series, "full")[504 + 1 : 504 + 6] / (series @ series))[:, None]
    chosen = autoregression(r, 10_000)[:, 0]
    order = np.flatnonzero(chosen).max() + 1
    assert order == 5
    np.testing.assert_allclose(chosen, solve_toeplitz(np.concatenate(([1.0], r[:-1, 0])), r[:, 0]), atol=1e-12)


def test_the_order_is_never_zero_and_small_where_one_lag_says_all():
    r = np.array([[0.5, 1e-4], [0.25, 0.0], [0.125, 0.0], [0.0625, 0.0], [0.03125, 0.0]])
    chosen = autoregression(r, 200)
    np.testing.assert_allclose(chosen, [[0.5, 1e-4]] + [[0.0, 0.0]] * 4, atol=1e-12)


def test_autocorrelations_are_corrected_upwards_for_short_series():
    rng = np.random.default_rng(3)
    first = np.mean([autocorrelations(persistent(rng, 100, 20, 0.6))[0].mean() for _ in range(20)])
    assert abs(first - 0.6) < 0.02


def test_sensors_alike_are_pooled_and_unlike_ones_are_not():
    alike = np.tile([[0.50, 0.52, 0.48]], (5, 1))
    np.testing.assert_allclose(pooled(alike, 200, 3), 0.5)
    unlike = np.tile([[0.9, 0.0, -0.9]], (5, 1))
    assert np.abs(pooled(unlike, 200, 3) - unlike).max() < 0.01
    np.testing.assert_array_equal(pooled(unlike[:, :2], 200, 2), unlike[:, :2])
    np.testing.assert_allclose(pooled(np.full((5, 3), 0.4), 200, 3), 0.4)


def test_innovations_are_white_and_the_stream_goes_on_where_the_reference_ended():
    series = persistent(np.random.default_rng(0), 4000, 3, 0.8)
    fitted, innovations, raw = fit_whitening(series[:2000], 3, 1e-3, np.zeros(3, bool), np.arange(3))
    assert np.abs(autocorrelations(innovations[5:])).max() < 0.07
    np.testing.assert_allclose(innovations[5:].std(axis=0), 1.0)
    np.testing.assert_allclose((raw - fitted.mean) / fitted.sd, innovations)
    np.testing.assert_allclose(whiten(fitted, series[5:2000], series[:5]), innovations[5:], atol=1e-12)


def test_a_constant_series_gives_no_innovation():
    fitted, innovations, _ = fit_whitening(np.zeros((40, 2)), 2, 1e-3, np.ones(2, bool), np.arange(2))
    assert (innovations == 0.0).all()
    assert np.isfinite(fitted.coefficients).all()


def test_sensors_that_follow_from_each_other_have_one_label():
    rng = np.random.default_rng(0)
    recipe, valve = np.repeat(np.eye(3)[rng.integers(0, 3, 60)], 5, axis=0), rng.dirichlet((3, 2, 1), 300)
    noise = rng.normal(size=(300, 3))
    levels = np.column_stack([noise[:, 0], recipe, np.zeros(300), valve, noise[:, 1] + 1e-3 * noise[:, 2], noise[:, 1]])
    found = determined(levels)
    assert len(set(found[1:4])) == len(set(found[5:8])) == 1
    assert len(set(found[[0, 1, 4, 5, 8, 9]])) == 6
    levels[7, 2] = np.nan
    np.testing.assert_array_equal(determined(levels), found)
    np.testing.assert_array_equal(determined(levels[:15]), np.arange(10))


def test_of_recipes_that_last_a_campaign_nothing_is_left_between_the_columns():
    """Each forgetting at its own pace, their sum would follow the recipe for as long as it stays."""
    rng = np.random.default_rng(1)
    shown = [0]
    for chance in rng.random(1999):  # the third recipe never comes twice, the others stay
        shown.append(shown[-1] if chance < (0.9, 0.8, 0.0)[shown[-1]] else int(rng.choice(3, p=(0.4, 0.3, 0.3))))
    recipe = np.eye(3)[shown]
    z = (recipe - recipe.mean(axis=0)) / recipe.std(axis=0)
    together = recipe.std(axis=0)  # sums to nothing with these weights
    for alike, nothing in ((determined(recipe), True), (np.arange(3), False)):
        fitted, _, residuals = fit_whitening(z, 3, 1e-3, np.zeros(3, bool), alike)
        assert (np.abs(residuals @ together).max() < 1e-9) == nothing
        assert np.ptp(fitted.coefficients, axis=1).max() < 1e-12 or not nothing


def test_shared_autocorrelations_are_means_within_a_type():
    r = np.arange(30.0).reshape(5, 6)
    found = shared(r, np.array([4, 1, 4]))
    np.testing.assert_allclose(found[:, [0, 2]], r[:, [0, 2]].mean(axis=1, keepdims=True).repeat(2, axis=1))
    np.testing.assert_array_equal(found[:, [1, 4]], r[:, [1, 4]])
    np.testing.assert_array_equal(shared(r, np.arange(3)), r)
