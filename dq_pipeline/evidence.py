"""Evidence: what a make target measured, as rows in `var/evidence/<target>.json`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

FIELDS = ("name", "value", "unit", "against", "bar", "holds")


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
