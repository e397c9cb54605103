"""The inventory of a process' sensors, with what the newest audit said of each."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from dq_airflow.ui import rendering
from dq_airflow.ui.access import Reader
from dq_airflow.ui.opened import World

router = APIRouter()


@router.get("/{process}/sensors")
def sensors(process: str, request: Request, user: Reader, world: World) -> Response:
    """Every sensor, those that the audit complains of first."""
    from dq_pipeline import steps

    rows = steps.sensors(world, process)
    rows.sort(key=lambda row: (row["audit"] is None or row["audit"]["verdict"] == "none", row["sensor"]))
    settings = world.process(process)
    return rendering.page(
        request, "sensors.html", user=user, process=settings, place="sensors", rows=rows, encoded=settings.encoded
    )
