"""Who is told what now, what waits, and what is never sent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dq_pipeline.records import SEVERITIES, Notice, NoticeRow
from dq_pipeline.sections.alerts import Alerts
from dq_pipeline.watch.telling import decide, route

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
TO = {"critical": ["pager", "mail"], "warning": ["chat"], "info": []}


def row(number: int, severity: Any = "warning", kind: str = "watch/lag", subject: str = "", **more: Any) -> NoticeRow:
    said = {name: more.pop(name) for name in ("incident", "alert", "over") if name in more}
    return NoticeRow(
        number, Notice("rig", severity, f"n{number}", "", kind=kind, subject=subject, **said), NOON, **more
    )


def alerts(**section: Any) -> Alerts:
    return Alerts.model_validate({"to": TO, **section})


def test_each_goes_to_the_names_of_its_severity_and_to_who_heard_before() -> None:
    assert route(row(1, "critical"), alerts()) == ("pager", "mail")
    assert route(row(1, "info"), alerts()) == ()
    assert route(row(1, "info", over=True, heard=("chat", "pager")), alerts()) == ("chat", "pager")
    found = decide([row(1), row(2, "info", subject="a"), row(3, "critical", subject="b")], [], alerts(), "UTC", NOON)
    assert [found[number].names for number in (1, 2, 3)] == [("chat",), (), ("pager", "mail")]
    assert (found[2].why, found[2].until) == ("routed nowhere", None)


@pytest.mark.parametrize(
    ("changes", "promoted", "rolled_back"),
    [
        (None, ("chat",), ("pager", "mail", "chat")),
        ([], (), ("pager", "mail")),
        (["mail", "team"], ("mail", "team"), ("pager", "mail", "team")),
    ],
)
def test_that_another_release_answers_is_announced(changes: Any, promoted: Any, rolled_back: Any) -> None:
    said = alerts(changes=changes)
    assert route(row(1, "info", "promoted"), said) == promoted
    assert route(row(1, "critical", "rolled_back"), said) == rolled_back


def test_one_whose_alert_went_into_an_incident_or_that_is_muted_is_told_to_nobody() -> None:
    found = decide([row(1, "critical", into=7), row(2, kind="drift")], [], alerts(mute=["drift"]), "UTC", NOON)
    assert (found[1].names, found[1].until, found[1].why) == ((), None, "told with incident 7")
    assert (found[2].names, found[2].why) == ((), "drift is muted")


def test_of_several_the_newest_is_sent_to_all_of_their_names() -> None:
    due = [row(1, "critical", record={"to": {"pager": "sent"}}), row(2), row(3, record={"to": {"chat": "no"}})]
    found = decide(due, [], alerts(), "UTC", NOON)
    assert found[3].names == ("pager", "mail", "chat")
    assert [one.id for one in found[3].more] == [1, 2]
    assert (found[1].into, found[2].into, found[1].until) == (3, 3, None)


def test_what_an_address_took_it_is_not_sent_again() -> None:
    found = decide([row(1, "critical", record={"to": {"pager": "sent", "mail": "late"}})], [], alerts(), "UTC", NOON)
    assert found[1].names == ("mail",)


@pytest.mark.parametrize(
    ("earlier", "cooled"),
    [
        (row(1, sent_at=NOON - timedelta(minutes=10)), True),
        (row(1, sent_at=NOON - timedelta(minutes=30)), False),
        (row(1, "critical", sent_at=NOON - timedelta(minutes=10)), True),
        (row(1, "info", sent_at=NOON - timedelta(minutes=10)), False),
        (row(1, subject="other", sent_at=NOON - timedelta(minutes=10)), False),
        (row(1, kind="drift", sent_at=NOON - timedelta(minutes=10)), False),
        (row(2, sent_at=NOON - timedelta(minutes=10)), False),
    ],
)
def test_the_cooldown(earlier: NoticeRow, cooled: bool) -> None:
    found = decide([row(2)], [earlier], alerts(), "UTC", NOON)[2]
    assert (found.until == NOON + timedelta(minutes=20)) == cooled == (not found.names)


def test_an_incident_does_not_cool_itself() -> None:
    opened = row(1, "critical", "incident/labels", incident=4, sent_at=NOON - timedelta(minutes=1))
    over = row(2, "info", "incident/labels", incident=4, over=True, heard=("pager",))
    assert decide([over], [opened], alerts(), "UTC", NOON)[2].names == ("pager",)
    another = row(3, "info", "incident/labels", incident=5, heard=("pager",))
    assert decide([another], [opened], alerts(), "UTC", NOON)[3].until == NOON + timedelta(minutes=29)


def test_maintenance_comes_before_quiet_hours_and_holds_critical_ones() -> None:
    window = {"from": "2026-03-02T11:00", "until": "2026-03-02T14:00", "reason": "filters"}
    said = alerts(maintenance=[window], quiet_hours=["11:00", "13:00"])
    found = decide([row(1, "critical")], [], said, "UTC", NOON)[1]
    assert (found.until, found.why) == (NOON + timedelta(hours=2), "maintenance: filters")
    assert decide([row(1)], [], said, "Europe/Vienna", NOON)[1].until == NOON + timedelta(hours=1)
    assert decide([row(1, "critical")], [], said, "Europe/Vienna", NOON + timedelta(hours=1))[1].names


NUMBERS = st.integers(0, 3)


@given(
    st.lists(st.tuples(st.sampled_from(SEVERITIES), NUMBERS, NUMBERS, st.booleans()), max_size=12),
    st.booleans(),
)
def test_each_notice_has_one_decision_and_none_is_lost(said: list[Any], quiet: bool) -> None:
    due = [
        row(number, severity, f"kind{kind}", f"s{subject}", into=9 if folded else None)
        for number, (severity, kind, subject, folded) in enumerate(said)
    ]
    found = decide(due, [], alerts(quiet_hours=["11:00", "13:00"] if quiet else None), "UTC", NOON)
    assert set(found) == {one.id for one in due}
    told = [one.id for number, decision in found.items() if decision.names for one in (*decision.more, due[number])]
    assert len(told) == len(set(told)), "told once"
    for number, decision in found.items():
        assert bool(decision.names) + bool(decision.why) == 1
        assert (decision.into is not None) == (number in told and not decision.names)
