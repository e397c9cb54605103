"""Evidence: what a make target measured, as rows in `var/evidence/<target>.json`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

FIELDS = ("name", "value", "unit", "against", "bar", "holds")


def row(
    name: str,
    value: float | None,
    unit: str,
    against: float | str | None = None,
    bar: float | None = None,
    *,
    at_least: bool = False,
) -> dict[str, Any]:
    """A figure beside its bar, which it must not pass, or with `at_least` must reach.

    Examples
    --------
    >>> row("demo/pump/seconds", 400.0, "s", bar=360.0)["holds"], row("a", None, "share", bar=0.8)["holds"]
    (False, None)
    """
    holds = None if bar is None or value is None else value >= bar if at_least else value <= bar
    return {"name": name, "value": value, "unit": unit, "against": against, "bar": bar, "holds": holds}


def write(folder: Path, target: str, rows: Sequence[dict[str, Any]], *, partial: bool = False) -> Path:
    """Write the rows of a target; `partial` replaces only the rows of these names and keeps the others."""
    path = folder / f"{target}.json"
    folder.mkdir(parents=True, exist_ok=True)
    fresh = {row["name"] for row in rows}
    known = json.loads(path.read_text(encoding="utf-8")) if partial and path.exists() else []
    kept = [row for row in known if row["name"] not in fresh]
    found = [*kept, *({field: row.get(field) for field in FIELDS} for row in rows)]
    path.write_text(json.dumps(found, indent=1), encoding="utf-8")
    return path
