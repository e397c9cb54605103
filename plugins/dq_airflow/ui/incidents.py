"""Incidents: what went wrong, what it is put down to, what happened since, and how a person ends it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from dq_airflow.ui import access, confirming, rendering, runbooks
from dq_airflow.ui.access import Reader, Writer
from dq_airflow.ui.confirming import FEWEST, Confirmed
from dq_airflow.ui.opened import World
from dq_airflow.ui.telling import tell
from dq_pipeline.records import WHY_CHARACTERS

router = APIRouter()

ENDINGS = (
    ("repaired", "It was repaired", "What the fault showed meanwhile stays out of everything that is learned."),
    ("accepted", "What is seen now is right", "It is learned: the model is fitted to it."),
)


class End(Confirmed):
    """How a person ends an incident."""

    ending: Literal["repaired", "accepted"]


@router.get("/{process}/incidents")
def incidents(
    process: str,
    request: Request,
    user: Reader,
    world: World,
    state: Annotated[Literal["open", "ended", "recorded"], Query()] = "open",
) -> Response:
    """Those that are open, those that ended, and what the ledger recorded by itself."""
    from dq_pipeline import steps

    found = steps.incident_list(world, process)
    rows = {
        "open": [row for row in found["incidents"] if row["ending"] is None],
        "ended": [row for row in reversed(found["incidents"]) if row["ending"] is not None],
        "recorded": found["recorded"],
    }
    return rendering.page(
        request,
        "incidents.html",
        user=user,
        process=world.process(process),
        place="incidents",
        state=state,
        rows=rows[state],
        counts={name: len(own) for name, own in rows.items()},
    )


@router.get("/{process}/incidents/{number}")
def incident(process: str, number: int, request: Request, user: Reader, world: World) -> Response:
    """One incident in full, with the words of its runbook and the form that ends it."""
    from dq_pipeline import steps

    found = steps.incident(world, process, number)
    return rendering.page(
        request,
        "incident.html",
        user=user,
        process=world.process(process),
        place="incidents",
        found=found,
        runbook=runbooks.rendered(str(found["cause"])),
        endings=ENDINGS,
        fewest=FEWEST,
        most=WHY_CHARACTERS,
        may_write=access.may_write(request, user, process),
        token=confirming.issue(user, process, "close", number),
    )


@router.post("/api/{process}/incidents/{number}/close")
def close(
    process: str, number: int, user: Writer, said: Annotated[End, Depends(access.body(End))], world: World
) -> Any:
    """End it, as the user who is logged in; the same ending again changes nothing."""
    from dq_pipeline import steps

    confirming.check(said.token, user, process, "close", number)
    who, accept = user.get_name(), said.ending == "accepted"
    ended = steps.close_incident(world, process, number, accept=accept, who=who, why=said.why)
    if ended["learned"]:
        tell(process, "due", {"incident": number, "why": said.why})
    return ended
