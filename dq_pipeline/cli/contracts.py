"""`dq contracts`: what production has to be, and whether it is."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from dq_pipeline.cli.terminal import AsJson, ProcessName, answer, number, person, world

_COLOURS = {"breach": "red", "watch": "yellow", "hold": "green", "not_enough_data": "dim"}


def register(app: typer.Typer) -> None:
    """Add the command to the `dq` application."""
    app.command()(contracts)


def contracts(
    process: ProcessName,
    sync: Annotated[bool, typer.Option("--sync", help="Write edits of the process file into the ledger.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Judge them now; exit code 2 if one is broken.")] = False,
    history: Annotated[
        bool, typer.Option("--history", help="Show every version and what was found each time.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the contracts of a process with what was found of each last.

    A contract is a metric of production, over some samples, against what was promised of it. docs/contracts.md says
    what each metric means and what is in force where the process file states none::

        dq contracts vacuum
        dq contracts vacuum --check
        dq contracts vacuum --history --json
    """
    from dq_pipeline import steps

    checked: dict[str, Any] | None = None
    with world() as opened:
        opened.process(process)
        opened.ledger.migrate()
        if sync or check:
            steps.sync(opened, process, who=person())
        if check:
            checked = steps.reconcile(opened, process)
        result = steps.contracts(opened, process)
    if not history:
        del result["versions"], result["history"]
    if checked is not None:
        result |= {name: checked[name] for name in ("release", "breaches", "why", "parity") if name in checked}
    answer(result, as_json, *_shown(result), *_past(result), *_checked(checked))
    if checked is not None and (checked["breaches"] or (checked.get("parity") or {}).get("first")):
        raise typer.Exit(2)


def _shown(result: dict[str, Any]) -> list[Table | str]:
    table = Table("contract", "slice", "verdict", "production", "expected", "samples", "release", title="Contracts")
    for one in result["contracts"]:
        name = f"{one['name']} (edited)" if one["pending"] and one["version"] else one["name"]
        for row in one["results"] or [None]:
            table.add_row(name, *_cells(row))
    for row in result["stream"]:
        table.add_row(row["contract"], *_cells(row))
    edits = [one["name"] for one in result["contracts"] if one["pending"]]
    if not edits:
        return [table]
    return [table, f"Not in the ledger yet: {', '.join(edits)}; `dq contracts {result['process']} --sync` writes them."]


def _cells(row: dict[str, Any] | None) -> tuple[str | Text, ...]:
    if row is None:
        return ("", "not judged yet", "-", "-", "-", "-")
    return (
        row["slice"],
        Text(row["verdict"].replace("_", " "), style=_COLOURS[row["verdict"]]),
        _figure(row["value"], row["lower"], row["upper"]),
        _figure(row["expected"], row["expected_lower"], row["expected_upper"]),
        str(row["samples"]),
        row["release"],
    )


def _figure(value: float | None, lower: float | None, upper: float | None) -> str:
    if value is None or lower is None or lower == upper:
        return number(value)
    return f"{number(value)} ({number(lower, 3)} to {number(upper, 3)})"


def _past(result: dict[str, Any]) -> list[Table]:
    if "versions" not in result:
        return []
    versions = Table("contract", "version", "state", "who", "at", title="Versions")
    for one in result["versions"]:
        versions.add_row(one["name"], str(one["version"]), one["state"], one["who"], str(one["at"])[:19])
    found = Table("at", "contract", "slice", "samples numbered", "verdict", "why", title="What was found")
    for row in result["history"]:
        ends = f"{row['first']} to {row['stop'] - 1}"
        why = str(row["detail"].get("why", ""))
        found.add_row(str(row["at"])[:19], row["contract"], row["slice"], ends, row["verdict"], why)
    return [versions, found]


def _checked(checked: dict[str, Any] | None) -> list[str]:
    if checked is None:
        return []
    if checked["why"]:
        return [f"Nothing was judged: {checked['why']}."]
    same = checked["parity"]
    if same["first"] is None:
        return [f"Release {checked['release']} gives what it gave: {', '.join(same['checked']) or 'no step checked'}."]
    told = f"Release {checked['release']} gives other {', '.join(same['steps'])} than before: first {same['first']}."
    return [told]
