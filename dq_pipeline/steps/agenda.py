"""The policy's memory in the ledger: what it was shown, what it remembers, what it asked for that is not done yet.

`decide` writes here while an adaptation runs beside it. Every change is made in one transaction upon what is there,
and an adaptation holds what it works on by a lease: one that died lets go of it by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from dq_pipeline.drift.policy import PolicyState
from dq_pipeline.ports import World
from dq_pipeline.records import DriftEvent
from dq_pipeline.steps.clock import utc_now

POLICY = "policy"
"""The ledger's fact that holds it."""
LEASE_S = 60.0
"""What nobody renewed for so long is taken up again."""
MAX_ATTEMPTS = 5

Due = dict[str, Any]
"""`key`, `kind`, `event`, `span`, `why`, `attempts`; once asked for also `until`, and once begun `holder`."""


@dataclass(frozen=True, slots=True)
class Agenda:
    """One process' agenda.

    Attributes
    ----------
    sequence
        The last batch that the policy was shown.
    state
        What the policy remembers.
    due
        The adaptation that is due or under way; None if there is none.
    then
        What was asked for while that one was under way: due when it has ended.
    """

    sequence: int
    state: PolicyState
    due: Due | None
    then: Due | None = None

    def to_json(self) -> dict[str, Any]:
        """A dict that JSON can hold."""
        return {"sequence": self.sequence, "state": self.state.to_json(), "due": self.due, "then": self.then}

    @classmethod
    def from_json(cls, fact: dict[str, Any] | None) -> Agenda:
        """What :meth:`to_json` gave; an empty agenda where the policy was never shown anything."""
        if fact is None:
            return cls(0, PolicyState(), None)
        return cls(int(fact["sequence"]), PolicyState.from_json(fact["state"]), fact["due"], fact.get("then"))


def read(world: World, process: str) -> Agenda:
    """The agenda as it is now."""
    return Agenda.from_json(world.ledger.fact(process, POLICY))


def change(world: World, process: str, to: Callable[[Agenda], Agenda]) -> Agenda:
    """Change the agenda in one transaction; returns what it is then."""
    after: list[Agenda] = []

    def changed(fact: dict[str, Any] | None) -> dict[str, Any] | None:
        before = Agenda.from_json(fact)
        after[:] = [to(before)]
        return None if after[0] == before else after[0].to_json()

    world.ledger.change_fact(process, POLICY, changed, utc_now())
    return after[0]


def write(world: World, process: str, before: Agenda, after: Agenda) -> bool:
    """Store what was made of `before`; False if somebody changed it meanwhile."""
    return change(world, process, lambda now: after if now == before else now) == after


def under_way(due: Due, now: datetime) -> bool:
    """Whether somebody was asked to do it, or does it, and has not gone silent."""
    return due.get("until") is not None and datetime.fromisoformat(due["until"]) > now


def ask(world: World, process: str) -> bool:
    """Ask for what is due, once in a while; False if nothing is, or somebody is at it."""
    asked = [False]

    def to(agenda: Agenda) -> Agenda:
        now = utc_now()
        asked[:] = [agenda.due is not None and not under_way(agenda.due, now)]
        return agenda if agenda.due is None or not asked[0] else replace(agenda, due=_leased(agenda.due, "", now))

    change(world, process, to)
    return asked[0]


def begin(world: World, process: str, holder: str) -> Due | str:
    """Take up what is due and count the attempt; or why there is nothing to do."""
    refused = ""

    def to(agenda: Agenda) -> Agenda:
        nonlocal refused
        due, now = agenda.due, utc_now()
        refused = ""
        if due is None:
            refused = "nothing is due"
        elif due.get("holder") not in (None, "", holder) and under_way(due, now):
            refused = f"{due['key']} is under way already, held by {due['holder']}"
        elif due["attempts"] >= MAX_ATTEMPTS:
            refused = f"{due['key']} was given up after {due['attempts']} attempts"
        else:
            return replace(agenda, due=_leased({**due, "attempts": due["attempts"] + 1}, holder, now))
        return agenda

    due = change(world, process, to).due
    return refused if due is None or refused else due


def renew(world: World, process: str, key: str, attempt: int | None = None) -> bool:
    """Whoever works on it goes on; False if it is no longer due, or another attempt has begun."""

    def ours(agenda: Agenda) -> Due | None:
        mine = agenda.due is not None and agenda.due["key"] == key
        return agenda.due if mine and attempt in (None, agenda.due and agenda.due["attempts"]) else None

    def to(agenda: Agenda) -> Agenda:
        due = ours(agenda)
        return agenda if due is None else replace(agenda, due=_leased(due, due.get("holder", ""), utc_now()))

    return ours(change(world, process, to)) is not None


def let_go(world: World, process: str, holder: str) -> None:
    """This holder gives up what it works on: the next `decide` asks for it again."""

    def to(agenda: Agenda) -> Agenda:
        due = agenda.due
        return agenda if due is None or due.get("holder") != holder else replace(agenda, due={**due, "until": None})

    change(world, process, to)


def settle(world: World, process: str, key: str, *, then: Due | None = None, learned: bool = False) -> None:
    """An adaptation came to its end: what was asked for meanwhile is due, and `then`; nothing if neither is.

    Parameters
    ----------
    learned
        A new model answers now. A refit alone that was asked for meanwhile is dropped: the error it was asked for is
        that of the model before.
    """

    def to(agenda: Agenda) -> Agenda:
        if agenda.due is None or agenda.due["key"] != key:
            return agenda
        later = None if learned and agenda.then is not None and agenda.then["kind"] == "refit" else agenda.then
        return replace(agenda, due=_joined(then, later), then=None)

    change(world, process, to)


def drop_event(world: World, process: str) -> None:
    """The open event is over without an adaptation: nothing is due, and no reference is being collected."""
    change(
        world,
        process,
        lambda now: replace(now, state=replace(now.state, reference_from=None), due=None, then=None),
    )


def take_up(world: World, process: str, event: DriftEvent, why: str) -> None:
    """A drift that was left alone is to be learned after all: a refit is due, and then a reference from its change."""

    def to(agenda: Agenda) -> Agenda:
        key = f"resume-{event.id}-{agenda.sequence}"
        due = {"key": key, "kind": "refit", "event": event.id, "span": None, "why": why, "attempts": 0}
        begin = max(int(event.change_point), 0)
        return replace(agenda, state=replace(agenda.state, reference_from=begin), due=due, then=None)

    change(world, process, to)


def with_due(agenda: Agenda, due: Due) -> Agenda:
    """The same agenda with this due, where nothing else is."""
    return agenda if agenda.due is not None else replace(agenda, due=due)


def start_afresh(world: World, process: str) -> None:
    """Forget alarms and errors of the past: the process was initialized anew."""
    committed = world.ledger.committed(process, last=1)
    sequence = committed[0].sequence if committed else 0
    change(world, process, lambda _: Agenda(sequence, PolicyState(), None))


def _leased(due: Due, holder: str, now: datetime) -> Due:
    return {**due, "holder": holder, "until": (now + timedelta(seconds=LEASE_S)).isoformat()}


def _joined(earlier: Due | None, later: Due | None) -> Due | None:
    """One adaptation that does both."""
    if earlier is None or later is None:
        return later or earlier
    if later["span"] is not None:
        return later
    model = later["kind"] != "rereference" or earlier["kind"] != "rereference"
    return {**later, "span": earlier["span"], "kind": "rebuild" if earlier["span"] and model else later["kind"]}
