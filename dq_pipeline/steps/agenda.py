"""The policy's memory in the ledger: what it was shown, what it remembers, what it asked for that is not done yet."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from dq_pipeline.drift.policy import PolicyState
from dq_pipeline.ports import World
from dq_pipeline.records import DriftEvent
from dq_pipeline.steps.clock import utc_now

POLICY = "policy"
"""The ledger's fact that holds it."""


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
        The adaptation that is due: `key`, `kind`, `event`, `span`, `why`, `attempts`; None if there is none.
    """

    sequence: int
    state: PolicyState
    due: dict[str, Any] | None


def read(world: World, process: str) -> Agenda:
    """The agenda; an empty one where the policy was never shown anything."""
    fact = world.ledger.fact(process, POLICY)
    if fact is None:
        return Agenda(0, PolicyState(), None)
    return Agenda(int(fact["sequence"]), PolicyState.from_json(fact["state"]), fact["due"])


def write(world: World, process: str, before: Agenda, after: Agenda) -> None:
    """Store an agenda that differs from the one before."""
    if after != before:
        fact = {"sequence": after.sequence, "state": after.state.to_json(), "due": after.due}
        world.ledger.put_fact(process, POLICY, fact, utc_now())


def settle(world: World, process: str, key: str, *, then: dict[str, Any] | None = None) -> None:
    """An adaptation came to its end: nothing is due any more, or `then`."""
    now = read(world, process)
    if now.due is not None and now.due["key"] == key:
        write(world, process, now, replace(now, due=then))


def count_attempt(world: World, process: str, key: str) -> None:
    """One more attempt at what is due."""
    now = read(world, process)
    if now.due is not None and now.due["key"] == key:
        write(world, process, now, replace(now, due={**now.due, "attempts": now.due["attempts"] + 1}))


def drop_event(world: World, process: str) -> None:
    """The open event is over without an adaptation: nothing is due, and no reference is being collected."""
    now = read(world, process)
    write(world, process, now, replace(now, state=replace(now.state, reference_from=None), due=None))


def take_up(world: World, process: str, event: DriftEvent, why: str) -> None:
    """A drift that was left alone is to be learned after all: a refit is due, and then a reference from its change."""
    now = read(world, process)
    key = f"resume-{event.id}-{now.sequence}"
    due = {"key": key, "kind": "refit", "event": event.id, "span": None, "why": why, "attempts": 0}
    begin = max(int(event.change_point), 0)
    write(world, process, now, replace(now, state=replace(now.state, reference_from=begin), due=due))


def start_afresh(world: World, process: str) -> None:
    """Forget alarms and errors of the past: the process was initialized anew."""
    committed = world.ledger.committed(process, last=1)
    sequence = committed[0].sequence if committed else 0
    write(world, process, read(world, process), Agenda(sequence, PolicyState(), None))
