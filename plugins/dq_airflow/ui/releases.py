"""Releases: which there are, how they differ, and the way back to an earlier one."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from pydantic import Field, StringConstraints
from starlette.responses import Response

from dq_airflow.ui import access, confirming, rendering, running
from dq_airflow.ui.access import Reader, Writer
from dq_airflow.ui.confirming import Confirmed
from dq_airflow.ui.opened import World

router = APIRouter()

FEWEST, MOST = 5, 1000
"""Characters of a reason, as the DAG takes them."""
MOST_COMPARED = 6
_FIGURES = ("mae", "rmse", "r2", "accuracy", "f1")


class Back(Confirmed):
    """Which release is to answer again, and why."""

    version: str = Field(pattern="^[0-9]{1,9}$")
    why: Annotated[str, StringConstraints(strip_whitespace=True, min_length=FEWEST, max_length=MOST)]


@router.get("/{process}/releases")
def releases(process: str, request: Request, user: Reader, world: World) -> Response:
    """The ledger of releases and of every change of them."""
    from dq_pipeline import steps

    found = steps.release_list(world, process)
    return rendering.page(
        request,
        "releases.html",
        user=user,
        process=world.process(process),
        place="releases",
        found=found,
        figures=[name for name in _FIGURES if any(name in row["metrics"] for row in found["releases"])],
        fewest=FEWEST,
        most=MOST,
        may_write=running.may_run(request, user, dag_of(process)),
        token=confirming.issue(user, process, "rollback", found["production"]),
    )


@router.get("/{process}/releases/compare")
def compare(
    process: str,
    request: Request,
    user: Reader,
    world: World,
    version: Annotated[list[str], Query(max_length=MOST_COMPARED)] = [],  # noqa: B006 - FastAPI copies it
) -> Response:
    """Two or more releases beside each other."""
    from dq_pipeline import steps

    found = steps.compare_releases(world, process, version) if len(set(version)) > 1 else None
    return rendering.page(
        request,
        "compared.html",
        user=user,
        process=world.process(process),
        place="releases",
        found=found,
    )


@router.post("/api/{process}/rollback")
def roll_back(
    process: str,
    request: Request,
    user: Writer,
    said: Annotated[Back, Depends(access.body(Back))],
    world: World,
) -> Any:
    """Start the DAG `<process>_rollback`, which asks for approval and then restores the release.

    There is one way back, with its approval and its record in Airflow; the page only asks for it. The same token twice
    is one run.
    """
    from dq_pipeline import steps

    if not running.may_run(request, user, dag_of(process)):
        raise HTTPException(403, f"The right to run {dag_of(process)} was expected.")
    current = world.ledger.production(process)
    name = confirming.check(said.token, user, process, "rollback", None if current is None else current.version)
    steps.restorable(world, process, said.version)
    asked = {"version": said.version, "reason": said.why}
    started = running.start(dag_of(process), f"page-{name}", asked, user.get_name())
    home = rendering.root(request).removesuffix("/dq")
    page = f"{home}/dags/{quote(dag_of(process))}/runs/{quote(started.run_id)}"
    words = "It waits for approval in Airflow, under Required Actions."
    if started.paused:
        words = f"The DAG {dag_of(process)} is paused: it begins once somebody unpauses it."
    return {"run": started.run_id, "new": started.new, "paused": started.paused, "page": page, "told": words}


def dag_of(process: str) -> str:
    """The DAG that restores a release."""
    return f"{process}_rollback"
