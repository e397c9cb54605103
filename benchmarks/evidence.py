"""Evidence: what a make target measured, as rows in `var/evidence/<target>.json`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

FOLDER = Path(__file__).resolve().parents[1] / "var" / "evidence"
FIELDS = ("name", "value", "unit", "against", "bar", "holds")


def write(target: str, rows: Sequence[dict[str, Any]], *, partial: bool = False) -> Path:
    """Write the rows of a target; `partial` replaces only the rows of these names and keeps the others."""
    path = FOLDER / f"{target}.json"
    FOLDER.mkdir(parents=True, exist_ok=True)
    fresh = {row["name"] for row in rows}
    kept = (
        [row for row in json.loads(path.read_text()) if row["name"] not in fresh] if partial and path.exists() else []
    )
    path.write_text(json.dumps([*kept, *({field: row.get(field) for field in FIELDS} for row in rows)], indent=1))
    return path


def show(console: Console, rows: Sequence[dict[str, Any]]) -> None:
    """The rows as a table for people."""
    table = Table(*FIELDS)
    for row in rows:
        cells = ("" if row.get(field) is None else str(row[field]) for field in FIELDS[:-1])
        verdict = {True: "[green]yes[/green]", False: "[red]no[/red]", None: ""}[row.get("holds")]
        table.add_row(*cells, verdict)
    console.print(table)
