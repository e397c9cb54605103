"""Micro-batches: what came, how good it was by sensor, what was refused and why, and one recording of it."""

from __future__ import annotations

import logging
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from dq_airflow.ui import access, assets, confirming, drawing, rendering
from dq_airflow.ui.access import Reader, Writer
from dq_airflow.ui.confirming import FEWEST, Confirmed
from dq_airflow.ui.opened import World
from dq_pipeline.records import WHY_CHARACTERS

log = logging.getLogger(__name__)
router = APIRouter()

PAGE = 50
MOST_SENSORS = 100
MOST_SAMPLES = 500


@router.get("/{process}/batches")
def batches(
    process: str,
    request: Request,
    user: Reader,
    world: World,
    before: Annotated[int | None, Query(ge=0)] = None,
) -> Response:
    """Micro-batches, newest first."""
    from dq_pipeline import steps

    found = steps.batch_list(world, process, before=before, limit=PAGE)
    return rendering.page(
        request,
        "batches.html",
        user=user,
        process=world.process(process),
        place="batches",
        found=found,
        before=before,
    )


@router.get("/{process}/batches/{batch_id}")
def batch(process: str, batch_id: str, request: Request, user: Reader, world: World) -> Response:
    """One micro-batch, from the ledger and the profiles alone."""
    from dq_pipeline import steps

    found = steps.batch(world, process, batch_id)
    return rendering.page(
        request,
        "batch.html",
        user=user,
        process=world.process(process),
        place="batches",
        found=found,
        most_sensors=MOST_SENSORS,
        most_samples=MOST_SAMPLES,
        fewest=FEWEST,
        most=WHY_CHARACTERS,
        may_write=access.may_write(request, user, process),
        token=confirming.issue(user, process, "redrive", _standing(found)),
    )


@router.get("/{process}/sample")
def sample(
    process: str,
    request: Request,
    user: Reader,
    world: World,
    name: Annotated[str, Query(min_length=1, max_length=500)],
) -> Response:
    """One recording: its curves over the band of the reference. Only here raw data is read."""
    from dq_pipeline import steps

    settings, found = world.process(process), steps.sample(world, process, name)
    return rendering.page(
        request,
        "sample.html",
        user=user,
        process=settings,
        place="batches",
        item=found,
        drawn=drawing.curves(found, {name: sensor.unit for name, sensor in settings.sensors.items()}),
        classes=settings.target.classes,
        plotly=assets.plotly_address(),
    )


@router.post("/api/{process}/batches/{batch_id}/redrive")
def redrive(
    process: str,
    batch_id: str,
    user: Writer,
    said: Annotated[Confirmed, Depends(access.body(Confirmed))],
    world: World,
) -> Any:
    """Read a parked micro-batch again, or send what is in its quarantine again, as it first came."""
    from dq_pipeline import steps

    confirming.check(said.token, user, process, "redrive", _standing(steps.batch(world, process, batch_id)))
    done = steps.redrive(world, process, batch_id=batch_id)
    log.info("%s: batch %s sent again by %s: %s", process, batch_id, user.get_name(), said.why)
    parts = [f"{done['messages']} message{'s' if done['messages'] != 1 else ''} sent again"] if done["messages"] else []
    parts += ["the micro-batch is in line again"] if done["batches"] else []
    return done | {"told": "; ".join(parts).capitalize() or "Nothing was left to send again"}


def _standing(found: Any) -> str:
    """What a re-drive would do, so that a page that is out of date does nothing."""
    return f"{found['batch_id']}/{found['state']}/{found['waiting']}"
