"""`dq audit`: whether each sensor measures what it should."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table

from dq_pipeline.cli.terminal import AsJson, ProcessName, answer, number, world


def register(app: typer.Typer) -> None:
    """Add the command to the `dq` application."""
    app.command()(audit)


def audit(
    process: ProcessName,
    window: Annotated[
        int | None,
        typer.Option("--window", min=8, help="Newest samples to look at; audit.window of the process file without."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare each sensor with its trusted reference, with what the others say, and with itself.

    Readings are taken as they came, whatever is corrected. What is at fault raises an alert; a sensor that is found
    well again clears it. "undetermined": it reads otherwise, and nothing that is measured tells a fault of the
    sensor from a change of the process::

        dq audit hydraulic
        dq audit hydraulic --window 100 --json
    """
    from dq_pipeline import steps

    with world() as opened:
        found = steps.audit(opened, process, window=window)
    answer(found, as_json, *_shown(found))


def _shown(found: dict[str, Any]) -> list[Table | str]:
    title = f"Samples {found['first']} to {found['stop'] - 1} against the reference of release {found['release']}"
    table = Table("sensor", "verdict", "what", "gain", "offset", "against", "known", "since", title=title)
    for one in found["findings"]:
        fault = one["fault"] != "none"
        table.add_row(
            one["sensor"],
            one["fault"],
            one["text"],
            number(one["gain"]) if fault else "-",
            number(one["offset"]) if fault else "-",
            one["against"] or "-",
            f"{one['determined']:.0%}" if fault else "-",
            str(one["start"]) if fault else "-",
        )
    odd = [f"{one['sensor']}: {one['text']}" for one in found["anomalies"]]
    return [table, *odd]
