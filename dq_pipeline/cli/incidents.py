"""`dq incidents`: sensors at fault, and how that ends."""

from __future__ import annotations

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
    close: Annotated[int | None, typer.Option("--close", help="End the incident of this number.")] = None,
    accept: Annotated[
        bool | None,
        typer.Option("--accept/--repaired", help="What it shows now is right, learn it; or: it was repaired."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List sensors found at fault, or end an incident.

    Nothing is learned while a sensor is at fault. One that is found back where it was ends its incident by itself::

        dq incidents hydraulic
        dq incidents hydraulic --close 7 --repaired
    """
    from dq_pipeline import steps

    with world() as opened:
        if close is not None:
            if accept is None:
                raise StateError(f"incident {close}: --accept or --repaired expected, found neither")
            result = steps.close_incident(opened, process, close, accept=accept, who=person())
            learned = "; it is learned now" if result["learned"] else ""
            answer(result, as_json, f"Incident {close} of {process} is closed as {result['ending']}{learned}.")
            return
        opened.process(process)
        found = steps.status(opened, process)["incidents"]
    answer(found, as_json, *(_shown(found) if found else ("No sensor was found at fault.",)))


def _shown(found: list[dict[str, Any]]) -> list[Table]:
    table = Table("incident", "sensor", "first", "until", "what", "ended", title="Sensors at fault")
    for row in found:
        ended = "-" if row["ending"] is None else f"{row['ending']} by {row['closed_by']}"
        until = "-" if row["stop"] is None else str(row["stop"] - 1)
        what = str(row["evidence"].get("explanation", row["title"]))
        table.add_row(str(row["id"]), row["sensor"], str(row["first"]), until, what, ended)
    return [table]
