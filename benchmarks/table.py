"""What benchmarks measured: a row a figure, and the rows as a table for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from dq_pipeline.evidence import FIELDS


def row(
    name: str,
    value: float,
    unit: str,
    against: float | None = None,
    bar: float | None = None,
    holds: bool | None = None,
) -> dict[str, Any]:
    """One figure, rounded to four decimals."""
    return {"name": name, "value": round(value, 4), "unit": unit, "against": against, "bar": bar, "holds": holds}


def show(console: Console, rows: Sequence[dict[str, Any]]) -> None:
    """The rows as a table for people."""
    table = Table(*FIELDS)
    for row in rows:
        cells = ("" if row.get(field) is None else str(row[field]) for field in FIELDS[:-1])
        verdict = {True: "[green]yes[/green]", False: "[red]no[/red]", None: ""}[row.get("holds")]
        table.add_row(*cells, verdict)
    console.print(table)
