from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from dq_pipeline.errors import StateError, SupersededError
from dq_pipeline.records import EventState, Stage

pytestmark = pytest.mark.integration


def stages(line: Any) -> dict[str, Stage]:
    return {release.version: release.stage for release in line.ledger.releases("pump")}


def move(line: Any, version: str, action: str, why: str = "because") -> Any:
    return line.ledger.move_release("pump", version, action, who="anna", why=why, now=line.now)


@pytest.fixture
def two(line: Any, release: Any, alarm: Any, score: Any) -> Any:
    """Release 1 was replaced by release 2 after a drift; three samples have come."""
    line.ledger.add_release(release("1"))
    move(line, "1", "promote")
    line.commit(scores=(score("a"), score("b"), score("c")), alarms=(alarm(1.0),))
    event = line.ledger.open_event("pump").id
    line.ledger.add_release(release("2", event=event, kind="adaptation"))
    move(line, "2", "stage")
    move(line, "2", "promote")
    line.ledger.move_event(event, EventState.CLOSED, outcome="release 2")
    return line


def test_the_same_key_twice_is_one_release(line: Any, release: Any) -> None:
    first = line.ledger.add_release(release("1", metrics={"mae": float("nan"), "r2": 0.5}))
    again = line.ledger.add_release(release("7", key="key1"))
    assert (again.version, again.metrics["r2"]) == ("1", 0.5)
    assert again.metrics["mae"] != again.metrics["mae"]
    assert line.ledger.release_by_key("pump", "key1").version == first.version
    assert line.ledger.release_by_key("pump", "other") is None
    assert line.ledger.production("pump") is None


def test_promotion_archives_what_it_replaces(two: Any) -> None:
    assert stages(two) == {"1": "Archived", "2": "Production"}
    assert two.ledger.production("pump").promoted_at == two.now
    changes = two.ledger.changes("pump")
    assert [(c.action, c.version, c.previous, c.sample) for c in changes] == [
        ("promote", "1", None, 0),
        ("stage", "2", None, 3),
        ("promote", "2", "1", 3),
    ]
    assert (changes[0].who, changes[0].why, changes[0].at) == ("anna", "because", two.now)


@pytest.mark.parametrize("action", ["promote", "rollback"])
def test_repeating_a_change_is_no_change(two: Any, action: str) -> None:
    version = "2" if action == "promote" else "1"
    first = move(two, version, action)
    told = two.ledger.changes("pump")
    assert move(two, version, action, "again") == first
    assert two.ledger.changes("pump") == told


def test_what_was_built_against_another_release_is_not_promoted(two: Any, release: Any) -> None:
    two.ledger.add_release(release("3"))

    def promote(over: str) -> Any:
        return two.ledger.move_release("pump", "3", "promote", who="dq", why="built", now=two.now, over=over)

    with pytest.raises(SupersededError, match=r"release 1 in Production expected.* found 2"):
        promote(over="1")
    move(two, "1", "rollback")
    with pytest.raises(SupersededError, match="on hold"):
        promote(over="1")
    told = two.ledger.changes("pump")
    assert stages(two) == {"1": "Production", "2": "Archived", "3": "None"}
    assert told[-1].action == "rollback", "a refusal is no change"
    two.ledger.resume("pump", who="anna", why="go on", now=two.now)
    done = promote(over="1")
    assert promote(over="2") == done, "what is done is found done"


def test_a_rollback_and_a_promotion_at_once_leave_no_challenger_in_production(two: Any, release: Any) -> None:
    two.ledger.add_release(release("3"))

    def promote() -> str:
        try:
            two.ledger.move_release("pump", "3", "promote", who="dq", why="built", now=two.now, over="2")
        except SupersededError:
            return "refused"
        return "promoted"

    with ThreadPoolExecutor(2) as pool:
        promoted, _ = pool.submit(promote), pool.submit(move, two, "1", "rollback")
        promoted.result()
    assert stages(two)["1"] == "Production"
    assert two.ledger.hold("pump") is not None


def test_rejecting_and_staging_again(two: Any, release: Any) -> None:
    two.ledger.add_release(release("3"))
    move(two, "3", "stage")
    assert move(two, "3", "stage") == two.ledger.changes("pump")[-1]
    assert move(two, "3", "reject") == move(two, "3", "reject")
    assert stages(two)["3"] == "Archived"
    with pytest.raises(StateError, match="which never was"):
        move(two, "3", "rollback")
    two.ledger.add_release(release("4"))
    move(two, "4", "stage")
    assert move(two, "3", "stage").previous == "4"
    assert stages(two) == {"1": "Archived", "2": "Production", "3": "Staging", "4": "Archived"}


