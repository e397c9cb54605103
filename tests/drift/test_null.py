from __future__ import annotations

import numpy as np
import pytest

from dq_pipeline.drift.divergences import DIVERGENCES
from dq_pipeline.drift.level import Level, measure
from dq_pipeline.drift.null import Null, fit_null
from dq_pipeline.errors import DataError


def null_of(readings, window=25, draws=200):
    moments, histogram = np.split(readings, [4], axis=1)
    rng = np.random.default_rng(0)
    return fit_null(np.swapaxes(histogram, 1, 2), moments, window=window, draws=draws, rng=rng)


@pytest.fixture(scope="module")
def stream(readings_of):
    return readings_of(np.random.default_rng(1), 200, 3)


def test_p_values_are_rank_shares_with_the_observed_window_counted_in(stream):
    null = null_of(stream)
    values = np.full((len(DIVERGENCES), 3), np.inf)
    p, p_moments = null.p_values(values, np.full(3, np.inf))
    assert (p == 1 / 201).all()
    assert (p_moments == 1 / 201).all()
    assert (null.p_values(np.zeros(values.shape), np.zeros(3))[0] == 1.0).all()
    assert null.p_value("combined", values, np.full(3, np.inf)) == 1 / 201
    assert null.p_value("combined", np.zeros(values.shape), np.zeros(3)) == 1.0


@pytest.mark.parametrize("statistic", ["combined", "moments", *DIVERGENCES])
def test_a_drawn_window_put_in_as_observed_is_uniform(stream, statistic):
    null = null_of(stream)
    p = [null.p_value(statistic, null.divergences[:, b], null.moments[b]) for b in range(0, 200, 2)]
    for level in (0.1, 0.3, 0.6):
        assert np.mean(np.array(p) <= level) == pytest.approx(level, abs=0.12)


def test_persistence_widens_the_null(readings_of):
    rng = np.random.default_rng(3)
    quick = readings_of(rng, 200, 2)
    order = np.argsort(quick[:, 0, 0] + 0.3 * rng.normal(size=200))
    blocks = np.concatenate([np.roll(order[i::4], i) for i in range(4)])
    slow = quick[blocks]
    assert (null_of(slow).scale[0, 0] > 1.5 * null_of(quick).scale[0, 0]).all()
    first = tuple(DIVERGENCES).index("jsd")
    assert null_of(slow).divergences[first, :, 0].mean() > 1.3 * null_of(quick).divergences[first, :, 0].mean()


def test_the_reference_itself_lies_at_its_own_level(stream):
    null = null_of(stream, window=200)
    divergences, z = measure(null, Level.of_reference(null), stream)
    np.testing.assert_allclose(divergences, 0.0, atol=1e-9)
    np.testing.assert_allclose(z, 0.0, atol=1e-9)


def test_a_level_of_few_samples_draws_deviations_in(stream):
    null = null_of(stream)
    level = Level.of(stream[:200], null)
    window = stream[100:125] + np.concatenate([np.full((4, 1), 0.5), np.zeros((33, 1))])
    few = Level(level.moments, level.histogram, np.asarray(30))
    assert (np.abs(measure(null, few, window)[1]) < np.abs(measure(null, level, window)[1])).all()


def test_a_window_longer_than_half_the_reference_is_scaled(stream):
    scale = [null_of(stream, window=w).scale for w in (25, 100, 400)]
    np.testing.assert_allclose(scale[1] / scale[0], np.sqrt((1 / 100 + 1 / 200) / (1 / 25 + 1 / 200)))
    np.testing.assert_allclose(scale[2] / scale[0], np.sqrt((1 / 400 + 1 / 200) / (1 / 25 + 1 / 200)))
    spread = [null_of(stream, window=w).divergences[0].mean() for w in (25, 100, 400)]
    assert spread[0] > spread[1] > spread[2]


def test_refusals(stream):
    with pytest.raises(DataError, match=r"Expected histograms \(N, f, 33\)"):
        fit_null(stream[:, 4:], stream[:, :4], window=25, draws=100, rng=np.random.default_rng(0))
    with pytest.raises(DataError, match="found 19, 200 and 25"):
        null_of(stream[:19])
    assert isinstance(null_of(stream[:20]), Null)
