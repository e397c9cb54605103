from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dq_pipeline.errors import DataError
from dq_pipeline.profile.drift_features import FEATURES, RowConstants, features, fit_row_constants
from dq_pipeline.profile.features_pass import MANY

STREAMS = ("mean_one", "corr", "none")


def by_hand(x, constants):
    """The definitions, read off one sample (T, f) by NumPy, sensor by sensor."""
    scaled = (x - constants.median) / constants.sd
    seen = np.isfinite(scaled)
    time = np.linspace(-1.0, 1.0, len(x))
    out = np.full((7, x.shape[1]), np.nan)
    centred = np.zeros_like(scaled)
    for j in range(x.shape[1]):
        v, t = scaled[seen[:, j], j], time[seen[:, j]]
        if len(v) >= 2:
            centred[seen[:, j], j] = v - v.mean()
    residual = centred @ constants.residual.T
    for j in range(x.shape[1]):
        v, t = scaled[seen[:, j], j], time[seen[:, j]]
        if len(v) < 2:
            continue
        steps = np.diff(scaled[:, j])[seen[1:, j] & seen[:-1, j]]
        out[:, j] = (
            v.mean(),
            0.5 * np.log(v.var() + 1e-6),
            0.5 * np.log(np.mean(steps**2) + 1e-6) if len(steps) else np.nan,
            np.polyfit(t, v, 1)[0],
            np.maximum(v - constants.q90[j], 0).mean(),
            np.maximum(constants.q10[j] - v, 0).mean(),
            0.5 * np.log((residual[:, j] ** 2).sum() / len(x) + 1e-6) if x.shape[1] > 1 else 0.0,
        )
    return out


def test_agree_with_the_golden_cut(golden):
    constants = RowConstants(**{name: golden[f"row_{name}"] for name in RowConstants.__slots__})
    first, reference = int(golden["raw_first"]), int(golden["reference"])
    expected = golden["features"][first : first + len(golden["raw"])]
    assert len(expected) == len(golden["raw"]) == 40
    assert first > reference
    np.testing.assert_allclose(features(golden["raw"], constants), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("stream", STREAMS)
def test_agree_with_every_golden_stream(full_golden, stream):
    raw = full_golden[f"{stream}_X"]
    found = features(raw, fit_row_constants(raw[:200]))
    np.testing.assert_allclose(found, full_golden[f"{stream}_features"], rtol=0, atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), missing=st.floats(0.0, 0.97), sensors=st.integers(1, 4), rows=st.integers(2, 30))
def test_follow_their_definitions_with_missing_cells(seed, missing, sensors, rows):
    rng = np.random.default_rng(seed)
    values = rng.normal(5.0, 2.0, (6, rows, sensors)).cumsum(axis=1)
    values[rng.random(values.shape) < missing] = np.nan
    constants = fit_row_constants(values)
    found = features(values, constants)
    for sample, row in zip(values, found, strict=True):
        np.testing.assert_allclose(row, by_hand(sample, constants), rtol=1e-7, atol=1e-7)


def test_many_sensors_follow_their_definitions_too():
    rng = np.random.default_rng(5)
    values = rng.normal(5.0, 2.0, (4, 60, MANY + 3))
    values[rng.random(values.shape) < 0.1] = np.nan
    values[0, :, 7] = np.nan
    constants = fit_row_constants(values)
    for sample, row in zip(values, features(values, constants), strict=True):
        np.testing.assert_allclose(row, by_hand(sample, constants), rtol=1e-7, atol=1e-7)


def test_fewer_than_two_cells_are_missing():
    reference = np.random.default_rng(0).normal(size=(30, 10, 3))
    sample = np.full((1, 10, 3), np.nan)
    sample[0, 4, 0] = 1.0
    sample[0, :, 2] = 1.0
    found = features(sample, fit_row_constants(reference))
    assert np.isnan(found[0, :, :2]).all()
    assert np.isfinite(found[0, :, 2]).all()


def test_infinite_cells_count_as_missing():
    reference = np.random.default_rng(0).normal(size=(30, 10, 2))
    gap, infinite = reference[:1].copy(), reference[:1].copy()
    gap[0, 3, 1], infinite[0, 3, 1] = np.nan, np.inf
    constants = fit_row_constants(reference)
    np.testing.assert_array_equal(features(gap, constants), features(infinite, constants))


def test_constant_and_unseen_sensors_have_finite_constants():
    reference = np.random.default_rng(0).normal(size=(30, 10, 3))
    reference[:, :, 1], reference[:, :, 2] = 7.0, np.nan
    constants = fit_row_constants(reference)
    assert all(np.isfinite(array).all() for array in constants.arrays().values())
    assert constants.sd[1] == 1.0
    found = features(reference, constants)
    assert np.isfinite(found[:, :, :2]).all()
    assert np.isnan(found[:, :, 2]).all()


def test_what_does_not_fit_is_refused():
    reference = np.zeros((30, 10, 3))
    with pytest.raises(DataError, match=r"\(n, T, 3\), found \(30, 10, 2\)"):
        features(reference[:, :, :2], fit_row_constants(reference))
    with pytest.raises(DataError, match="at least one reference row"):
        fit_row_constants(reference[:0])
    with pytest.raises(DataError, match=r"found \(30, 10\)"):
        fit_row_constants(reference[:, :, 0])


def test_names_fit_the_axis():
    assert features(np.zeros((0, 5, 2)), fit_row_constants(np.zeros((3, 5, 2)))).shape == (0, len(FEATURES), 2)
