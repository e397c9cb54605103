"""How long adaptations really took: what the governor's cooldown and weekly budget count."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from dq_pipeline.feedback.governor import Training
from dq_pipeline.ports import World
from dq_pipeline.steps.clock import utc_now

TRAININGS = "trainings"
"""The ledger's fact that holds them."""
KEPT = 500


def record(world: World, process: str, due: dict[str, Any], began: datetime, seconds: float) -> None:
    """An attempt has taken so many seconds so far; said again, it is the same attempt."""
    name = (due["key"], due["attempts"])
    row = {"key": due["key"], "attempt": due["attempts"], "kind": due["kind"], "began": began.isoformat()}

    def changed(fact: dict[str, Any] | None) -> dict[str, Any]:
        others = [one for one in (fact or {"rows": []})["rows"] if (one["key"], one["attempt"]) != name]
        return {"rows": [*others, {**row, "seconds": round(seconds, 3)}][-KEPT:]}

    world.ledger.change_fact(process, TRAININGS, changed, utc_now())


def trainings(world: World, process: str) -> tuple[Training, ...]:
    """Attempts at adaptations, in the order in which they were last heard of."""
    rows = (world.ledger.fact(process, TRAININGS) or {"rows": []})["rows"]
    return tuple(
        Training(row["key"], row["kind"], datetime.fromisoformat(row["began"]), float(row["seconds"])) for row in rows
    )
