"""Settings that decide: those in force, and what an edit of the process file changes at the next release."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from dq_airflow.ui import rendering
from dq_airflow.ui.access import Reader
from dq_airflow.ui.opened import World

router = APIRouter()


@router.get("/{process}/settings")
def settings(process: str, request: Request, user: Reader, world: World) -> Response:
    """What is pending, and all settings that decide, as the process file has them."""
    from dq_pipeline import steps

    found = steps.pending_settings(world, process)
    return rendering.page(
        request, "settings.html", user=user, process=world.process(process), place="settings", found=found
    )
