"""Contracts: what production has to be, whether it is, and which edits are not in force yet."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from dq_airflow.ui import rendering
from dq_airflow.ui.access import Reader
from dq_airflow.ui.opened import World

router = APIRouter()

NEWEST = 100
"""Results that are listed."""
_ORDER = ("breach", "watch", "not_enough_data", "hold")


@router.get("/{process}/contracts")
def contracts(process: str, request: Request, user: Reader, world: World) -> Response:
    """Every contract with what was found last, the broken ones first, and what was found before."""
    from dq_pipeline import steps

    found = steps.contracts(world, process)
    return rendering.page(
        request,
        "contracts.html",
        user=user,
        process=world.process(process),
        place="contracts",
        rows=sorted(_rows(found), key=_urgency),
        history=found["history"][::-1][:NEWEST],
        versions=found["versions"][::-1],
    )


def _rows(found: dict[str, Any]) -> list[dict[str, Any]]:
    """One row for each contract and slice; a contract that was not judged yet has one without a result."""
    rows = []
    for one in found["contracts"]:
        about = {name: one.get(name) for name in ("name", "version", "pending", "metric", "owner", "runbook")}
        rows += [{**about, "result": result} for result in one["results"] or [None]]
    rows += [
        {"name": row["contract"], "version": None, "pending": False, "metric": "", "owner": "", "result": row}
        for row in found["stream"]
    ]
    return rows


def _urgency(row: dict[str, Any]) -> tuple[int, str]:
    result = row["result"]
    return (len(_ORDER) if result is None else _ORDER.index(result["verdict"]), row["name"])
