from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import linregress

from dq_pipeline.errors import DataError
from dq_pipeline.model.features import STATISTICS, Features, statistics
from dq_pipeline.samples import SampleBatch

cells = st.floats(-1e6, 1e6) | st.just(float("nan"))
Batches = Callable[..., SampleBatch]


def test_agrees_with_numpy_and_scipy_on_what_was_observed() -> None:
    values = np.random.default_rng(1).normal(5.0, 2.0, (1, 30, 1))
    values[0, [0, 7, 8], 0] = np.nan
    seen = np.isfinite(values[0, :, 0])
    x, t = values[0, seen, 0], np.linspace(-1, 1, 30)[seen]
    expected = [x.mean(), x.std(), x.min(), x.max(), x[0], x[-1], linregress(t, x).slope]
    np.testing.assert_allclose(statistics(values)[0], expected, rtol=1e-12)


@given(arrays(np.float64, (3, 6, 2), elements=cells))
def test_a_sample_does_not_depend_on_those_beside_it(values: np.ndarray) -> None:
    together = statistics(values)
    for i in range(3):
        assert statistics(values[i : i + 1]).tobytes() == together[i : i + 1].tobytes()


@given(arrays(np.float64, (2, 6, 2), elements=cells))
def test_bounds_hold_and_missing_shows_as_nan(values: np.ndarray) -> None:
    found = statistics(values).reshape(2, 2, len(STATISTICS))
    count = np.isfinite(values).sum(axis=1)
    assert (np.isnan(found).any(axis=2) == (count < 2)).all()
    assert np.isnan(found[count == 0]).all()
    mean, _, low, high, first, last, _ = np.moveaxis(found[count > 0], -1, 0)
    slack = 1e-9 * np.maximum(np.abs(low), np.abs(high))
    for inside in (mean, first, last):
        assert ((low - slack <= inside) & (inside <= high + slack)).all()


def test_infinity_counts_as_missing() -> None:
    with_nan, with_inf = np.arange(8.0).reshape(1, 8, 1), np.arange(8.0).reshape(1, 8, 1)
    with_nan[0, 3], with_inf[0, 3] = np.nan, np.inf
    assert statistics(with_nan).tobytes() == statistics(with_inf).tobytes()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # the fixture is a pure function
@given(arrays(np.float64, (4, 5, 2), elements=cells | st.just(float("inf"))))
def test_rows_after_the_horizon_change_no_bit(make_batch: Batches, later: np.ndarray) -> None:
    early = np.random.default_rng(2).normal(size=(4, 7, 2))
    known, full = make_batch(early), make_batch(np.concatenate([early, later], axis=1))
    fitted, fitted_full = Features.fit(known, 7), Features.fit(full, 7)
    assert fitted_full.to_bytes() == fitted.to_bytes()
    assert fitted.transform(full).tobytes() == fitted.transform(known).tobytes()


def test_constant_features_are_dropped_and_the_rest_standardised(make_batch: Batches) -> None:
    values = np.random.default_rng(3).normal(1600.0, 1e-4, (50, 10, 2))
    values[:, :, 1] = 7.0
    fitted = Features.fit(make_batch(values), 10)
    assert fitted.names == tuple(f"a.{name}" for name in STATISTICS)
    found = fitted.transform(make_batch(values))
    np.testing.assert_allclose(found.mean(axis=0), 0.0, atol=1e-6)
    np.testing.assert_allclose(found.std(axis=0), 1.0, rtol=1e-6)
    assert len(np.unique(found[:, 0].astype(np.float32))) == 50  # single precision still tells them apart


def test_a_batch_without_variation_keeps_every_feature(make_batch: Batches) -> None:
    fitted = Features.fit(make_batch(np.ones((3, 4, 2))), 4)
    assert len(fitted.names) == 14
    assert np.isfinite(fitted.transform(make_batch(np.ones((3, 4, 2))))).all()


def test_survives_bytes_bit_for_bit(make_batch: Batches) -> None:
    batch = make_batch(np.random.default_rng(4).normal(size=(20, 9, 3)))
    fitted = Features.fit(batch, 6)
    again = Features.from_bytes(fitted.to_bytes())
    assert again.names == fitted.names
    assert again.transform(batch).tobytes() == fitted.transform(batch).tobytes()


def test_refuses_what_does_not_fit(make_batch: Batches) -> None:
    batch = make_batch(np.random.default_rng(5).normal(size=(5, 9, 2)))
    fitted = Features.fit(batch, 9)
    with pytest.raises(DataError, match="at least 9 rows expected"):
        fitted.transform(batch.head(8))
    with pytest.raises(DataError, match="sensors a, b expected, found a, b, c"):
        fitted.transform(make_batch(np.zeros((1, 9, 3))))
    with pytest.raises(DataError, match="at least one sample"):
        Features.fit(batch.take([]), 9)
    with pytest.raises(DataError, match="another version"):
        Features.from_bytes(fitted.to_bytes().replace(b'"slope"', b'"trend"'))
