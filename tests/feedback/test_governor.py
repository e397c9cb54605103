"""When a model is trained again: every trigger and every objection has its figures, and its end."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dq_pipeline.feedback.coverage import Coverage
from dq_pipeline.feedback.governor import (
    ErrorRatio,
    Objection,
    Situation,
    Training,
    next_time,
    objections,
    triggers,
    used_s,
)
from dq_pipeline.sections.feedback import Retrain

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def situation(**known: Any) -> Situation:
    return Situation(**{"now": NOON, "zone": "UTC", "since": NOON - 10 * HOUR, "new_labels": 30, **known})


def worse(low: float) -> ErrorRatio:
    return ErrorRatio(low + 0.4, low, 2.0, 1.0, 60, 40, "mae")


def test_nothing_asks_and_nothing_objects_by_default() -> None:
    for kind in ("refit", "rebuild", "rereference", "reinstate"):
        trained = [Training("a", "refit", NOON - HOUR, 1e6)]
        assert objections(situation(trainings=trained), Retrain(), kind=kind, by_drift=True) == ()
    assert triggers(situation(error=worse(9.0)), Retrain()) == ()
    assert not Retrain().asks
    assert not Retrain().limits


@pytest.mark.parametrize(
    ("stated", "known", "fires", "words"),
    [
        ({"labels": 30}, {}, True, "30 new labelled samples since 2026-03-02 02:00 UTC, 30 wanted: enough"),
        ({"labels": 31}, {}, False, "1 to come"),
        ({"every_h": 10}, {}, True, "due 2026-03-02 12:00 UTC"),
        ({"every_h": 11}, {}, False, "due 2026-03-02 13:00 UTC"),
        ({"error": 1.5}, {"error": worse(1.6)}, True, "mae 2 on 60 samples, 1 promised on 40: ratio 2.00"),
        ({"error": 1.5}, {"error": worse(1.4)}, False, "surely at least 1.40; more than 1.5 wanted"),
        ({"error": 1.5}, {"error": replace(worse(1.6), estimated=True)}, True, "mae 2 expected of 60 answers"),
        ({"error": 1.5}, {}, False, "too few truths"),
        ({"coverage": 0.5}, {"coverage": Coverage(20, 9, 8, ("a",))}, False, "8 of the others are labelled, 20 exp"),
        ({"coverage": 0.5, "min_labels": 8}, {"coverage": Coverage(20, 9, 8, ("a",))}, True, "(45%), less than 50%"),
        ({"coverage": 0.5, "min_labels": 8}, {"coverage": Coverage(20, 10, 8, ("a",))}, False, "(50%)"),
        ({"coverage": 0.5}, {}, False, "too few flagged"),
    ],
)
def test_a_trigger_fires_at_its_limit_and_says_its_figures(stated: Any, known: Any, fires: bool, words: str) -> None:
    (found,) = triggers(situation(**known), Retrain(**stated))
    assert (found.name, found.fires) == (next(iter(stated)).removesuffix("_h").replace("every", "schedule"), fires)
    assert words in found.why


def test_low_coverage_names_the_labels_that_are_wanted() -> None:
    (found,) = triggers(situation(coverage=Coverage(30, 2, 0, tuple("abcdefg"))), Retrain(coverage=0.9))
    assert not found.fires
    assert found.why.endswith("labels are wanted for a, b, c, d, e ...")


def test_the_most_urgent_comes_first() -> None:
    stated = Retrain(every_h=1, labels=1, coverage=0.5, error=1.1)
    known = situation(error=worse(2.0), coverage=Coverage(20, 0, 20, ()))
    assert [one.name for one in triggers(known, stated) if one.fires] == ["error", "coverage", "labels", "schedule"]


def test_min_labels_keeps_the_same_data_from_being_asked_again_but_no_drift() -> None:
    known = situation(new_labels=4)
    (found,) = objections(known, Retrain(min_labels=5), kind="refit", by_drift=False)
    assert (found.name, found.until) == ("min_labels", None)
    assert "4 new labelled samples" in found.why
    assert objections(known, Retrain(min_labels=5), kind="refit", by_drift=True) == ()
    assert objections(situation(new_labels=5), Retrain(min_labels=5), kind="refit", by_drift=False) == ()


def test_cooldown_counts_from_the_end_of_the_last_training_of_a_model() -> None:
    trained = [Training("a", "refit", NOON - 3 * HOUR, 3600.0), Training("b", "rereference", NOON - HOUR, 60.0)]
    (found,) = objections(situation(trainings=trained), Retrain(cooldown_h=3), kind="rebuild", by_drift=True)
    assert (found.name, found.until) == ("cooldown", NOON + HOUR)
    assert objections(situation(trainings=trained), Retrain(cooldown_h=2), kind="rebuild", by_drift=True) == ()
    assert objections(situation(trainings=trained), Retrain(cooldown_h=3), kind="rereference", by_drift=True) == ()


def test_the_budget_counts_a_week_back_and_the_next_training_with_it() -> None:
    day = 24 * HOUR
    trained = [Training("a", "refit", NOON - 6 * day, 50.0), Training("b", "refit", NOON - day, 30.0)]
    known = situation(trainings=trained)
    assert used_s(trained, NOON) == 80.0
    assert used_s(trained, NOON + 1.5 * day) == 30.0
    assert objections(known, Retrain(budget_s=110), kind="refit", by_drift=True) == ()
    (found,) = objections(known, Retrain(budget_s=109), kind="rereference", by_drift=True)
    assert (found.name, found.until) == ("budget", NOON + day)
    assert "80 s of training in the last seven days and 30 s for the next, 109 s allowed" in found.why
    (never,) = objections(known, Retrain(budget_s=29), kind="refit", by_drift=True)
    assert never.until is None
    assert "more than a week's budget" in never.why
    assert objections(known, Retrain(budget_s=1), kind="reinstate", by_drift=True) == ()


@pytest.mark.parametrize(
    ("zone", "hours", "until"),
    [
        ("UTC", (12, 14), None),
        ("UTC", (13, 15), NOON + HOUR),
        ("UTC", (8, 12), NOON + 20 * HOUR),
        ("UTC", (22, 6), NOON + 10 * HOUR),
        ("UTC", (22, 13), None),
        ("Asia/Tokyo", (22, 6), NOON + HOUR),  # 21:00 there
        ("Asia/Tokyo", (21, 6), None),
    ],
)
def test_hours_are_those_of_the_process(zone: str, hours: tuple[int, int], until: datetime | None) -> None:
    found = objections(situation(zone=zone), Retrain(hours=hours), kind="refit", by_drift=True)
    assert [one.until for one in found] == ([] if until is None else [until])


def test_hours_follow_the_wall_clock_over_its_changes() -> None:
    evening = datetime(2026, 3, 28, 19, tzinfo=UTC)  # 20:00 in Berlin, whose clocks go forward in the night
    (found,) = objections(
        situation(now=evening, zone="Europe/Berlin"), Retrain(hours=(6, 8)), kind="refit", by_drift=True
    )
    assert found.until == datetime(2026, 3, 29, 4, tzinfo=UTC)


def test_two_equal_hours_are_refused() -> None:
    with pytest.raises(ValueError, match="two different hours"):
        Retrain(hours=(3, 3))


@given(
    st.lists(st.tuples(st.integers(0, 167), st.floats(0.0, 100.0)), max_size=8),
    st.floats(1.0, 300.0),
    st.floats(0.0, 48.0),
    st.one_of(st.none(), st.tuples(st.integers(0, 23), st.integers(0, 23)).filter(lambda h: h[0] != h[1])),
)
def test_what_objects_until_a_moment_does_so_no_longer_then(
    rows: list[tuple[int, float]], budget: float, cooldown: float, hours: tuple[int, int] | None
) -> None:
    trained = [Training(str(i), "refit", NOON - ago * HOUR, s) for i, (ago, s) in enumerate(sorted(rows)[::-1])]
    stated = Retrain(budget_s=budget, cooldown_h=cooldown, hours=hours)
    for one in objections(situation(trainings=trained), stated, kind="refit", by_drift=True):
        if one.until is not None:
            assert one.until > NOON
            later = situation(now=one.until, trainings=trained)
            again = {other.name for other in objections(later, stated, kind="refit", by_drift=True)}
            assert one.name not in again


def test_the_next_time_is_the_last_end() -> None:
    ending = [Objection("a", "", NOON + HOUR), Objection("b", "", NOON + 2 * HOUR)]
    assert next_time(NOON, ending) == NOON + 2 * HOUR
    assert next_time(NOON, []) == NOON
    assert next_time(NOON, [*ending, Objection("c", "")]) is None
