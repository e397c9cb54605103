"""One process over time: scores, drift, error and latency, with what was changed meanwhile."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from dq_airflow.ui import assets, rendering
from dq_airflow.ui.access import Reader
from dq_airflow.ui.drawing import thinned
from dq_airflow.ui.opened import World

router = APIRouter()

SPANS = (200, 1000, 5000)
MOST_POINTS = 1200
MOST_BATCHES = 200
MARKED = {"adaptation": "--good", "promotion": "--good", "resumed": "--muted", "rollback": "--bad", "drift": "--warn"}
"""Kind of mark -> its colour."""


@router.get("/{process}")
def one(
    process: str,
    request: Request,
    user: Reader,
    world: World,
    last: Annotated[int, Query(ge=1, le=SPANS[-1])] = 1000,
    stop: Annotated[int | None, Query(ge=0)] = None,
) -> Response:
    """The process at a glance, and its newest samples over time."""
    from dq_pipeline import steps

    (glance,) = steps.overview(world, [process])
    found = steps.timeline(world, process, last=last, stop=stop)
    return rendering.page(
        request,
        "process.html",
        user=user,
        process=world.process(process),
        place="",
        glance=glance,
        found=found,
        p=p_value(found),
        last=last,
        spans=SPANS,
        charts=charts(found),
        batches=found["batches"][:MOST_BATCHES],
        plotly=assets.plotly_address(),
    )


def p_value(found: Mapping[str, Any]) -> float | None:
    """Of the newest window, where the detector compares windows: its statistic is -log p."""
    newest = next((p["statistic"] for p in reversed(found["series"]) if p["statistic"] is not None), None)
    return math.exp(-newest) if found["detector"] == "window" and newest is not None else None


def charts(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What is drawn: of each figure its points, no more than a screen shows, and the lines that it is held against."""
    series = found["series"]
    wanted = (
        ("scores", "Quality score", ("unified", "score"), (("threshold", "accepted from"),)),
        ("drift", "Drift statistic", ("statistic", "statistic"), (("drift_threshold", "alarm above"),)),
        (
            "error",
            f"Error ({found['error_is']})",
            ("trailing_error", "mean of the newest 25"),
            (("offline_error", "when the release was evaluated"), ("expected_error", "expected beforehand")),
        ),
        ("latency", "Latency of answers (s)", ("latency_s", "latency"), ()),
    )
    return [
        {
            "id": name,
            "title": title,
            "points": _line(series, *points),
            "lines": [line for of in held if (line := _line(series, *of))["y"]],
            "marks": [{**mark, "colour": MARKED[mark["kind"]]} for mark in found["marks"]],
            "words": _words(series, points[0]),
        }
        for name, title, points, held in wanted
    ]


def _line(series: Sequence[Mapping[str, Any]], key: str, name: str) -> dict[str, Any]:
    values = [point[key] for point in series]
    kept = thinned(values, MOST_POINTS) if any(value is not None for value in values) else []
    return {
        "name": name,
        "x": [series[i]["sample"] for i in kept],
        "y": [values[i] for i in kept],
        "at": [series[i]["start"][:16].replace("T", " ") for i in kept],
        "batch": [series[i]["batch"] for i in kept],
    }


def _words(series: Sequence[Mapping[str, Any]], key: str) -> str:
    """The line in words, for who does not see it."""
    known = sorted(point[key] for point in series if point[key] is not None)
    if not known:
        return "nothing is known yet"
    middle = known[len(known) // 2]
    return f"{len(known)} samples, from {known[0]:.3g} to {known[-1]:.3g}, half of them below {middle:.3g}"
