"""`dq drill`: would the platform find it?"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.table import Table

from dq_pipeline.cli.terminal import AsJson, ProcessName, answer, bar, number, stepwise, world

_THREE = ("found", "named", "alerted")


def register(app: typer.Typer) -> None:
    """Add the command to the `dq` application."""
    app.command()(drill)


def drill(
    process: ProcessName,
    fault: Annotated[str | None, typer.Option(help="What is injected; by turns those of the process file.")] = None,
    severity: Annotated[float | None, typer.Option(help="How hard; the fault's medium by default.")] = None,
    sensor: Annotated[str | None, typer.Option(help="Hit where a fault hits one; by turns by default.")] = None,
    samples: Annotated[int | None, typer.Option(min=1, help="Damaged recordings, at most.")] = None,
    past: Annotated[bool, typer.Option("--past", help="List past drills; run none.")] = False,
    as_json: AsJson = False,
) -> None:
    """Inject a fault into a copy of the newest recordings, and see whether it is found, named and told of.

    The copy runs through the release in Production as the stream does, in a copy of the ledger that is thrown away;
    answers, training data, incidents and notices of the process are not touched. Faults: missing, noise, calibration,
    unit, offset, stuck, delay, outage, process_change, concept::

        dq drill vacuum --fault unit --sensor pressure
        dq drill vacuum --past
    """
    from dq_pipeline import steps

    with world() as opened, bar() as progress:
        opened.process(process)
        if past:
            rows = steps.drills(opened, process)
        else:
            key = f"cli-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
            hit = {"fault": fault, "severity": severity, "sensor": sensor, "samples": samples}
            rows = [steps.drill(opened, process, key=key, progress=stepwise(progress), **hit)]  # type: ignore[arg-type]
    if not rows:
        answer([], as_json, f"{process} was never drilled: `dq drill {process}`.")
        return
    answer(rows if past else rows[0], as_json, _shown(rows), *([] if past else [_line(rows[0])]))


def _line(row: dict[str, Any]) -> str:
    if row["verdict"] in ("skipped", "running"):
        return f"{row['process']}: {row['verdict']}: {row.get('why', '')}"
    what = f"{row['cause']} {row['subject']}".strip() or "nothing"
    why = f" ({row['why']})" if row["why"] else ""
    return f"{row['verdict']}: expected {' or '.join(row['expected'])}, put down to {what}{why}"


def _shown(rows: list[dict[str, Any]]) -> Table:
    table = Table("began", "fault", "severity", "sensor", "verdict", *_THREE, "put down to", title="Drills")
    table.caption = "damaged recordings until then, and seconds in the drill"
    for row in rows:
        reached = [_reached(row, name) for name in _THREE]
        cause = f"{row.get('cause', '')} {row.get('subject', '')}".strip() or "-"
        severity = number(row["severity"])
        table.add_row(
            row["began_at"][:16], row["fault"], severity, row["sensor"] or "-", row["verdict"], *reached, cause
        )
    return table


def _reached(row: dict[str, Any], name: str) -> str:
    samples = row.get("samples", {}).get(name)
    return "-" if samples is None else f"{samples}, {row['seconds'][name]:.1f} s"
