"""Move rollouts on: let a candidate go that is surely worse, step up one that is not. Called by `decide`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dq_pipeline.ports import World
from dq_pipeline.records import LIVE, Alert, Notice, ReleaseRow, Rollout, runbook
from dq_pipeline.release.rollout import Advice
from dq_pipeline.steps import agenda, rollout
from dq_pipeline.steps.clock import utc_now
from dq_pipeline.steps.contracts import contracts_hold
from dq_pipeline.steps.promote import promote, reject
from dq_pipeline.steps.releases import release_of
from dq_pipeline.steps.serving import Serving, load

RUNBOOK = runbook("rollout")


def advance(world: World, serving: Serving) -> dict[str, Any] | None:
    """Look at every rollout under way, and take the steps that are due.

    Returns
    -------
    dict or None
        `branch` and `why`: "nothing" with `promoted` where one came into Production, "ask" with `key` and `version`
        where a person is to be asked; None where neither is.
    """
    name, said = serving.process.name, None
    for row in world.ledger.rollouts(name):
        if row.state in LIVE:
            said = _advance(world, serving, row) or said
    return said


def abort(world: World, process: str, version: str, *, who: str, why: str) -> dict[str, Any]:
    """A person ends a rollout: the release is archived, the one in Production answers everything.

    Raises
    ------
    StateError
        If the version is not rolled out.
    """
    _end(world, rollout.live(world, process, version), f"ended by {who}: {why}", who=who)
    return {"version": version, "state": "aborted", "why": why}


def _advance(world: World, serving: Serving, row: Rollout) -> dict[str, Any] | None:
    if row.version == serving.version:
        rollout.close(world, row, "promoted", "it is in Production")
        return None
    release = release_of(world, row.process, row.version)
    void = _void(world, serving, row, release)
    if void:
        _end(world, row, void)
        return None
    process, pairs = load(world, release).process, rollout.seen(world, row)
    found = rollout.advice(row, process, pairs)
    compared = bool(row.record.get("only")) and rollout.judged(row, pairs) >= rollout.need(row, process)
    if row.state == "waiting" and found.action != "let_go":
        return _ask(row, release)
    if not compared and (row.record.get("only") or found.action == "stay"):
        return None
    figures = rollout.figures(row, process, pairs, found)
    if compared:
        rollout.close(world, row, "ended", f"compared: {found.findings[0].detail}", figures=figures)
        return None
    if found.action == "let_go":
        _let_go(world, row, figures, found)
        return None
    if row.state == "paused" or contracts_hold(world, row.process, row.version):
        return None  # a breach keeps it where it is
    canary = serving.process.rollout.canary
    if row.state == "shadow" and canary is not None:
        why = f"out of shadow: {found.why}"
        if rollout.move(world, row, "canary", canary.share, why, since=None, figures=figures):
            text = f"it answers {canary.share:.0%} of the samples; {found.why}"
            _tell(world, row, f"release {row.version} is a canary", text)
        return None
    if world.process(row.process).promotion.approval == "human":
        why = f"waits for a person's approval: {found.why}"
        if rollout.move(world, row, "waiting", row.share, why, since=rollout.since(row), figures=figures):
            text = f"{found.why}; `dq promote {row.process} {row.version}`"
            _tell(world, row, f"release {row.version} waits for a person's approval", text)
        return _ask(row, release)
    promoted = promote(world, row.process, key=release.key, why=f"rolled out: {found.why}")
    if promoted["refused"]:
        return None
    rollout.close(world, row, "promoted", found.why, figures=figures)
    return {"branch": "nothing", "why": f"release {row.version} is in Production", "promoted": promoted}


def _void(world: World, serving: Serving, row: Rollout, release: ReleaseRow) -> str:
    """Why a rollout is over whatever its figures say; empty where it goes on."""
    hold, due = world.ledger.hold(row.process), agenda.read(world, row.process).due
    if row.champion != serving.version:
        return f"release {serving.version} answers now, not {row.champion}, which it was measured against"
    if row.record.get("only"):
        return ""
    if hold is not None:
        return f"on hold since a rollback: {hold.why}"
    if release.stage != "Staging":
        return f"it was moved to {release.stage}"
    if due is None or due["key"] != release.key:
        return "what asked for it is over"
    return ""


def _let_go(world: World, row: Rollout, figures: dict[str, Any], found: Advice) -> None:
    answered = world.ledger.canary_answers(row.process, row.version)
    title = f"release {row.version} was let go in {rollout.phase(row)} after {answered} samples that it answered"
    alert = Alert(
        kind=rollout.ALERT,
        key=f"{rollout.ALERT}:{row.version}",
        severity="warning",
        title=f"{row.process}: {title}",
        subject=row.version,
        sample=row.sample,
        evidence={"why": found.why, "champion": row.champion, "answered": answered, **figures},
    )
    world.ledger.raise_alert(row.process, alert, utc_now())
    _end(world, row, f"{title}: {found.why}", figures=figures, answered=answered)


def _end(world: World, row: Rollout, why: str, *, who: str = "dq", **record: Any) -> None:
    """The rollout last: while it is under way, whatever comes before it here is done again."""
    if row.record.get("only"):
        rollout.close(world, row, "ended", why, who=who, **record)
        return
    release = release_of(world, row.process, row.version)
    if release.stage in ("None", "Staging"):
        world.ledger.move_release(row.process, row.version, "reject", who=who, why=why, now=utc_now())
    due = agenda.read(world, row.process).due
    if due is not None and due["key"] == release.key:
        reject(world, row.process, key=release.key, why=why)
    rollout.close(world, row, "aborted", why, who=who, **record)


def _ask(row: Rollout, release: ReleaseRow) -> dict[str, Any]:
    why = f"release {row.version} waits for a person's approval"
    return {"branch": "ask", "key": release.key, "version": row.version, "why": why}


def _tell(world: World, row: Rollout, title: str, text: str) -> None:
    told = Notice(
        row.process, "info", f"{row.process}: {title}", text, runbook=RUNBOOK, kind="rollout", subject=row.version
    )
    world.notifier.notify(replace(told, key=f"rollout:{row.id}:{title}"))
