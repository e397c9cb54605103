"""`dq status` and `dq releases`: how things stand."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table

from dq_pipeline.cli import rollout
from dq_pipeline.cli.governor import line
from dq_pipeline.cli.terminal import AsJson, ProcessName, answer, number, world

_FIGURES = ("mae", "r2", "accuracy", "f1")


def register(app: typer.Typer) -> None:
    """Add the commands to the `dq` application."""
    app.command()(status)
    app.command()(releases)


def status(
    process: Annotated[str | None, typer.Argument(help="Name of a process file; all by default.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show what was read, how good it was, what drifted, and what answers now.

    Without a process, a line for each that has a process file::

        dq status
        dq status vacuum
    """
    from dq_pipeline import steps

    with world() as opened:
        if process is not None:
            found = steps.status(opened, process)
            answer(found, as_json, *_one(found))
            return
        opened.ledger.migrate()
        every = [_short(steps.status(opened, name)) for name in sorted(opened.processes)]
    table = Table("process", "state", "release", "read", "quarantined", "alarms", "drift alarms", "median score")
    for row in every:
        table.add_row(row["process"], row["state"], row["production"] or "-", *map(str, row["counts"]), row["score"])
    answer(every, as_json, table)


def releases(process: ProcessName, as_json: AsJson = False) -> None:
    """List the releases of a process with their stages and how they do on the stream, oldest first.

    Example: `dq releases vacuum`, then `dq rollback vacuum --version 1 --why "..."`.
    """
    from dq_pipeline import steps

    with world() as opened:
        found = steps.status(opened, process)
    told = {name: found[name] for name in ("releases", "changes", "rollouts")}
    answer(told, as_json, _releases(found), _changes(found))


def _short(found: dict[str, Any]) -> dict[str, Any]:
    quarantined = sum(found["recordings"]["quarantined"].values())
    return {
        "process": found["process"],
        "state": found["state"]["state"],
        "production": found["production"],
        "counts": [found["recordings"]["read"], quarantined, found["alarms"], found["drift_alarms"]],
        "score": number(found["unified"].get("p50"), 3),
    }


def _one(found: dict[str, Any]) -> list[Table | str]:
    counts, unified = found["recordings"], found["unified"]
    quarantined = ", ".join(f"{reason} {n}" for reason, n in counts["quarantined"].items()) or "none"
    facts = Table("", "", title=found["title"], show_header=False)
    facts.add_row("state", f"{found['state']['state']}: {found['state']['why']}")
    facts.add_row("in Production", found["production"] or "-")
    facts.add_row("recordings", f"{counts['read']} read, {counts['accepted']} accepted; quarantined: {quarantined}")
    if unified:
        facts.add_row("unified score", "  ".join(f"{name} {value:.2f}" for name, value in unified.items()))
    facts.add_row("alarms", f"{found['alarms']} of the model, {found['drift_alarms']} of the drift detector")
    facts.add_row("ledger", f"{found['gaps']} gaps, {found['duplicates']} duplicates, {found['parked']} parked")
    if found["drift_watch"]:
        from dq_pipeline.steps.drift_evidence import worth

        facts.add_row("drift watch", worth(found["drift_watch"]))
    if found["governor"]:
        facts.add_row("retraining", line(found["governor"]))
    for one in found["rollouts"]:
        if "stays" in one:
            facts.add_row("rollout", rollout.line(one))
    if found["hold"]:
        facts.add_row("on hold", f"since {found['hold']['since']}: {found['hold']['why']}")
    if found["pending_settings"]:
        facts.add_row("pending", "the process file was edited; it takes effect with the next release")
    for incident in found["incidents"]:
        if incident["ending"] is None:
            about = f"{incident['cause']}, {incident['action'].get('what', 'none')}"
            facts.add_row("incident", f"{incident['id']} ({about}): {incident['title']}")
    for loss in found["losses"]:
        facts.add_row("data lost", f"{loss['topic']} [{loss['partition']}] {loss['start']} to {loss['stop'] - 1}")
    return [facts, _releases(found), *([_events(found)] if found["drift_events"] else [])]


def _releases(found: dict[str, Any]) -> Table:
    under_way = {one["version"]: one["state"] for one in found["rollouts"] if "stays" in one}
    shown = [name for name in _FIGURES if any(name in row for row in found["releases"])]
    table = Table("release", "stage", "kind", "learned from", "judged on", *shown, "created", title="Releases")
    for row in found["releases"]:
        figures = (number(row.get(name), 3) for name in shown)
        made = str(row["created_at"])[5:16]
        table.add_row(
            row["version"], _stage(row, under_way), row["kind"], str(row["samples"]), str(row["judged"]), *figures, made
        )
    return table


def _stage(row: dict[str, Any], under_way: dict[str, str]) -> str:
    rolled = under_way.get(row["version"])
    return row["stage"] if rolled is None else f"{row['stage']}, {rolled}"


def _events(found: dict[str, Any]) -> Table:
    table = Table("event", "sample", "since about", "sensors", "state", "cause", "outcome", title="Drift")
    for row in found["drift_events"]:
        place = str(row["sample"]), f"{row['change_point']:.0f}"
        state = row["state"] + ("" if row["calibrated"] else ", uncalibrated") + ", rebuilding" * row["rebuilding"]
        cause = "-" if row["cause"] is None else f"{row['cause']['kind']}: {row['cause']['why']}"
        table.add_row(str(row["id"]), *place, ", ".join(row["named"]) or "-", state, cause, row["outcome"])
    return table


def _changes(found: dict[str, Any]) -> Table:
    table = Table("at", "action", "release", "before", "who", "why", title="Changes")
    for row in found["changes"]:
        table.add_row(row["at"][:19], row["action"], row["version"], row["previous"] or "-", row["who"], row["why"])
    return table
