"""Monitors find what no sensor shows, and keep their budget where nothing happens."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dq_pipeline.triage import monitors
from dq_pipeline.triage.errors import GUARD, LEAST_ERRORS, Errors
from dq_pipeline.triage.monitors import Held, looked_at
from dq_pipeline.triage.sums import Sums, Usual
from tests.triage.conftest import stretch

LIMIT = np.log(1000.0 / monitors.PER_1000)


def watch(before, now, shares=None):
    """The first alarm of each monitor over `now`, numbered from 0, once it has seen what was before."""
    was, is_ = ({} if shares is None else {kind: part[i] for kind, part in shares.items()} for i in range(2))
    number = np.arange(len(now))
    held, _ = monitors.watch(Held(), looked_at(before, shares=was))
    shown = {kind: (number, values) for kind, (_, values) in looked_at(now, shares=is_).items()}
    raised = monitors.watch(held, shown)[1]
    return [one for i, one in enumerate(raised) if one.kind not in {other.kind for other in raised[:i]}]


def statistic_of(known, error):
    bets, _ = Errors.none().bets(known, error)
    statistic, begin, _ = Sums.none(bets.shape[1]).then(bets, np.arange(len(bets)))
    return statistic, begin


def test_the_budget_is_kept_on_errors_that_persist():
    """Autocorrelation 0.3, 120 known errors: at most twice the budget, over 60,000 samples."""
    alarms, total = 0, 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        series = np.zeros(1120)
        for i in range(1, len(series)):
            series[i] = 0.3 * series[i - 1] + rng.standard_t(6)
        statistic, _ = statistic_of(series[:120], series[120:])
        alarms += bool((statistic > LIMIT).any())
        total += len(statistic)
    assert alarms <= 2.0 * monitors.PER_1000 * total / 1000.0


@pytest.mark.parametrize(("spoil", "most"), [(lambda e: e + 0.2, 25), (lambda e: 3.0 * e, 40)])
def test_errors_that_are_biased_or_larger_are_found(spoil, most):
    rng = np.random.default_rng(1)
    known, error = rng.normal(0, 0.1, 120), rng.normal(0, 0.1, 200)
    error[100:] = spoil(error[100:])
    statistic, begin = statistic_of(known, error)
    first = int(np.argmax(statistic > LIMIT))
    assert 100 < first <= 100 + most
    assert abs(begin[first] - 100) <= 10


def test_unknown_truths_are_passed_over():
    error = np.r_[np.full(50, np.nan), np.zeros(3)]
    bets, _ = Errors.none().bets(np.random.default_rng(0).normal(size=60), error)
    place = np.flatnonzero(np.isfinite(bets).all(axis=1))
    assert place.tolist() == [50, 51, 52]
    assert np.isnan(bets[:50]).all()


def spoilt(name, value):
    now = stretch(1, 200, 100)
    getattr(now, name)[40:] = value
    return now


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [("late", 60.0, "late_samples"), ("disordered", 0.1, "late_rows"), ("target", np.nan, "unlabelled")],
)
def test_delivery_and_labels_are_watched(name, value, kind):
    raised = watch(stretch(0, 0, 200), spoilt(name, value))
    assert [one.kind for one in raised] == [kind]
    assert 40 <= raised[0].sample < 60
    assert abs(raised[0].begin - 40) <= 3


def test_lost_rows_are_told_from_one_silent_sensor():
    before, now, silent = stretch(0, 0, 200), stretch(1, 200, 100), stretch(1, 200, 100)
    now.values[40:, ::4] = np.nan
    silent.values[40:, :, 2] = np.nan
    assert {one.kind for one in watch(before, now)} == {"lost_rows", "lost_readings"}
    assert [one.kind for one in watch(before, silent)] == ["lost_readings"]


def test_more_that_is_counted_is_watched_too():
    shares = {"not_come": (np.zeros(200), np.r_[np.zeros(50), np.full(50, 0.5)])}
    raised = watch(stretch(0, 0, 200), stretch(1, 200, 100), shares=shares)
    assert [(one.kind, one.begin) for one in raised] == [("not_come", 50)]


def test_nothing_is_raised_where_nothing_happens():
    assert watch(stretch(0, 0, 200), stretch(5, 200, 400)) == []


def test_few_known_errors_keep_the_budget_as_well():
    """60 known errors, as a release of 120 recordings has: at most twice the budget, over 60,000 samples."""
    alarms = 0
    for seed in range(60):
        rng = np.random.default_rng([1, seed])
        known, error = rng.standard_t(6, LEAST_ERRORS), rng.standard_t(6, 1000)
        alarms += bool((statistic_of(known, error)[0] > LIMIT).any())
    assert alarms <= 2.0 * monitors.PER_1000 * 60


def troubled():
    """400 samples in which the error, the readings of one sensor, and the arrival change."""
    rng = np.random.default_rng(0)
    error = rng.normal(size=400)
    error[250:] += 1.2
    error[rng.random(400) < 0.1] = np.nan
    readings = rng.random((400, 5)) * 0.01
    readings[200:, 2] += 0.2
    late = np.exp(rng.normal(size=400))
    late[300:] *= 20.0
    number = np.arange(400)
    return {"error": (number, error), "lost_readings": (number, readings), "late_samples": (number, late)}


@pytest.mark.parametrize("known", [100, 0])
@pytest.mark.parametrize("step", [1, 25, 170])
def test_the_same_comes_however_samples_are_cut_and_kept_between(known, step):
    now, errors = troubled(), np.random.default_rng(2).normal(size=known)
    whole, held, found = monitors.watch(Held(), now, errors=errors)[1], Held(), []
    for first in range(0, 400, step):
        cut = slice(first, first + step)
        part = {kind: (number[cut], values[cut]) for kind, (number, values) in now.items()}
        held, raised = monitors.watch(held, part, errors=errors)
        held = Held.from_json(json.loads(json.dumps(held.to_json(), allow_nan=False)))
        found += raised
    assert {one.kind for one in whole} == {"error", "lost_readings", "late_samples"}
    told = sorted(found, key=lambda one: (one.sample, one.kind))
    expected = sorted(whole, key=lambda one: (one.sample, one.kind))
    assert [(one.kind, one.sample, one.begin) for one in told] == [(o.kind, o.sample, o.begin) for o in expected]
    assert [one.statistic for one in told] == pytest.approx([one.statistic for one in expected], abs=1e-4)


def test_what_stands_as_unusual_is_not_learned():
    usual = Usual.none(1).bets(np.zeros((60, 1)))[1]
    assert usual.bets(np.ones((10, 1)), learn=False)[1].n.tolist() == [60.0]
    known = Errors.none().bets(np.arange(100.0), np.zeros(GUARD + 5))[1]
    assert len(known.signed) == GUARD + 5
    assert len(known.bets(np.arange(100.0), np.full(30, 500.0), learn=False)[1].signed) == GUARD + 5


def test_what_is_learned_anew_is_forgotten_first():
    held, _ = monitors.watch(Held(), troubled(), errors=np.random.default_rng(2).normal(size=100))
    assert held.restarted().sums == {}
    left = held.relearned({"error", "late_samples"})
    assert set(left.usual) == set(left.sums) == {"lost_readings"}
    assert (left.seconds, len(left.errors.signed)) == ((), 0)
