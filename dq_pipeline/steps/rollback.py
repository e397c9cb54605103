"""Restore an earlier release whole, hold adaptation, and let it go on again."""

from __future__ import annotations

from typing import Any

from dq_pipeline.errors import StateError
from dq_pipeline.ports import World
from dq_pipeline.records import LIVE, EventState, Notice, ReleaseRow, runbook
from dq_pipeline.steps import agenda
from dq_pipeline.steps.clock import utc_now
from dq_pipeline.steps.releases import previous_release, release_of


def roll_back(world: World, process: str, *, version: str | None = None, who: str, why: str) -> dict[str, Any]:
    """Put an earlier version back into Production; without `version`, the one that Production replaced.

    The ledger decides first; the registry is then brought in line, so a death in between is mended by running it again:
    the same request, by the same person for the same reason, finds itself done and goes back no further.

    Raises
    ------
    StateError
        If there is no such version, or nothing to go back to.
    """
    if not why.strip():
        raise StateError("a rollback needs a reason, found none")
    target = _target(world, process, version, who, why)
    change = world.ledger.move_release(process, target.version, "rollback", who=who, why=why, now=utc_now())
    agenda.drop_event(world, process)
    sync_registry(world, process)
    world.notifier.notify(
        Notice(
            process,
            "critical",
            f"{process} rolled back to release {target.version}",
            f"{why} (by {who}). Release {change.previous} is archived; nothing adapts until `dq resume {process}` "
            "or a change after the rollback is found.",
            runbook=runbook("rollback"),
            kind="rolled_back",
            subject=target.version,
            key=f"rolled_back:{change.id}",
        )
    )
    return {"version": target.version, "previous": change.previous, "why": why}


def resume(world: World, process: str, *, who: str, why: str) -> dict[str, Any]:
    """Lift the hold that a rollback left; the drift it left alone is due again.

    Raises
    ------
    StateError
        If nothing is on hold.
    """
    hold = world.ledger.hold(process)
    if hold is None:
        raise StateError(f"{process} is not on hold")
    held = [event for event in world.ledger.events(process) if event.state is EventState.HELD]
    if held and world.ledger.open_event(process) is None:
        world.ledger.move_event(held[-1].id, EventState.OPEN, outcome=f"resumed by {who}: {why}")
        agenda.take_up(world, process, held[-1], f"resumed: {why}")
    world.ledger.resume(process, who=who, why=why, now=utc_now())
    return {"process": process, "held_since": hold.since.isoformat(), "version": hold.version}


def sync_registry(world: World, process: str) -> None:
    """Give every version in the registry the stage that the ledger says, and those that are rolled out their alias."""
    under_way = [row for row in world.ledger.rollouts(process) if row.state in LIVE]
    aliases: dict[str, str] = {}
    for row in under_way:
        place = "canary" if row.share > 0.0 else "shadow" if "shadow" not in aliases else f"shadow-{row.version}"
        aliases[place] = row.version
    stages = {release.version: release.stage for release in world.ledger.releases(process)}
    world.registry.reconcile(process, stages, aliases)


def _target(world: World, process: str, version: str | None, who: str, why: str) -> ReleaseRow:
    current = world.ledger.production(process)
    newest = next(reversed(world.ledger.changes(process)), None)
    repeated = newest is not None and (newest.action, newest.who, newest.why) == ("rollback", who, why)
    if version is None:
        if repeated and current is not None:
            return current
        previous = previous_release(world, process)
        if previous is None:
            raise StateError(f"{process} has no earlier release to go back to")
        return previous
    target = release_of(world, process, version)
    if current is not None and current.version == version and (newest is None or newest.action != "rollback"):
        raise StateError(f"release {version} of {process} is in Production already")
    return target
