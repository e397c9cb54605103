"""`dq watch`: is the loop well."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from dq_pipeline.cli.terminal import AsJson, ProcessName, answer, world

_COLOURS = {"sick": "red", "well": "green", "unknown": "dim"}


def register(app: typer.Typer) -> None:
    """Add the command to the `dq` application."""
    app.command()(watch)


def watch(
    process: ProcessName,
    tell: Annotated[
        bool, typer.Option("--tell", help="Raise and clear alerts and tell people, as <process>_watch does.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Look for a loop that is sick: what was looked at, its figure, its limit; exit code 1 if anything is sick.

    Changes nothing unless told to. Limits are `watch` of the process file::

        dq watch vacuum
        dq watch vacuum --tell
    """
    from dq_pipeline import steps

    with world() as opened:
        found = (steps.watch if tell else steps.look)(opened, process)
    answer(found, as_json, *((found["why"],) if found["why"] else _shown(found)))
    raise typer.Exit(1 if found["sick"] else 0)


def _shown(found: dict[str, Any]) -> list[Table | str]:
    table = Table("", "verdict", "found", "what to do", title=f"How {found['process']} is")
    table.columns[2].overflow = table.columns[3].overflow = "fold"
    for sign in found["signs"]:
        verdict, sick = Text(sign["verdict"], style=_COLOURS[sign["verdict"]]), sign["verdict"] == "sick"
        name = " ".join(filter(None, (sign["kind"], sign["subject"])))
        table.add_row(name, verdict, sign["text"], sign["runbook"] if sick else "")
    changed = [f"{word} {', '.join(found[word])}" for word in ("raised", "cleared") if found.get(word)]
    return [table, *(["; ".join(changed).capitalize() + "."] if changed else [])]