def test_a_rollback_restores_holds_and_closes_the_drift_as_held(two: Any) -> None:
    change = move(two, "1", "rollback", "worse on probation")
    assert (change.action, change.previous) == ("rollback", "2")
    assert stages(two) == {"1": "Production", "2": "Archived"}
    hold = two.ledger.hold("pump")
    assert (hold.version, hold.sample, hold.why, hold.since) == ("1", 3, "worse on probation", two.now)
    (event,) = two.ledger.events("pump")
    assert event.state is EventState.HELD


def test_under_a_hold_the_old_drift_stays_held(two: Any, alarm: Any) -> None:
    move(two, "1", "rollback")
    two.commit(alarms=(alarm(2.0), alarm(3.0)))
    (event,) = two.ledger.events("pump")
    assert (event.state, event.alarms) == (EventState.HELD, 3)
    assert two.ledger.open_event("pump") is None
    assert two.ledger.hold("pump") is not None
    assert two.ledger.drift_alarms("pump", first_sample=0, stop_sample=99) == []


def test_a_change_after_the_rollback_lifts_the_hold(two: Any, alarm: Any) -> None:
    move(two, "1", "rollback")
    two.commit(alarms=(alarm(2.0), alarm(3.5), alarm(3.6)))
    assert two.ledger.hold("pump") is None
    held, opened = two.ledger.events("pump")
    assert (held.state, held.alarms) == (EventState.HELD, 2)
    assert (opened.state, opened.alarms, opened.change_point) == (EventState.OPEN, 2, 3.5)
    assert two.ledger.changes("pump")[-1].who == "detector d1"


def test_an_event_still_open_at_the_rollback_is_held_too(two: Any, alarm: Any) -> None:
    two.commit(alarms=(alarm(3.0),))
    move(two, "1", "rollback")
    assert two.ledger.open_event("pump") is None
    assert [event.state for event in two.ledger.events("pump")] == [EventState.HELD, EventState.HELD]


def test_any_earlier_version_can_be_restored(two: Any, release: Any, alarm: Any) -> None:
    two.commit(alarms=(alarm(3.0),))
    event = two.ledger.open_event("pump").id
    two.ledger.move_event(event, EventState.INCIDENT, outcome="a sensor's fault")
    two.later(1)
    two.ledger.add_release(release("3"))
    move(two, "3", "promote")
    move(two, "1", "rollback")
    assert stages(two) == {"1": "Production", "2": "Archived", "3": "Archived"}
    assert [e.state for e in two.ledger.events("pump")] == [EventState.HELD, EventState.INCIDENT]
    move(two, "3", "rollback")
    assert two.ledger.production("pump").version == "3"


def test_resume_lifts_the_hold_and_is_told(two: Any) -> None:
    move(two, "1", "rollback")
    two.ledger.resume("pump", who="ben", why="the line is stable again", now=two.now)
    two.ledger.resume("pump", who="ben", why="the line is stable again", now=two.now)
    assert two.ledger.hold("pump") is None
    assert [c.action for c in two.ledger.changes("pump")][-2:] == ["rollback", "resume"]


@pytest.mark.parametrize(
    ("version", "action", "message"),
    [
        ("9", "promote", "no release '9'"),
        ("1", "delete", "Unknown action 'delete'"),
        ("2", "reject", "is in Production"),
        ("2", "stage", "is in Production"),
        ("2", "rollback", "is in Production"),
    ],
)
def test_what_makes_no_sense_is_refused(two: Any, version: str, action: str, message: str) -> None:
    told = two.ledger.changes("pump")
    with pytest.raises(StateError, match=message):
        move(two, version, action)
    assert two.ledger.changes("pump") == told


def test_promotions_at_once_leave_one_production(line: Any, release: Any) -> None:
    versions = [str(number) for number in range(6)]
    for version in versions:
        line.ledger.add_release(release(version))
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda version: move(line, version, "promote"), versions))
    assert sorted(stages(line).values()) == ["Archived"] * 5 + ["Production"]
    changes = line.ledger.changes("pump")
    assert [c.previous for c in changes] == [None, *(c.version for c in changes[:-1])]


@pytest.mark.parametrize(
    "statement", ["UPDATE dq.changes SET who = 'x'", "DELETE FROM dq.changes", "TRUNCATE dq.changes"]
)
def test_the_story_of_promotions_cannot_be_rewritten(two: Any, statement: str) -> None:
    with pytest.raises(DBAPIError, match="append-only"), two.ledger._begin() as connection:
        connection.execute(text(statement))
