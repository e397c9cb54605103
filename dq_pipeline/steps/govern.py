"""The governor at work: whether a model is trained again now, why, and why not.

What asks for a training puts it into the agenda, one at a time. What is in the agenda, a drift's adaptation or the
governor's own, is asked for once nothing objects; what is refused stays there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from dq_pipeline.feedback.governor import (
    Objection,
    Situation,
    Trigger,
    next_time,
    objections,
    triggers,
    used_s,
)
from dq_pipeline.ports import World
from dq_pipeline.records import LIVE, EventState
from dq_pipeline.steps import agenda, incidents, rollout
from dq_pipeline.steps.clock import utc_now
from dq_pipeline.steps.pull import announce
from dq_pipeline.steps.serving import Serving, in_production
from dq_pipeline.steps.situation import situation, standing_in_the_way
from dq_pipeline.steps.trainings import trainings


def governor(world: World, process: str) -> dict[str, Any]:
    """What asks for a training, what objects, the budget used, and when the next one is possible. Changes nothing.

    Returns
    -------
    dict
        `triggers` with `name`, `fires` and `why`; `why_not` with `name`, `why` and `until` (None: it does not end by
        itself); `due`, what is in the agenda; `new_labels` and `since`; `budget` with `used_s`, `limit_s` and
        `trainings` of the last seven days; `next_possible`, None where an objection does not end by itself.
    """
    serving = in_production(world, process)
    known = situation(world, serving)
    settings, due = world.process(process).feedback.retrain, agenda.read(world, process).due
    against = _against(world, serving, known, due)
    possible = next_time(known.now, against)
    return {
        "process": process,
        "release": serving.version,
        "triggers": [asdict(one) for one in triggers(known, settings)],
        "why_not": [_shown(one) for one in against],
        "due": None if due is None else {name: due[name] for name in ("key", "kind", "why", "attempts")},
        "new_labels": known.new_labels,
        "since": known.since.isoformat(),
        "budget": {
            "used_s": round(used_s(known.trainings, known.now), 1),
            "limit_s": settings.budget_s,
            "trainings": len(known.trainings),
        },
        "next_possible": None if possible is None else possible.isoformat(),
    }


def govern(world: World, process: str) -> dict[str, Any]:
    """Train again if something asks for it and nothing objects; also asks anew for what is due and was let go.

    Returns
    -------
    dict
        `branch`: "adapt" (with `key`, `trigger` and `why`) or "nothing"; `why` in one line; `why_not`, the objections
        and the triggers that do not fire, in words.
    """
    if world.ledger.production(process) is None:
        return _answer(_nothing(f"{process} has no release in Production yet: run its initialization first"))
    if agenda.read(world, process).due is not None:
        return _answer(_unattended(world, process))
    settings = world.process(process).feedback.retrain
    if not settings.asks:
        return _answer(_nothing("only a drift leads to a training: feedback.retrain states no trigger"))
    serving = in_production(world, process)
    known = situation(world, serving)
    found = triggers(known, settings)
    chosen = next((one for one in found if one.fires), None)
    if chosen is None:
        return _answer(_nothing("no trigger fires", [f"{one.name}: {one.why}" for one in found]))
    against = _against(world, serving, known, None)
    if against:
        return _answer(_refused(chosen.name, against))
    due = _due(world, process, chosen)
    after = agenda.change(world, process, lambda now: now if now.due is not None else replace(now, due=due))
    if world.ledger.hold(process) is not None:  # a rollback meanwhile wins
        agenda.settle(world, process, due["key"])
        return _answer(_nothing("on hold since a rollback a moment ago"))
    if after.due != due or not agenda.ask(world, process):
        return _answer(_nothing("another run asked for an adaptation meanwhile"))
    return _answer({"branch": "adapt", "trigger": chosen.name, **_fields(due)})


def next_due(world: World, process: str) -> dict[str, Any]:
    """Ask for what the agenda holds, if anything and nothing objects: what `decide` does with a drift.

    Returns
    -------
    dict
        `branch`: "adapt" with `event`, `kind`, `key` and `why`, or "nothing" with `why`.
    """
    due = agenda.read(world, process).due
    if due is None:
        return _nothing("no open drift event asks for anything yet")
    waiting = world.ledger.release_by_key(process, due["key"])
    rolled = None if waiting is None else rollout.standing(world, process).get(waiting.version)
    if rolled is not None and rolled.state in LIVE:
        return _nothing(f"release {rolled.version} is in {rolled.state}; `dq rollout {process}`")
    if waiting is not None and waiting.stage == "Staging" and world.process(process).promotion.approval == "human":
        return _nothing(f"release {waiting.version} in Staging waits for a person's approval")
    if agenda.under_way(due, utc_now()):
        return _nothing(f"{due['key']} is under way: {due['why']}")
    if due["attempts"] >= agenda.MAX_ATTEMPTS:
        _give_up(world, process, due)
        return _nothing(f"gave up on {due['key']} after {due['attempts']} attempts")
    against = _put_off(world, process, due)
    if against:
        return _refused(due["key"], against)
    if not agenda.ask(world, process):
        return _nothing(f"{due['key']} is under way: another run asked for it")
    return {"branch": "adapt", **_fields(due)}


def ask(world: World, process: str) -> bool:
    """Ask for what is due after an adaptation ended; False if nothing is, or something is still to be asked before.

    `decide` asks for the cause of a drift before it lets anything adapt, and does so with the next micro-batch.
    """
    due = agenda.read(world, process).due
    if due is None or _unexplained(world, process) or _put_off(world, process, due):
        return False
    return agenda.ask(world, process)


def _unattended(world: World, process: str) -> dict[str, Any]:
    """What is due while no micro-batch comes, for which `decide` would ask for it."""
    if world.ledger.hold(process) is not None:
        return _nothing("adaptation is on hold since a rollback; `dq resume` lifts it")
    if _unexplained(world, process):
        return _nothing("the cause of a drift, or an incident, comes first: with the next micro-batch")
    return next_due(world, process)


def _unexplained(world: World, process: str) -> bool:
    event = world.ledger.open_event(process)
    return (event is not None and event.unexplained) or bool(incidents.forbids(world, process))


def _put_off(world: World, process: str, due: agenda.Due) -> tuple[Objection, ...]:
    """Objections to what is due; one that was begun goes on."""
    settings, by_drift = world.process(process).feedback.retrain, "trigger" not in due
    if due["attempts"] or (by_drift and not settings.limits):
        return ()
    known = situation(world, in_production(world, process), asked=False)
    return objections(known, settings, kind=due["kind"], by_drift=by_drift)


def _against(world: World, serving: Serving, known: Situation, due: agenda.Due | None) -> tuple[Objection, ...]:
    """Everything that objects to what is due, or to a training that a trigger asks for."""
    settings = world.process(serving.process.name).feedback.retrain
    kind, by_drift = ("refit", False) if due is None else (due["kind"], "trigger" not in due)
    standing = standing_in_the_way(world, serving, by_drift=by_drift)
    return (*standing, *objections(known, settings, kind=kind, by_drift=by_drift))


def _due(world: World, process: str, trigger: Trigger) -> agenda.Due:
    """The same trigger at the same batch, as where labels come while no recording does, is another training."""
    committed = world.ledger.committed(process, last=1)
    key = name = f"{trigger.name}-0-{committed[-1].sequence if committed else 0}"
    tried, count = {one.key for one in trainings(world, process)}, 1
    while key in tried or world.ledger.release_by_key(process, key) is not None:
        count += 1
        key = f"{name}-{count}"
    why = f"{trigger.name}: {trigger.why}"
    due = {"key": key, "kind": "refit", "event": None, "span": None, "why": why, "attempts": 0}
    return {**due, "trigger": trigger.name}


def _give_up(world: World, process: str, due: agenda.Due) -> None:
    agenda.settle(world, process, due["key"])
    if due["event"] is not None:
        world.ledger.move_event(due["event"], EventState.CLOSED, outcome=f"gave up after {due['attempts']} attempts")
    world.ledger.incident(process, "adaptation", f"{process}: adaptation {due['key']} failed for good", due, utc_now())
    announce(world, process)


def _refused(what: str, against: tuple[Objection, ...]) -> dict[str, Any]:
    why_not = [f"{one.name}: {one.why}" for one in against]
    return _nothing(f"{what} is put off: {'; '.join(why_not)}", why_not)


def _nothing(why: str, why_not: Sequence[str] = ()) -> dict[str, Any]:
    return {"branch": "nothing", "why": why, "why_not": list(why_not)}


def _fields(due: agenda.Due) -> dict[str, Any]:
    return {field: due[field] for field in ("event", "kind", "key", "why")}


def _answer(found: dict[str, Any]) -> dict[str, Any]:
    return {"event": None, "kind": None, "key": None, "trigger": None, "why_not": [], **found}


def _shown(objection: Objection) -> dict[str, Any]:
    until: datetime | None = objection.until
    return {"name": objection.name, "why": objection.why, "until": None if until is None else until.isoformat()}
