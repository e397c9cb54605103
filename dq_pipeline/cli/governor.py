"""`dq governor`: when a model is trained again, and why not now."""

from __future__ import annotations

from typing import Any

import typer
from rich.table import Table

from dq_pipeline.cli.terminal import AsJson, ProcessName, answer, world


def register(app: typer.Typer) -> None:
    """Add the command to the `dq` application."""
    app.command()(governor)


def governor(process: ProcessName, as_json: AsJson = False) -> None:
    """Show what asks for a training, what objects to one, the budget used, and when the next is possible.

    Changes nothing. Example: `dq governor vacuum`.
    """
    from dq_pipeline import steps

    with world() as opened:
        found = steps.governor(opened, process)
    answer(found, as_json, _asking(found), _objecting(found), _rest(found))


def line(found: dict[str, Any]) -> str:
    """All of it in one line, for `dq status`."""
    if found["due"] is not None:
        asked = f"{found['due']['key']} is due: {found['due']['why']}"
    else:
        fires = [one["name"] for one in found["triggers"] if one["fires"]]
        asked = f"asked for by {', '.join(fires)}" if fires else "nothing asks for it"
    against = ", ".join(one["name"] for one in found["why_not"] if one["name"] != "under_way")
    return f"{asked}; {f'held up by {against}' if against else 'nothing objects'}; `dq governor {found['process']}`"


def _asking(found: dict[str, Any]) -> Table | str:
    if not found["triggers"]:
        return "Only a drift leads to a training: feedback.retrain of the process file states no trigger."
    table = Table("trigger", "asks", "why", title="What asks for a training")
    for one in found["triggers"]:
        table.add_row(one["name"], "yes" if one["fires"] else "no", one["why"])
    return table


def _objecting(found: dict[str, Any]) -> Table | str:
    if not found["why_not"]:
        return "Nothing objects to a training now."
    table = Table("objection", "why", "until", title="What objects")
    for one in found["why_not"]:
        table.add_row(one["name"], one["why"], (one["until"] or "-")[:16])
    return table


def _rest(found: dict[str, Any]) -> Table:
    budget = found["budget"]
    limit = "no limit" if budget["limit_s"] is None else f"{budget['limit_s']:g} s allowed"
    table = Table("", "", show_header=False)
    table.add_row("release", found["release"])
    table.add_row("new labels", f"{found['new_labels']} since {found['since'][:16]}")
    table.add_row("budget", f"{budget['used_s']:g} s in {budget['trainings']} trainings of the last 7 days, {limit}")
    if found["due"] is not None:
        table.add_row("due", f"{found['due']['key']}: {found['due']['why']}")
    table.add_row("next possible", found["next_possible"] or "not before an objection is lifted")
    return table
