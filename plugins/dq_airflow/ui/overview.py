"""The page one comes in by: all processes, how each is, and what waits in each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from dq_airflow.ui import access, rendering
from dq_airflow.ui.opened import World
from dq_airflow.ui.sparkline import sparkline

router = APIRouter()


@router.get("/")
def overview(request: Request, user: access.User, world: World) -> Response:
    """Processes that the user may look at, those that need somebody first."""
    from dq_pipeline import steps

    rows = [_row(one) for one in steps.overview(world, sorted(access.readable(user)))]
    rows.sort(key=lambda row: (-_ORDER.index(row["health"]["level"]), row["process"]))
    counts = {level: sum(row["health"]["level"] == level for row in rows) for level in reversed(_ORDER)}
    return rendering.page(request, "overview.html", user=user, rows=rows, counts=counts)


_ORDER = ("well", "none", "watch", "act")


def _row(found: dict[str, Any]) -> dict[str, Any]:
    if found["broken"]:
        found["health"] = {"level": "act", "words": "its file is broken", "reasons": ["its file is broken"]}
    return {
        **found,
        "trend": sparkline(found["scores"], found["threshold"]),
        "score": _newest(found["scores"]),
        "statistic": _newest(found["statistics"]),
    }


def _newest(values: Sequence[float | None]) -> float | None:
    return next((value for value in reversed(values) if value is not None), None)
