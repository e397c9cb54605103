"""Samples over HTTP, for sources that cannot speak Kafka."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request

from dq_airflow.ui import access
from dq_airflow.ui.access import Writer
from dq_airflow.ui.labels import partly
from dq_airflow.ui.opened import World

router = APIRouter(prefix="/api/{process}")

JSON, ARROW = "application/json", "application/vnd.apache.arrow.stream"


def _most(process: str, _: Writer, world: World) -> int:
    """Bytes of a request: as many as one message may have, and room for a list of smaller ones."""
    return max(access.MAX_BODY_BYTES, world.process(process).stream.max_message_bytes)


async def _sent(request: Request, most: Annotated[int, Depends(_most)]) -> tuple[bytes, Any]:
    """The body and its form, read only after the writer is known."""
    kind = access.content_type(request)
    if kind not in (JSON, ARROW):
        raise HTTPException(422, f"Content-Type {JSON} or {ARROW} was expected; found {kind[:80] or 'none'}.")
    return await access.content(request, most), "json" if kind == JSON else "arrow"


@router.post("/samples")
def post(process: str, _: Writer, sent: Annotated[tuple[bytes, Any], Depends(_sent)], world: World) -> Any:
    """Publish samples; brokers have them before the answer is given: 202, or 422 where messages were refused."""
    from dq_pipeline import steps

    return partly(steps.post(world, process, *sent), 202)
