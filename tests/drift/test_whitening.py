from __future__ import annotations

import numpy as np
from scipy.linalg import solve_toeplitz

from dq_pipeline.drift.whitening import autocorrelations, autoregression, fit_whitening, pooled, whiten


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
    fitted, innovations, raw = fit_whitening(series[:2000], 3, 1e-3, np.zeros(3, bool))
    assert np.abs(autocorrelations(innovations[5:])).max() < 0.07
    np.testing.assert_allclose(innovations[5:].std(axis=0), 1.0)
    np.testing.assert_allclose((raw - fitted.mean) / fitted.sd, innovations)
    np.testing.assert_allclose(whiten(fitted, series[5:2000], series[:5]), innovations[5:], atol=1e-12)


def test_a_constant_series_gives_no_innovation():
    fitted, innovations, _ = fit_whitening(np.zeros((40, 2)), 2, 1e-3, np.ones(2, bool))
    assert (innovations == 0.0).all()
    assert np.isfinite(fitted.coefficients).all()
