"""The queue of reviews: its pages, and the same over HTTP."""

from __future__ import annotations

import secrets
from typing import Annotated, Any, Self, get_args
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from pydantic import Field, model_validator
from starlette.responses import Response

from dq_airflow.ui import access, assets, drawing, rendering
from dq_airflow.ui.access import Reader, Writer
from dq_airflow.ui.labels import Strict
from dq_airflow.ui.opened import World
from dq_airflow.ui.telling import tell
from dq_pipeline.records import WHY_CHARACTERS, Action, FlagKind, State

router = APIRouter()

ACTIONS = (("accept", "a", "Accept"), ("correct", "c", "Correct"), ("reject", "r", "Reject"), ("skip", "s", "Skip"))
PAGE = 50
MOST_LISTED = 500


class OpinionForm(Strict):
    """What a reviewer says; `value` of an accepted label is the one that was seen. Who it is comes from the log-in."""

    action: Action
    value: float | str | None = None
    confidence: float | None = Field(None, ge=0, le=1)
    why: str = Field("", max_length=WHY_CHARACTERS)
    token: str = Field(min_length=8, max_length=100)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.action == "correct" and self.value is None:
            raise ValueError("correct needs the right value")
        if self.action in ("reject", "skip") and self.value is not None:
            raise ValueError(f"no value is expected with {self.action}")
        if self.action == "reject" and not self.why.strip():
            raise ValueError("reject needs a reason")
        return self


# --- pages


@router.get("/{process}/reviews")
def queue(
    process: str,
    request: Request,
    user: Reader,
    world: World,
    state: State = "waiting",
    kind: Annotated[str | None, Query(max_length=60)] = None,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> Response:
    """The queue by priority, or what is settled."""
    from dq_pipeline import steps

    who = user.get_name() if state == "waiting" else None
    wanted = MOST_LISTED if kind else PAGE + 1
    found = steps.reviews(world, process, state=state, limit=wanted, offset=offset, who=who)
    items = [item for item in found["items"] if kind is None or kind in item["kinds"]]

    def query(first: int) -> str:
        return urlencode({"state": state, "offset": max(first, 0)} | ({"kind": kind} if kind else {}))

    return rendering.page(
        request,
        "queue.html",
        user=user,
        process=world.process(process),
        here=f"{rendering.root(request)}/{process}/reviews",
        state=state,
        counts={name: found[name] for name in get_args(State)},
        kinds=[str(one) for one in FlagKind],
        chosen=kind,
        items=items if kind else items[:PAGE],
        offset=offset,
        limit=PAGE,
        more=kind is None and len(items) > PAGE,
        query=query,
    )


@router.get("/{process}/reviews/{review}")
def one(process: str, review: int, request: Request, user: Reader, world: World) -> Response:
    """One review: curves, evidence, the answer, and the form to judge it."""
    from dq_pipeline import steps

    item = steps.review(world, process, review)
    settings, who = world.process(process), user.get_name()
    waiting, before, after, place = _around(world, process, review, who)
    return rendering.page(
        request,
        "review.html",
        user=user,
        process=settings,
        item=item,
        queue=f"{rendering.root(request)}/{process}/reviews",
        drawn=drawing.curves(item, {name: sensor.unit for name, sensor in settings.sensors.items()}),
        scale=drawing.scale(item),
        plotly=assets.plotly_address(),
        actions=ACTIONS,
        may_write=access.may_write(request, user, process),
        judged=any(said["who"] == who and said["action"] != "skip" for said in item["opinions"]),
        token=secrets.token_urlsafe(16),
        why_characters=WHY_CHARACTERS,
        waiting=waiting,
        previous=before,
        next=after,
        place=place,
    )


# --- the same for programs


@router.get("/api/{process}/reviews")
def list_reviews(
    process: str,
    user: Reader,
    world: World,
    state: State = "waiting",
    limit: Annotated[int, Query(ge=1, le=MOST_LISTED)] = PAGE,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    mine: bool = False,
) -> Any:
    """The queue by priority, or what is settled; `mine` leaves out what the user has judged."""
    from dq_pipeline import steps

    who = user.get_name() if mine else None
    return steps.reviews(world, process, state=state, limit=limit, offset=offset, who=who)


@router.get("/api/{process}/reviews/{review}")
def get_review(process: str, review: int, _: Reader, world: World) -> Any:
    """One review with its flags, opinions, curves and band."""
    from dq_pipeline import steps

    return steps.review(world, process, review)


@router.post("/api/{process}/reviews/{review}/opinions")
def add_opinion(
    process: str,
    review: int,
    user: Writer,
    said: Annotated[OpinionForm, Depends(access.body(OpinionForm))],
    world: World,
) -> Any:
    """Judge as the user who is logged in; the same token twice changes nothing. Says which review comes `next`."""
    from dq_pipeline import steps

    who, value = user.get_name(), _value(said.value, world.process(process).target.classes)
    _, _, after, _ = _around(world, process, review, who)
    judged = steps.judge(
        world,
        process,
        review,
        who=who,
        action=said.action,
        value=value,
        confidence=said.confidence,
        why=said.why.strip(),
        token=said.token,
    )
    if judged["new"] and judged["state"] == "settled":
        tell(process, "reviews", {"review": review, "outcome": judged["outcome"]})
    return judged | {"next": after}


def _value(said: float | str | None, classes: tuple[str, ...]) -> float | None:
    """A number, or the index of a class that is named."""
    if said is None or (isinstance(said, float) and not classes):
        return said
    if said in classes:
        return float(classes.index(str(said)))
    if isinstance(said, float) and said in range(len(classes)):
        return said
    expected = f"one of {', '.join(classes)}" if classes else "a number"
    raise HTTPException(422, f"value: expected {expected}; found {str(said)[:80]!r}")


def _around(world: World, process: str, review: int, who: str) -> tuple[int, int | None, int | None, int | None]:
    """How many wait for this person, the review before and after this one in the queue, and its place from 1."""
    from dq_pipeline import steps

    ids = steps.waiting_for(world, process, who, limit=MOST_LISTED)
    if review not in ids:
        return len(ids), None, ids[0] if ids else None, None
    at = ids.index(review)
    others = ids[at + 1 :] or ids[:at]  # after the last one, those that were passed over
    return len(ids), ids[at - 1] if at else None, others[0] if others else None, at + 1
