"""The catalogue: what there is, where it comes from, how it was validated, how it fails, and who looked at it."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from dq_airflow.ui import access, rendering
from dq_airflow.ui.opened import World
from dq_pipeline.errors import DQError

router = APIRouter()


@router.get("/about/catalogue")
def catalogue(
    request: Request,
    user: access.User,
    world: World,
    kind: Annotated[str | None, Query(max_length=30)] = None,
    stale: bool = False,
) -> Response:
    """Every entry of one kind; of sensors, contracts and releases those of processes that the user may look at."""
    from dq_pipeline import steps
    from dq_pipeline.adapters.checkout import Checkout

    entries = steps.catalog(world, [name for name in sorted(access.readable(user)) if _valid(world, name)], Checkout())
    counts = Counter(str(entry.kind) for entry in entries)
    chosen = kind if kind in counts else next(iter(counts), None)
    return rendering.page(
        request,
        "catalogue.html",
        user=user,
        counts=counts,
        kind=chosen,
        stale=stale,
        look=sum(bool(entry.stale) for entry in entries),
        entries=[entry for entry in entries if (bool(entry.stale) if stale else entry.kind == chosen)],
    )


def _valid(world: World, name: str) -> bool:
    """Whether a process' file can be read: a broken one must not hide the catalogue."""
    try:
        world.process(name)
    except DQError:
        return False
    return True
