"""The error seen over the error promised, with its interval."""

from __future__ import annotations

import numpy as np
import pytest

from dq_pipeline.release.bootstrap import circular_blocks
from dq_pipeline.release.promise import Promise, error_ratio


def noise(n: int, scale: float, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(scale=scale, size=n)


def test_the_ratio_is_that_of_the_metric() -> None:
    truth, value = np.zeros(100), noise(100, 3.0, 1)
    before = noise(50, 1.0, 2)
    found = error_ratio("mae", truth, value, Promise(9.9, 50, np.zeros(50), before), np.random.default_rng(0))
    assert found is not None
    assert found.ratio == pytest.approx(np.abs(value).mean() / np.abs(before).mean())
    assert 1.0 < found.low < found.ratio
    assert (found.samples, found.judged_on) == (100, 50)


@pytest.mark.parametrize(("judged_on", "most"), [(10, 0.09), (60, 0.05)])
def test_a_release_that_keeps_its_promise_is_seldom_found_worse(judged_on: int, most: float) -> None:
    """Where the truth is a ratio of 1, its lower end exceeds 1 about as often as the level says."""
    above = 0
    for seed in range(200):
        promise = Promise(0.0, judged_on, np.zeros(judged_on), noise(judged_on, 1.0, 1000 + seed))
        found = error_ratio("mae", np.zeros(60), noise(60, 1.0, seed), promise, np.random.default_rng(seed))
        assert found is not None
        above += found.low > 1.0
    assert above <= most * 200


def test_what_was_promised_on_few_samples_is_not_taken_for_exact() -> None:
    value, before = noise(100, 1.5, 1), noise(12, 1.0, 2)
    said = float(np.abs(before).mean())
    exact = error_ratio("mae", np.zeros(100), value, Promise(said, 12), np.random.default_rng(0))
    drawn = error_ratio("mae", np.zeros(100), value, Promise(said, 12, np.zeros(12), before), np.random.default_rng(0))
    assert exact is not None
    assert drawn is not None
    assert drawn.ratio == pytest.approx(exact.ratio)
    assert drawn.low < exact.low


def test_where_higher_is_better_the_rest_to_one_is_the_error() -> None:
    truth = np.zeros(40)
    value = (np.arange(40) % 4 == 0).astype(float)  # a quarter wrong
    found = error_ratio("accuracy", truth, value, Promise(0.9, 30), np.random.default_rng(0))
    assert found is not None
    assert (found.seen, found.promised, found.ratio) == pytest.approx((0.25, 0.1, 2.5))


def test_too_few_truths_and_a_perfect_promise_say_nothing() -> None:
    rng = np.random.default_rng(0)
    assert error_ratio("mae", np.zeros(19), np.ones(19), Promise(0.1, 30), rng) is None
    gone = np.where(np.arange(30) < 19, 0.0, np.nan)
    assert error_ratio("mae", gone, np.ones(30), Promise(0.1, 30), rng) is None
    assert error_ratio("mae", np.zeros(30), np.ones(30), Promise(0.0, 30), rng) is None


def test_blocks_are_neighbours_in_a_circle() -> None:
    drawn = circular_blocks(27, np.random.default_rng(0))
    assert drawn.shape == (1000, 27)
    steps = np.diff(drawn.reshape(1000, 9, 3), axis=2) % 27
    assert (steps == 1).all()
