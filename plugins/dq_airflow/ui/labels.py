"""Labels and reports over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse

from dq_airflow.ui.access import Writer, body
from dq_airflow.ui.opened import World
from dq_airflow.ui.telling import tell
from dq_pipeline.records import WHY_CHARACTERS

router = APIRouter(prefix="/api/{process}")

MAX_LABELS = 10_000
Ident = Annotated[str, Field(min_length=1, max_length=200)]


class Strict(BaseModel):
    """What a client sends: nothing unknown, nothing converted."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class LabelRow(Strict):
    """One label; whether its value fits the process is judged row by row."""

    sample_id: Ident
    value: float | str
    at: str | None = Field(None, max_length=64)
    source: Ident | None = None
    annotator: Ident | None = None


class Labels(Strict):
    """Labels sent together."""

    labels: list[LabelRow] = Field(min_length=1, max_length=MAX_LABELS)


class Report(Strict):
    """What a person says of a sample."""

    sample_id: Ident
    why: str = Field(min_length=1, max_length=WHY_CHARACTERS)
    rating: int | None = Field(None, ge=1, le=5)
    reject: bool = False


@router.post("/labels")
def add_labels(process: str, user: Writer, sent: Annotated[Labels, Depends(body(Labels))], world: World) -> Any:
    """Take labels; those known already change nothing. Where a row names no annotator, the user is it.

    They are in the ledger before the answer is given: 200, or 422 where rows were refused; the others are taken.
    """
    from dq_pipeline import steps

    rows = [{"annotator": user.get_name(), **row.model_dump(exclude_none=True)} for row in sent.labels]
    taken = steps.add_labels(world, process, rows, origin="http")
    if taken["new"]:
        tell(process, "labels", {"new": taken["new"]})
    return partly(taken, 200)


def partly(taken: dict[str, Any], status: int) -> JSONResponse:
    """`status` where all rows were taken, else 422: a client that reads nothing but the status must not lose any."""
    refused = taken["refused"]
    if not refused:
        return JSONResponse(taken, status)
    first = f"the first: row {refused[0]['row']}: {refused[0]['reason']}: {refused[0]['detail']}"
    return JSONResponse({"detail": f"{len(refused)} of {taken['read']} rows were refused, {first}", **taken}, 422)


@router.post("/reports")
def report(process: str, user: Writer, sent: Annotated[Report, Depends(body(Report))], world: World) -> Any:
    """Record what the user says of a sample; the same words twice are one report."""
    from dq_pipeline import steps

    return steps.report(
        world, process, sent.sample_id, why=sent.why, who=user.get_name(), rating=sent.rating, reject=sent.reject
    )
