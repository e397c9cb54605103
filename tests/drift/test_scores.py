from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtri

from dq_pipeline.drift.scores import KNOTS, Scores, fit_scores, quantiles, score

NORMAL = ndtri((np.arange(KNOTS) + 0.5) / KNOTS)


def raw(knots):
    return Scores(knots[:, None], np.array(np.inf), np.zeros(1), np.ones(1))


def test_knots_map_to_normal_quantiles_and_between_them_linearly():
    fitted = raw(np.arange(32.0))
    found = score(fitted, np.array([[0.0], [10.0], [10.25], [31.0]]))[:, 0]
    np.testing.assert_allclose(found, [NORMAL[0], NORMAL[10], 0.75 * NORMAL[10] + 0.25 * NORMAL[11], NORMAL[31]])


def test_tied_knots_score_their_middle_and_their_neighbours_the_last_tied_one():
    knots = np.concatenate((np.zeros(10), np.arange(1.0, 23.0)))
    found = score(raw(knots), np.array([[0.0], [1e-12], [0.5]]))[:, 0]
    np.testing.assert_allclose(found[0], (NORMAL[0] + NORMAL[9]) / 2)
    np.testing.assert_allclose(found[1], NORMAL[9], atol=1e-9)
    np.testing.assert_allclose(found[2], (NORMAL[9] + NORMAL[10]) / 2)


def test_beyond_the_ends_the_outer_four_knots_lead_on_to_the_clip():
    slope = (NORMAL[3] - NORMAL[0]) / 3
    found = score(raw(np.arange(32.0)), np.array([[-1.0], [32.0], [1e9], [-np.inf], [np.nan]]))[:, 0]
    np.testing.assert_allclose(found, [NORMAL[0] - slope, NORMAL[31] + slope, 3.5, -3.5, 0.0])


def test_where_the_reference_rested_nothing_scores_more_than_the_middle_of_what_moved():
    seldom = np.concatenate((np.zeros(22), np.arange(1.0, 11.0)))
    often = np.concatenate((np.zeros(16), np.arange(1.0, 17.0)))
    values = np.array([[0.0], [3.0], [6.0], [1e9]])
    found = score(raw(seldom), values)[:, 0]
    np.testing.assert_allclose(found, [(NORMAL[0] + NORMAL[21]) / 2, NORMAL[24], NORMAL[26], NORMAL[26]])
    np.testing.assert_allclose(score(raw(often), values)[-1, 0], 3.5)


def test_a_sensor_constant_in_the_reference_scores_zero_until_it_moves():
    for radial in (False, True):
        fitted, z = fit_scores(np.full((40, 1), 3.0), radial=radial)
        np.testing.assert_allclose(z, 0.0, atol=1e-12)
        np.testing.assert_allclose(score(fitted, np.array([[3.1]])), 1.0 if radial else 1.0 / np.sqrt(0.05 * 0.95))


def test_the_radial_clip_draws_whole_vectors_in():
    rng = np.random.default_rng(0)
    fitted, _ = fit_scores(rng.normal(size=(200, 14)), radial=True)
    loud = score(fitted, np.full((1, 14), 50.0)) * fitted.sd + fitted.mean
    np.testing.assert_allclose(np.sqrt(np.mean(loud**2)), fitted.radius)


def test_the_reference_is_standardised_and_scored_alike_later():
    rng = np.random.default_rng(0)
    reference = rng.standard_t(3, size=(150, 6))
    reference[rng.random(reference.shape) < 0.2] = np.nan
    fitted, z = fit_scores(reference, radial=True)
    assert np.abs(score(fitted, reference) - z).max() < 1e-12
    seen = ~np.isnan(reference)
    for j in range(6):
        column = z[seen[:, j], j]
        np.testing.assert_allclose((column.mean(), column.std()), (0.0, 1.0), atol=1e-12)
    assert (z[~seen] == 0.0).all()


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), ties=st.booleans())
def test_scores_never_fall_when_a_feature_rises(seed, ties):
    rng = np.random.default_rng(seed)
    reference = rng.normal(size=(60, 1))
    fitted, _ = fit_scores(np.maximum(reference, 0.0) if ties else reference, radial=False)
    line = np.sort(np.concatenate((rng.normal(size=300) * 3, fitted.knots[:, 0])))[:, None]
    assert (np.diff(score(fitted, line)[:, 0]) >= 0.0).all()


def test_quantiles_are_those_of_numpy_without_the_missing():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(50, 3))
    values[rng.random(values.shape) < 0.3] = np.nan
    levels = np.array([0.0, 0.1, 0.5, 0.99, 1.0])
    np.testing.assert_allclose(quantiles(values, levels), np.nanquantile(values, levels, axis=0))
    np.testing.assert_array_equal(quantiles(np.full((5, 1), np.nan), levels), np.zeros((5, 1)))
