"""The end of a challenger's case: promoted, refused because something else came first, or rejected."""

from __future__ import annotations

import json
from typing import Any

from dq_pipeline.errors import StateError, SupersededError
from dq_pipeline.ports import World
from dq_pipeline.records import Ending, EventState, Notice, ReleaseRow, runbook
from dq_pipeline.steps import agenda, paths
from dq_pipeline.steps.challenger import built, is_built
from dq_pipeline.steps.clock import utc_now
from dq_pipeline.steps.drift_evidence import standing_of, worth
from dq_pipeline.steps.rollback import sync_registry
from dq_pipeline.steps.staging import refusal, register
from dq_pipeline.steps.training_data import HISTORY


def promote(
    world: World,
    process: str,
    *,
    key: str,
    who: str = "dq",
    why: str = "",
    by_hand: bool = False,
    force: bool = False,
) -> dict[str, Any]:
    """Put the staged release into Production and close what led to it.

    It was built and judged against one release, while the stream went on. Where another one answers by now, where
    adaptation is on hold, or where nobody waits for it any more, it is refused: `version` is None then, and
    `refused` says why. Ledger and this condition are one transaction: a rollback at the same moment wins.

    Parameters
    ----------
    by_hand
        A person wants this release, whatever happened since it was built.
    force
        And whatever the gates said; it needs a reason.

    Raises
    ------
    StateError
        If it was never registered, the gates refused it and it is not forced, or it is forced without a reason.
    """
    row = _registered(world, process, key)
    why = _overruling(world, row, who, why) if force else why or f"every gate passed for {key}"
    refused = None if force else refusal(world, process, key)
    if refused is not None:
        raise StateError(
            f"{process}: a release that every gate let pass expected, found {row.version}, which they refused: "
            f'{refused}. `dq promote {process} {row.version} --force --why "..."` overrules them'
        )
    over = None if by_hand or force else built(world, process, key)["over"]
    try:
        if over is not None and row.stage != "Production":
            _check_awaited(world, process, row)
        change = world.ledger.move_release(process, row.version, "promote", who=who, why=why, now=utc_now(), over=over)
    except SupersededError as error:
        return _refuse(world, process, row, str(error))
    sync_registry(world, process)
    if row.event is not None and row.event == _live_event(world, process):
        state = EventState.REBUILDING if row.kind == "refit" else EventState.CLOSED
        world.ledger.move_event(row.event, state, outcome=f"release {row.version} promoted")
    if row.kind == "initial":
        _begin_anew(world, process, key)
    agenda.settle(world, process, key, learned=row.kind != "rereference")
    if row.kind == "reinstate":
        agenda.drop_event(world, process)
    world.notifier.notify(
        Notice(
            process,
            "info",
            f"{process}: release {row.version} is in Production",
            f"{why}; before: {change.previous}; drift watch: {worth(standing_of(world, row))}",
            kind="promoted",
            subject=row.version,
            key=f"promoted:{change.id}",
        )
    )
    return {"version": row.version, "previous": change.previous, "event": row.event, "refused": None}


def reject(world: World, process: str, *, key: str, why: str) -> dict[str, Any]:
    """Let a challenger go; the release in Production stays. A new reference that was due is still made.

    It is registered all the same, archived: a person may overrule the gates, and sees what they refused.
    """
    if world.ledger.release_by_key(process, key) is None and is_built(world, process, key):
        register(world, process, key)
    _archive(world, process, key, why)
    due, then = agenda.read(world, process).due, None
    if due is not None and due["key"] == key:
        if due["kind"] == "rebuild":
            then = _anew(due, kind="rereference", key=f"rereference-{key}")
        elif due["kind"] == "reinstate":
            then = due["instead"]
        elif due["event"] is not None and due["event"] == _live_event(world, process):
            world.ledger.move_event(due["event"], EventState.REBUILDING, outcome=f"challenger rejected: {why}")
        agenda.settle(world, process, key, then=then)
    world.notifier.notify(
        Notice(
            process,
            "warning",
            f"{process}: challenger {key} rejected",
            why,
            runbook=runbook("challenger-rejected"),
            kind="rejected",
            subject=key,
            key=f"rejected:{key}",
        )
    )
    return {"key": key, "why": why}


def _refuse(world: World, process: str, row: ReleaseRow, why: str) -> dict[str, Any]:
    """Not promoted. What is still due, no hold standing, is due once more against the release that answers now."""
    _archive(world, process, row.key, why)
    due, current, then = agenda.read(world, process).due, world.ledger.production(process), None
    if due is not None and current is not None and world.ledger.hold(process) is None:
        then = _anew(due, key=f"{row.key}-over-{current.version}")
    agenda.settle(world, process, row.key, then=then)
    world.notifier.notify(
        Notice(
            process,
            "warning",
            f"{process}: release {row.version} came too late and is not promoted",
            why,
            runbook=runbook("challenger-rejected"),
            kind="rejected",
            subject=row.key,
            key=f"refused:{row.key}",
        )
    )
    return {"version": None, "previous": None, "event": row.event, "refused": why}


def _check_awaited(world: World, process: str, row: ReleaseRow) -> None:
    due = agenda.read(world, process).due
    if due is None or due["key"] != row.key:
        raise SupersededError(
            f"{process}: adaptation {row.key} expected to be due still, found {due and due['key']}: what asked for "
            f"release {row.version} is over"
        )


def _archive(world: World, process: str, key: str, why: str) -> None:
    row = world.ledger.release_by_key(process, key)
    if row is not None and row.stage in ("None", "Staging"):
        world.ledger.move_release(process, row.version, "reject", who="dq", why=why, now=utc_now())
        sync_registry(world, process)


def _anew(due: agenda.Due, **changed: Any) -> agenda.Due:
    return {**due, "attempts": 0, "holder": None, "until": None, **changed}


def _begin_anew(world: World, process: str, key: str) -> None:
    """An initialization starts the process afresh: its history is the one to learn from, open events are over."""
    run, now = key.removeprefix("initial-"), utc_now()
    fact = json.loads(world.lake.get(f"{paths.history(process, run)}/annotated.json"))
    known = world.ledger.fact(process, HISTORY)
    if known is not None and known["run"] == run:
        return
    event = world.ledger.open_event(process)
    if event is not None:
        world.ledger.move_event(event.id, EventState.CLOSED, outcome="initialized anew")
    for incident in world.ledger.incidents(process, standing=True):
        world.ledger.close_incident(process, incident.id, Ending.REPAIRED, stop=None, who="dq", now=now)
    if world.ledger.hold(process) is not None:
        world.ledger.resume(process, who="dq", why="initialized anew", now=now)
    agenda.start_afresh(world, process)
    world.ledger.put_fact(process, HISTORY, {**fact, "stream_from": world.ledger.sample_count(process)}, now)


def _live_event(world: World, process: str) -> int | None:
    event = world.ledger.open_event(process)
    return None if event is None else event.id


def _registered(world: World, process: str, key: str) -> ReleaseRow:
    row = world.ledger.release_by_key(process, key)
    if row is None:
        raise StateError(f"challenger {key} of {process} was never registered")
    return row


def _overruling(world: World, row: ReleaseRow, who: str, why: str) -> str:
    """The reason that the ledger keeps for a promotion by force."""
    if not why.strip():
        raise StateError("a promotion by force needs a reason, found none")
    refused = refusal(world, row.process, row.key)
    return f"forced by {who}: {why}" + (f" (the gates refused it: {refused})" if refused else "")
