from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dq_pipeline.errors import DataError
from dq_pipeline.model.intervals import Calibration, calibrate, recalibrated, recency_weights

scores = st.lists(st.floats(0, 1e6), min_size=1, max_size=80).map(np.array)


@given(scores, st.floats(0.5, 0.99))
def test_equal_weights_give_the_finite_sample_quantile(found: np.ndarray, coverage: float) -> None:
    rank = math.ceil((len(found) + 1) * coverage - 1e-9)
    expected = np.sort(found)[rank - 1] if rank <= len(found) else math.inf
    assert calibrate(found, coverage).radius == expected


@given(scores, st.floats(0.5, 0.9))
def test_more_coverage_is_never_narrower(found: np.ndarray, coverage: float) -> None:
    assert calibrate(found, coverage).radius <= calibrate(found, coverage + 0.05).radius


def test_covers_what_it_promises_on_exchangeable_scores() -> None:
    rng = np.random.default_rng(0)
    draws = np.abs(rng.standard_t(3, size=(4000, 30)))
    held = [draw[-1] <= calibrate(draw[:-1], 0.9).radius for draw in draws]
    assert 0.885 <= np.mean(held) <= 0.945


def test_recent_scores_weigh_more() -> None:
    found = np.concatenate([np.full(100, 1.0), np.full(100, 5.0)])
    assert calibrate(found, 0.6).radius == 5.0
    assert calibrate(found[::-1], 0.6, recency_weights(200, 0.9)).radius == 1.0
    assert calibrate(found, 0.6, recency_weights(200, 0.9)).radius == 5.0


@pytest.mark.parametrize("coverage", [0.6, 0.9, 0.95, 0.99])
def test_recency_leaves_enough_weight_for_a_finite_radius(coverage: float) -> None:
    count = round(20 / (1 - coverage))
    assert math.isfinite(calibrate(np.arange(float(count)), coverage, recency_weights(count, coverage)).radius)


@pytest.mark.parametrize("radius", [0.25, math.inf])
def test_survives_json(radius: float) -> None:
    calibration = Calibration(0.9, radius, 7)
    assert Calibration.from_dict(calibration.to_dict()) == calibration


def test_the_likeliest_class_always_belongs() -> None:
    held = Calibration(0.9, 0.1, 30).classes(np.array([[0.4, 0.35, 0.25], [0.95, 0.03, 0.02]]))
    assert held.tolist() == [[True, False, False], [True, False, False]]
    wide = Calibration(0.9, 0.7, 30).classes(np.array([[0.4, 0.35, 0.25]]))
    assert wide.tolist() == [[True, True, False]]


def test_refuses_unknown_scores_and_impossible_coverage() -> None:
    with pytest.raises(DataError, match="finite scores"):
        calibrate(np.array([1.0, np.nan]), 0.9)
    with pytest.raises(DataError, match="found 1"):
        calibrate(np.array([1.0]), 1.0)


def test_a_spread_that_changed_is_followed() -> None:
    rng, promised = np.random.default_rng(3), Calibration(0.9, 1.645, 200)
    for spread in (0.4, 1.0, 3.0):
        errors, missed = np.empty(0), np.empty(0, dtype=bool)
        for _ in range(40):
            found = np.abs(rng.normal(0, spread, 25))
            radius = recalibrated(promised, errors, missed).radius
            errors, missed = np.append(errors, found), np.append(missed, found > radius)
        assert 0.87 <= 1.0 - missed[200:].mean() <= 0.93
        assert 0.7 * spread < radius / 1.645 < 1.5 * spread


@given(st.lists(st.booleans(), max_size=300), st.floats(0.5, 0.99))
def test_a_miss_never_narrows_and_a_hit_never_widens(misses: list[bool], coverage: float) -> None:
    calibration, errors = Calibration(coverage, 1.0, 50), np.full(len(misses) + 1, 1e9)
    before = recalibrated(calibration, errors[1:], np.array(misses, dtype=bool)).radius
    after = [recalibrated(calibration, errors, np.array([*misses, miss])).radius for miss in (False, True)]
    assert after[0] < before < after[1]


def test_never_wider_than_the_largest_recent_error_and_never_narrower_for_it() -> None:
    calibration = Calibration(0.9, 1.0, 50)
    errors = np.full(60, 4.0)
    assert recalibrated(calibration, errors, np.ones(60, dtype=bool)).radius == 4.0
    assert recalibrated(calibration, errors / 8.0, np.ones(60, dtype=bool)).radius == 1.0
    unbounded = Calibration(0.9, math.inf, 3)
    assert recalibrated(unbounded, errors, np.ones(60, dtype=bool)) == unbounded
