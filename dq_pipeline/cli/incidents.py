"""`dq incidents`: what went wrong, what it was put down to, what was done, and how it ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.table import Table

from dq_pipeline.cli.terminal import AsJson, ProcessName, answer, person, world
from dq_pipeline.errors import StateError


def register(app: typer.Typer) -> None:
    """Add the command to the `dq` application."""
    app.command()(incidents)


def incidents(
    process: ProcessName,
    number: Annotated[int | None, typer.Argument(help="Show this incident in full.", show_default=False)] = None,
    close: Annotated[int | None, typer.Option("--close", help="End the incident of this number.")] = None,
    accept: Annotated[
        bool | None,
        typer.Option("--accept/--repaired", help="What is seen now is right, learn it; or: it was repaired."),
    ] = None,
    why: Annotated[str, typer.Option("--why", help="The reason, kept with the incident that is ended.")] = "",
    as_json: AsJson = False,
) -> None:
    """List incidents with their causes, the open ones first; show one in full, or end it.

    What a fault showed is never learned. One that is found well again, or was adapted to, ends by itself::

        dq incidents hydraulic
        dq incidents hydraulic 7
        dq incidents hydraulic --close 7 --repaired
    """
    from dq_pipeline import steps

    with world() as opened:
        if close is not None:
            if accept is None:
                raise StateError(f"incident {close}: --accept or --repaired expected, found neither")
            result = steps.close_incident(opened, process, close, accept=accept, who=person(), why=why)
            learned = "; it is learned now" if result["learned"] else ""
            answer(result, as_json, f"Incident {close} of {process} is closed as {result['ending']}{learned}.")
            return
        opened.process(process)
        if number is not None:
            one = steps.incident(opened, process, number)
            answer(one, as_json, *_whole(one))
            return
        found = steps.status(opened, process)["incidents"]
    answer(found, as_json, *(_shown(found) if found else ("No incident has been found a cause of.",)))


def _shown(found: list[dict[str, Any]]) -> list[Table]:
    table = Table("incident", "cause", "subject", "sure", "samples", "alerts", "action", "ended", title="Incidents")
    for row in found:
        ended = "-" if row["ending"] is None else f"{row['ending']} by {row['closed_by']}"
        table.add_row(
            str(row["id"]), _words(row["cause"]), row["subject"] or "-", _share(row["confidence"]), _where(row),
            str(row["alerts"]), _action(row["action"]), ended,
        )  # fmt: skip
    return [table]


def _whole(one: dict[str, Any]) -> list[Table | str]:
    facts = Table("", "", title=one["title"], show_header=False)
    facts.add_row("cause", f"{_words(one['cause'])}{' of ' + one['subject'] if one['subject'] else ''}")
    facts.add_row("confidence", f"{_share(one['confidence'])}, decided by: {one['record'].get('decided_by') or '-'}")
    facts.add_row("samples", _where(one))
    facts.add_row("done", f"{_action(one['action'])}: {one['action'].get('detail', '-')}")
    facts.add_row("ended", "open" if one["ending"] is None else f"{one['ending']} by {one['closed_by']}")
    for name, value in one["evidence"].items():
        facts.add_row(name, str(value))
    facts.add_row("runbook", one["runbook"])
    ranked = Table("cause", "subject", "sure", "since sample", "why", title="What was considered")
    for row in one["record"].get("hypotheses", ()):
        ranked.add_row(
            _words(row["cause"]), row["subject"] or "-", _share(row["confidence"]), str(row["onset"]), row["why"]
        )
    slices = Table("slice", "found", title="What was compared")
    for row in one["record"].get("slices", ()):
        name = row.get("name") or row.get("slice") or "-"
        rest = {key: value for key, value in row.items() if key not in ("name", "slice")}
        slices.add_row(str(name), ", ".join(f"{key}: {value}" for key, value in rest.items()))
    told = Table("alert", "kind", "severity", "what", "cleared", title="Alerts folded into it")
    for row in one["told"]:
        told.add_row(str(row["id"]), row["kind"], row["severity"], row["title"], (row["cleared_at"] or "-")[:19])
    line = Table("at", "sample", "what", title="What happened")
    for row in one["record"].get("timeline", ()):
        line.add_row(row["at"][:19], str(row["sample"]), row["what"])
    return [facts, *(table for table in (ranked, slices, told, line) if table.row_count)]


def _words(name: str) -> str:
    return str(name).replace("_", " ")


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"


def _where(row: Mapping[str, Any]) -> str:
    if row["first"] is None:
        return "-"
    return f"{row['first']} to {'now' if row['stop'] is None else row['stop'] - 1}"


def _action(action: Mapping[str, Any]) -> str:
    if not action:
        return "-"
    return _words(action["what"]) + (", asked for" if action.get("state") == "asked" else "")
