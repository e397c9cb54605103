"""`dq sensors`: the inventory."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.table import Table

from dq_pipeline.cli.terminal import AsJson, ProcessName, answer, number, person, world
from dq_pipeline.errors import StateError


def register(app: typer.Typer) -> None:
    """Add the command to the `dq` application."""
    app.command()(sensors)


def sensors(
    process: ProcessName,
    facts: Annotated[
        list[str] | None, typer.Argument(help="With --set: facts as firmware=2.1.", show_default=False)
    ] = None,
    note: Annotated[str | None, typer.Option("--set", help="Note facts of this sensor.", metavar="SENSOR")] = None,
    since: Annotated[
        datetime | None, typer.Option("--since", help="From when on they hold, UTC; now without.", show_default=False)
    ] = None,
    why: Annotated[str, typer.Option("--why", help="The reason; kept for good.")] = "",
    as_json: AsJson = False,
) -> None:
    """List the sensors with what is known of each, or note something new; nothing is ever overwritten.

    Facts: installed, firmware, serial, calibrated, calibration_due, calibration_id, maintenance, reference, note::

        dq sensors hydraulic
        dq sensors hydraulic --set PS1 firmware=2.1 calibrated=2026-05-01 --why "exchanged after the leak"
    """
    from dq_pipeline import steps

    with world() as opened:
        if note is None:
            if facts:
                raise StateError(f"--set SENSOR expected with {' '.join(facts)}, found none")
            rows = steps.sensors(opened, process)
            answer(rows, as_json, _shown(process, rows))
            return
        begin = None if since is None else since.replace(tzinfo=since.tzinfo or UTC)
        made = steps.note_sensor(opened, process, note, _parsed(facts or []), who=person(), why=why, since=begin)
    said = ", ".join(f"{name} {value}" for name, value in made["facts"].items())
    answer(made, as_json, f"{note} of {process}: {said} since {made['since']:%Y-%m-%d %H:%M}.")


def _parsed(facts: list[str]) -> dict[str, str]:
    wrong = [one for one in facts if "=" not in one]
    if wrong:
        raise StateError(f"facts as firmware=2.1 expected, found {', '.join(wrong)}")
    return dict(one.split("=", 1) for one in facts)


def _shown(process: str, rows: list[dict[str, Any]]) -> Table:
    table = Table("sensor", "unit", "range", "reference", "known", "audit", "corrected", title=f"Sensors of {process}")
    for row in rows:
        said, correction = row["audit"], row["correction"]
        table.add_row(
            row["sensor"],
            row["unit"],
            " to ".join(number(end) for end in row["range"]),
            row["facts"].get("reference") or row["trusted"] or "-",
            "\n".join(f"{name} {value}" for name, value in row["facts"].items()) or "-",
            "-" if said is None else f"{said['verdict']}: {said['text']}",
            "-" if correction is None else f"gain {number(correction['gain'])}, offset {number(correction['offset'])}",
        )
    return table
