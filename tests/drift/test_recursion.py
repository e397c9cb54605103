from __future__ import annotations

import numpy as np

from dq_pipeline.drift.recursion import LAMBDAS, advance, change_point, reset, start


def plainly(contrasts, weights, n):
    """The recursion as it is written down, one contrast and one shift at a time."""
    size, lam = contrasts.shape[1], np.array(LAMBDAS)
    s, v, m = np.zeros(size), np.full(size, float(n)), float(n)
    r, q, statistic = np.zeros((size, 8)), np.zeros((size, 8)), []
    for t, x in enumerate(contrasts):
        d = x - s / m
        y = np.clip(d / np.sqrt(v / m) * np.sqrt(m / (m + 1)), -4, 4)
        s, v, m = s + x, v + np.minimum(d**2 * m / (m + 1), 9.0), m + 1
        likelihood = np.exp(lam * y[:, None] - lam**2 / 2)
        r, q = (1 + r) * likelihood, (t + q) * likelihood
        statistic.append(np.log((weights * r.mean(axis=1)).sum()))
    return np.array(statistic), r, q


def stream(seed, n=120, size=7):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, size)), rng.dirichlet(np.ones(size))


def test_follows_its_definition():
    contrasts, weights = stream(0)
    contrasts[60:, 2] += 6.0
    sums, statistic, taken = advance(start(50, 7), contrasts, weights, np.inf)
    expected, r, q = plainly(contrasts, weights, 50)
    assert taken == 120
    np.testing.assert_allclose(statistic, expected, rtol=1e-9)
    np.testing.assert_allclose(sums.likelihood, r, rtol=1e-8)
    np.testing.assert_allclose(sums.onset, q, rtol=1e-8)


def test_stops_at_the_alarm_and_names_the_change():
    contrasts, weights = stream(1, n=300)
    contrasts[200:, 4] += 2.5
    sums, statistic, taken = advance(start(200, 7), contrasts, weights, 9.0)
    assert 200 < taken < 215
    assert len(statistic) == taken
    assert statistic[-1] > 9.0 >= statistic[:-1].max()
    assert int(np.argmax(weights * sums.likelihood.sum(axis=1))) == 4
    assert abs(change_point(sums, 4) - 200) < 5


def test_a_reset_forgets_the_search_and_keeps_the_baseline():
    contrasts, weights = stream(2)
    before, _, _ = advance(start(50, 7), contrasts, weights, np.inf)
    after = reset(before)
    assert (after.likelihood == 0.0).all()
    assert (after.onset == 0.0).all()
    np.testing.assert_array_equal(after.shift, before.shift)
    np.testing.assert_array_equal(after.square, before.square)
    assert (int(after.seen), float(after.baseline)) == (120, 170.0)


def test_what_goes_in_is_not_changed():
    contrasts, weights = stream(3)
    before = start(50, 7)
    advance(before, contrasts, weights, np.inf)
    assert (before.shift == 0.0).all()
    assert (before.likelihood == 0.0).all()


def test_a_lasting_change_that_is_never_reset_stays_finite():
    contrasts, weights = stream(4, n=2000)
    contrasts[:, 0] += np.arange(2000.0)
    sums, statistic, _ = advance(start(20, 7), contrasts, weights, np.inf)
    assert np.isfinite(statistic).all()
    assert np.isfinite(sums.onset).all()
