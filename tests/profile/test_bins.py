from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dq_pipeline.errors import DataError
from dq_pipeline.profile.bins import Reference
from dq_pipeline.profile.profile import profile
from dq_pipeline.storage import arrays_of


@pytest.fixture(scope="module")
def values():
    return np.random.default_rng(5).normal(1.0, 0.5, (200, 60, 2))


@pytest.fixture(scope="module")
def reference(values, make_batch, make_process):
    return Reference.fit(make_batch(values), make_process(2, 60))


def test_envelope_is_the_quantiles_of_the_row(values, reference):
    q05, q50, q95 = np.quantile(values, (0.05, 0.5, 0.95), axis=0)
    width = np.maximum(q95 - q05, 3.29 * 1.4826 * np.median(np.abs(values - q50), axis=0))
    np.testing.assert_allclose(reference.median, q50.T)
    np.testing.assert_allclose(reference.lower, (q05 - 1.5 * width).T)
    np.testing.assert_allclose(reference.upper, (q95 + 1.5 * width).T)


def test_missing_cells_leave_the_quantiles_to_the_others(values, make_batch, make_process):
    holes = values.copy()
    holes[::3, 7, 1] = np.nan
    fitted = Reference.fit(make_batch(holes), make_process(2, 60))
    assert fitted.median[1, 7] == pytest.approx(np.nanmedian(holes[:, 7, 1]))
    np.testing.assert_allclose(fitted.median[0], np.median(values[:, :, 0], axis=0))


def test_limits(values, reference):
    assert reference.step_limit[0] == pytest.approx(4 * np.quantile(np.abs(np.diff(values[:, :, 0], axis=1)), 0.99))
    windows = np.lib.stride_tricks.sliding_window_view(values[:, :, 1], 3, axis=1)
    heights = np.abs(windows[..., 1] - np.median(windows, axis=-1))
    assert reference.spike_limit[1, 2] == pytest.approx(4 * np.quantile(heights[:, 19:29], 0.99))
    assert reference.run_limit.tolist() == [5, 5]


def test_bins_hold_about_a_32nd_each_and_count_every_reading(values, reference):
    assert reference.bins.sum() == values.size
    share = reference.bins / reference.bins.sum(axis=2, keepdims=True)
    assert (np.abs(share - 1 / 32) < 0.02).all()
    assert (np.diff(reference.table.astype(int), axis=2) >= 0).all()


def test_its_own_samples_fill_its_bins(values, reference, make_batch):
    made = profile(make_batch(values), reference)
    np.testing.assert_array_equal(made.histogram[..., :32].sum(axis=0), reference.bins)
    np.testing.assert_array_equal(made.drift_histogram.sum(axis=0), reference.whole_bins)


def test_a_constant_sensor_keeps_its_value_apart(make_batch, make_process):
    fitted = Reference.fit(make_batch(np.full((20, 10, 1), 7.0)), make_process(1, 10, limit=9.0))
    moved = profile(make_batch(np.full((2, 10, 1), 7.0) + np.array([0.0, 1e-6])[:, None, None]), fitted)
    assert moved.counted("outlying").tolist() == [[0], [10]]
    assert (moved.histogram[0] * moved.histogram[1]).sum() == 0
    assert moved.counted("stuck").tolist() == [[0], [0]]


def test_a_sensor_never_seen_is_unknown_and_limits_nothing(values, make_batch, make_process):
    holes = values.copy()
    holes[:, :, 1] = np.nan
    fitted = Reference.fit(make_batch(holes), make_process(2, 60, limit=100.0))
    assert fitted.known.tolist() == [True, False]
    made = profile(make_batch(values), fitted)
    assert made.counted("abnormal")[:, 1].sum() == 0
    assert made.counted("violating")[:, 1].sum() == 0


@given(
    rows=st.integers(2, 12),
    n=st.integers(1, 6),
    offset=st.sampled_from([0.0, 1e9, -1e-12]),
    scale=st.sampled_from([0.0, 1e-15, 1.0, 1e12]),
    missing=st.floats(0, 1),
    seed=st.integers(0, 1000),
)
@settings(max_examples=60, deadline=None)
def test_any_batch_can_be_a_reference(make_batch, make_process, rows, n, offset, scale, missing, seed):
    rng = np.random.default_rng(seed)
    x = offset + scale * rng.normal(size=(n, rows, 2))
    x[rng.random(x.shape) < missing] = np.nan
    fitted = Reference.fit(make_batch(x), make_process(2, rows))
    made = profile(make_batch(x), fitted)
    assert np.array_equal(made.histogram[..., :32].sum(axis=0), fitted.bins)
    assert np.array_equal(made.drift_histogram.sum(axis=0), fitted.whole_bins)
    assert not any(np.isnan(array).any() for name, array in arrays_of(fitted).items() if name in NEVER_NAN)
    assert np.isfinite(made.moments).all()


NEVER_NAN = {"lower", "upper", "grid_low", "grid_per_unit", "spike_limit", "step_limit", "floor"}


def test_bytes_bring_back_the_same(values, reference, make_batch):
    again = Reference.from_bytes(reference.to_bytes())
    assert again.id == reference.id
    for field in fields(Reference):
        if field.name != "drift":
            np.testing.assert_array_equal(getattr(again, field.name), getattr(reference, field.name))
    batch = make_batch(values[:5] + 0.3)
    assert profile(batch, again).to_bytes() == profile(batch, reference).to_bytes()


def test_another_batch_has_another_id(values, reference, make_batch, make_process):
    assert Reference.fit(make_batch(values[1:]), make_process(2, 60)).id != reference.id
    assert Reference.fit(make_batch(values), make_process(2, 60)).id == reference.id


def test_refusals(values, make_batch, make_process):
    with pytest.raises(DataError, match="Expected the sensors"):
        Reference.fit(make_batch(values), make_process(3, 60))
    with pytest.raises(DataError, match="at least 2 rows"):
        Reference.fit(make_batch(values[:0]), make_process(2, 60))
    with pytest.raises(DataError, match="a reference"):
        Reference.from_bytes(b"nothing")
