"""Monitors find what no sensor shows, and keep their budget where nothing happens."""

from __future__ import annotations

import numpy as np
import pytest

from dq_pipeline.triage import monitors
from tests.triage.conftest import stretch


def test_the_budget_is_kept_on_errors_that_persist():
    """Autocorrelation 0.3, 120 known errors: at most twice the budget, over 60,000 samples."""
    alarms, total = 0, 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        series = np.zeros(1120)
        for i in range(1, len(series)):
            series[i] = 0.3 * series[i - 1] + rng.standard_t(6)
        bets, place = monitors.error_bets(series[:120], series[120:])
        statistic, _ = monitors.shiryaev_roberts(bets)
        alarms += bool((statistic > np.log(1000.0 / monitors.PER_1000)).any())
        total += len(place)
    assert alarms <= 2.0 * monitors.PER_1000 * total / 1000.0


@pytest.mark.parametrize(("spoil", "most"), [(lambda e: e + 0.2, 25), (lambda e: 3.0 * e, 40)])
def test_errors_that_are_biased_or_larger_are_found(spoil, most):
    rng = np.random.default_rng(1)
    known, error = rng.normal(0, 0.1, 120), rng.normal(0, 0.1, 200)
    error[100:] = spoil(error[100:])
    statistic, begin = monitors.shiryaev_roberts(monitors.error_bets(known, error)[0])
    first = int(np.argmax(statistic > np.log(1000.0 / monitors.PER_1000)))
    assert 100 < first <= 100 + most
    assert abs(begin[first] - 100) <= 10


def test_unknown_truths_are_passed_over():
    error = np.r_[np.full(50, np.nan), np.zeros(3)]
    bets, place = monitors.error_bets(np.random.default_rng(0).normal(size=60), error)
    assert place.tolist() == [50, 51, 52]
    assert len(bets) == 3


def spoilt(name, value):
    now = stretch(1, 200, 100)
    getattr(now, name)[40:] = value
    return now


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [("late", 60.0, "late_samples"), ("disordered", 0.1, "late_rows"), ("target", np.nan, "unlabelled")],
)
def test_delivery_and_labels_are_watched(name, value, kind):
    raised = monitors.watch(stretch(0, 0, 200), spoilt(name, value))
    assert [one.kind for one in raised] == [kind]
    assert 40 <= raised[0].sample < 60
    assert abs(raised[0].begin - 40) <= 3


def test_lost_rows_are_told_from_one_silent_sensor():
    before, now, silent = stretch(0, 0, 200), stretch(1, 200, 100), stretch(1, 200, 100)
    now.values[40:, ::4] = np.nan
    silent.values[40:, :, 2] = np.nan
    assert {one.kind for one in monitors.watch(before, now)} == {"lost_rows", "lost_readings"}
    assert [one.kind for one in monitors.watch(before, silent)] == ["lost_readings"]


def test_more_that_is_counted_is_watched_too():
    shares = {"not_come": (np.zeros(200), np.r_[np.zeros(50), np.full(50, 0.5)])}
    raised = monitors.watch(stretch(0, 0, 200), stretch(1, 200, 100), shares=shares)
    assert [(one.kind, one.begin) for one in raised] == [("not_come", 50)]


def test_nothing_is_raised_where_nothing_happens():
    assert monitors.watch(stretch(0, 0, 200), stretch(5, 200, 400)) == ()
