from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from dq_pipeline.errors import DataError
from dq_pipeline.feedback.novelty import Novelty, nearest

F, PER = 4, 7
SENSOR = np.repeat(np.arange(F), PER)


def samples(n: int, seed: int) -> NDArray[np.float64]:
    """Features of four sensors that all follow one level: hundredfold redundant."""
    rng = np.random.default_rng(seed)
    level = rng.normal(size=(n, 1))
    return level + 0.1 * rng.normal(size=(n, F * PER))


@pytest.fixture(scope="module")
def novelty() -> Novelty:
    return Novelty.fit(samples(300, 0), SENSOR)


def test_a_broken_correlation_is_far_though_every_value_is_usual(novelty: Novelty) -> None:
    usual = samples(100, 1)
    broken = usual.copy()
    broken[:, SENSOR == 2] -= 2.0 * np.sign(usual[:, SENSOR == 2])  # between the 1 and 99 % of what it shows
    assert np.median(novelty.score(broken)) > 2.0 * np.quantile(novelty.score(usual), 0.99)


def test_the_sensor_that_left_the_others_is_named(novelty: Novelty) -> None:
    odd = samples(50, 2)
    odd[:, SENSOR == 1] += 1.5
    points = novelty.standardised(odd)
    shares = novelty.drivers(points, nearest(novelty.distances(points))[0])
    assert shares.sum(axis=1) == pytest.approx(1.0)
    assert np.mean(np.argmax(shares, axis=1) == 1) > 0.8


def test_a_sensor_that_shows_nothing_is_far_unless_it_often_does(novelty: Novelty) -> None:
    gone = samples(20, 3)
    gone[:, SENSOR == 3] = np.nan
    points = novelty.standardised(gone)
    assert np.isfinite(points).all()
    assert novelty.score(gone).min() > np.quantile(novelty.score(samples(200, 4)), 0.99)
    assert (np.argmax(novelty.drivers(points, nearest(novelty.distances(points))[0]), axis=1) == 3).all()
    often = samples(300, 5)
    often[::2, SENSOR == 3] = np.nan
    used_to = Novelty.fit(often, SENSOR)
    assert np.median(used_to.score(gone)) < 1.5 * np.median(used_to.score(samples(200, 4)))


def test_scores_stay_finite_whatever_comes(novelty: Novelty) -> None:
    hostile = np.array([np.full(F * PER, 1e300), np.full(F * PER, -np.inf), np.full(F * PER, np.nan)])
    assert np.isfinite(novelty.score(hostile)).all()


def test_a_feature_without_spread_or_reading_does_no_harm() -> None:
    dull = samples(60, 6)
    dull[:, 0], dull[:, 1] = 5.0, np.nan
    fitted = Novelty.fit(dull, SENSOR)
    assert np.isfinite(fitted.score(dull)).all()


def test_too_few_samples_are_refused() -> None:
    with pytest.raises(DataError, match="at least 20 samples expected as a reference of novelty, found 19"):
        Novelty.fit(samples(19, 0), SENSOR)


def test_distances_are_those_between_white_points(novelty: Novelty) -> None:
    points = novelty.standardised(samples(5, 7))
    naive = np.linalg.norm((points[:, None] - novelty.points) @ novelty.whiten, axis=2)
    assert novelty.distances(points) == pytest.approx(naive, rel=1e-6)
    assert np.cov(novelty.white.T).diagonal().max() < 1.5
