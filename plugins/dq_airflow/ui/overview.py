"""The page one comes in by: all processes, and what waits in each."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from dq_airflow.ui import access, rendering
from dq_airflow.ui.opened import World
from dq_pipeline.errors import DQError

router = APIRouter()


@router.get("/")
def overview(request: Request, user: access.User, world: World) -> Response:
    """Processes that the user may look at, with the number of samples that wait for a person."""
    names = sorted(access.readable(user))
    rows = [_row(world, name) for name in names]
    return rendering.page(request, "overview.html", user=user, rows=rows)


def _row(world: World, name: str) -> dict[str, Any]:
    from dq_pipeline import steps

    try:
        process = world.process(name)
        found = steps.reviews(world, name, limit=1)
    except DQError as error:  # one broken process file must not hide the other processes
        return {"name": name, "title": "", "broken": str(error)}
    return {"name": name, "title": process.title, "waiting": found["waiting"], "settled": found["settled"]}
