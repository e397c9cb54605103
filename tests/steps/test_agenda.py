"""The agenda while `decide` writes to it and an adaptation runs beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dq_pipeline.drift.policy import PolicyState
from dq_pipeline.steps import agenda
from dq_pipeline.steps.agenda import Agenda


@dataclass
class Ledger:
    facts: dict[str, Any] = field(default_factory=dict)

    def fact(self, process: str, name: str) -> Any:
        return self.facts.get(name)

    def change_fact(self, process: str, name: str, change: Callable[[Any], Any], now: datetime) -> None:
        value = change(self.facts.get(name))
        if value is not None:
            self.facts[name] = value


@dataclass
class World:
    ledger: Ledger = field(default_factory=Ledger)


@pytest.fixture
def world() -> Any:
    return World()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets so many seconds pass."""
    moment = [datetime(2026, 1, 1, tzinfo=UTC)]
    monkeypatch.setattr(agenda, "utc_now", lambda: moment[0])

    def pass_by(seconds: float) -> None:
        moment[0] += timedelta(seconds=seconds)

    return pass_by


def due(key: str = "refit-1-3", kind: str = "refit", span: list[int] | None = None) -> dict[str, Any]:
    return {"key": key, "kind": kind, "event": 1, "span": span, "why": "alarm", "attempts": 0}


def put(world: Any, **values: Any) -> None:
    now = agenda.read(world, "p")
    assert agenda.write(world, "p", now, replace(now, **values))


def test_it_is_asked_for_once_until_nobody_took_it_up(world: Any, clock: Any) -> None:
    assert not agenda.ask(world, "p"), "nothing is due"
    put(world, due=due())
    assert [agenda.ask(world, "p") for _ in range(3)] == [True, False, False]
    clock(agenda.LEASE_S + 1)
    assert agenda.ask(world, "p")


def test_one_holds_it_and_the_other_is_told(world: Any, clock: Any) -> None:
    put(world, due=due())
    agenda.ask(world, "p")
    begun = agenda.begin(world, "p", "one")
    assert isinstance(begun, dict)
    assert (begun["attempts"], begun["holder"]) == (1, "one")
    assert "held by one" in str(agenda.begin(world, "p", "two"))
    assert agenda.begin(world, "p", "one")["attempts"] == 2, "its own retry"  # type: ignore[index]
    clock(agenda.LEASE_S - 1)
    assert agenda.renew(world, "p", "refit-1-3", 2)
    clock(agenda.LEASE_S - 1)
    assert "held by one" in str(agenda.begin(world, "p", "two"))


def test_one_that_died_is_taken_up_again_and_can_change_nothing_more(world: Any, clock: Any) -> None:
    put(world, due=due())
    agenda.begin(world, "p", "one")
    clock(agenda.LEASE_S + 1)
    assert agenda.ask(world, "p")
    assert agenda.begin(world, "p", "two")["attempts"] == 2  # type: ignore[index]
    assert not agenda.renew(world, "p", "refit-1-3", 1), "the first attempt woke up"
    assert agenda.renew(world, "p", "refit-1-3", 2)
    agenda.let_go(world, "p", "one")
    assert not agenda.ask(world, "p"), "it is not the first's to let go"
    agenda.let_go(world, "p", "two")
    assert agenda.ask(world, "p")


def test_attempts_have_an_end(world: Any, clock: Any) -> None:
    put(world, due=due())
    for _ in range(agenda.MAX_ATTEMPTS):
        assert isinstance(agenda.begin(world, "p", "one"), dict)
    assert "given up" in str(agenda.begin(world, "p", "one"))


def test_a_write_upon_what_changed_meanwhile_is_refused(world: Any, clock: Any) -> None:
    put(world, due=due())
    before = agenda.read(world, "p")
    agenda.begin(world, "p", "one")
    assert not agenda.write(world, "p", before, Agenda(9, PolicyState(), None))
    assert agenda.read(world, "p").due["attempts"] == 1  # type: ignore[index]


@pytest.mark.parametrize(
    ("waiting", "learned", "left"),
    [
        (None, True, None),
        (due("refit-1-4"), True, None),  # its error was the old model's
        (due("refit-1-4"), False, "refit"),
        (due("rebuild-1-5", "rebuild", [5, 105]), True, "rebuild"),
    ],
)
def test_what_was_asked_for_meanwhile_is_due_next(
    world: Any, clock: Any, waiting: Any, learned: bool, left: str | None
) -> None:
    put(world, due=due(), then=waiting)
    agenda.begin(world, "p", "one")
    agenda.settle(world, "p", "another", learned=learned)
    assert agenda.read(world, "p").due["key"] == "refit-1-3"  # type: ignore[index]
    agenda.settle(world, "p", "refit-1-3", learned=learned)
    now = agenda.read(world, "p")
    assert (now.due and now.due["kind"], now.then) == (left, None)


def test_a_reference_still_owed_is_joined_with_what_was_asked_for(world: Any, clock: Any) -> None:
    put(world, due=due("rebuild-1-3", "rebuild", [5, 105]), then=due("refit-1-4"))
    agenda.settle(world, "p", "rebuild-1-3", then=due("rereference-1-3", "rereference", [5, 105]))
    now = agenda.read(world, "p").due
    assert now is not None
    assert (now["kind"], now["span"], now["key"]) == ("rebuild", [5, 105], "refit-1-4")


def test_a_rollback_clears_what_waits_too(world: Any, clock: Any) -> None:
    put(world, due=due(), then=due("rebuild-1-5", "rebuild", [5, 105]))
    agenda.drop_event(world, "p")
    assert (agenda.read(world, "p").due, agenda.read(world, "p").then) == (None, None)
    assert not agenda.renew(world, "p", "refit-1-3")
