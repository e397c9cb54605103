from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dq_pipeline.profile.bins import Reference
from dq_pipeline.profile.profile import profile
from dq_pipeline.quality.dimensions import DIMENSIONS, measure


@pytest.fixture(scope="module")
def values():
    return np.random.default_rng(3).normal(0, 1, (100, 40, 2))


@pytest.fixture(scope="module")
def reference(values, make_batch, make_process):
    return Reference.fit(make_batch(values), make_process(2, 40))


@pytest.fixture(scope="module")
def worth(make_batch, reference):
    def of(x, **facts):
        u = measure(profile(make_batch(x, **facts), reference), reference)
        return {name: u[:, k] for k, name in enumerate(DIMENSIONS)}

    return of


@pytest.mark.parametrize("dimension", DIMENSIONS.values(), ids=DIMENSIONS)
@given(
    missing=st.floats(0, 1), scale=st.sampled_from([0.0, 1.0, 1e9]), late=st.integers(0, 60), seed=st.integers(0, 99)
)
@settings(max_examples=25, deadline=None)
def test_within_bounds_and_independent_of_order(dimension, make_batch, reference, missing, scale, late, seed):
    rng = np.random.default_rng(seed)
    x = scale * rng.normal(size=(4, 40, 2))
    x[rng.random(x.shape) < missing] = np.nan
    made = profile(make_batch(x, disordered=np.full(4, late)), reference)
    u = dimension(made, reference)
    assert u.shape == (4, 2)
    assert ((u >= 0) & (u <= 1)).all()
    np.testing.assert_array_equal(dimension(made.take([2, 0, 3, 1]), reference), u[[2, 0, 3, 1]])


@pytest.mark.parametrize("dimension", DIMENSIONS.values(), ids=DIMENSIONS)
def test_nothing_seen_is_worth_nothing(dimension, make_batch, reference):
    made = profile(make_batch(np.full((1, 40, 2), np.nan)), reference)
    assert dimension(made, reference).tolist() == [[0, 0]]


def test_completeness_counts_missing_cells(values, worth):
    holes = values[:1].copy()
    holes[0, :10, 1] = np.nan
    assert worth(holes)["completeness"].tolist() == [[1.0, 0.75]]


def test_accuracy_falls_by_the_share_of_abnormal_readings(values, worth):
    odd = values[:1].copy()
    odd[0, [3, 9, 20, 33], 0] = 50.0
    before, after = worth(values[:1])["accuracy"], worth(odd)["accuracy"]
    assert (before - after).tolist() == [[pytest.approx(0.1), 0.0]]


def test_consistency_falls_where_the_range_is_left(values, worth):
    odd = values[:1].copy()
    odd[0, 10:, 1] = 500.0
    assert worth(odd)["consistency"].tolist() == [[1.0, pytest.approx(0.25)]]


def test_timeliness_falls_with_rows_out_of_order(values, worth):
    ordered = worth(values[:1])["timeliness"]
    late = worth(values[:1], disordered=np.array([10]))["timeliness"]
    np.testing.assert_allclose(late, 0.75 * ordered)


def test_distances_notice_a_shift_of_one_sensor(values, worth):
    shifted = values[:20] + np.array([0.0, 1.5])
    for name in ("timeliness", "skewness"):
        fall = worth(values[:20])[name] - worth(shifted)[name]
        assert (fall[:, 0] == 0).all()
        assert fall[:, 1].mean() > 0.03
