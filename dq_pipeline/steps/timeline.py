"""What happened to a process, sample by sample, from the ledger's rows alone."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from dq_pipeline.ports import World
from dq_pipeline.records import Observation

MOST = 5000
"""Samples that are looked at together."""
TRAILING = 25
"""Samples behind each point of the error's line."""
_FEWEST = 5
_CHANGES = {"promote": "promotion", "rollback": "rollback", "resume": "resumed"}


def timeline(world: World, process: str, *, last: int = 1000, stop: int | None = None) -> dict[str, Any]:
    """The `last` completed samples before number `stop`, by default the newest; raw data is not read.

    Returns
    -------
    dict
        `first`, `stop`, `count` (completed samples in all); `series`: of each sample, in stream order, its `sample`,
        `start`, `batch`, `release`, `unified`, `threshold`, `statistic`, `drift_threshold`, `latency_s`, the `error` of
        its answer where the truth is known (0 or 1 where the target is a class), `trailing_error` over the newest 25,
        `expected_error` (said before the truth was known) and `offline_error` (of the release, when it was evaluated);
        `marks`: adaptations, promotions, rollbacks and drift events in that stretch; `batches`: the same per
        micro-batch, newest first; `error_is`: what the error is, with its unit; `detector`.
    """
    settings = world.process(process)
    last = min(max(last, 1), MOST)
    count = world.ledger.sample_count(process)
    stop = count if stop is None else min(max(stop, 0), count)
    first = max(stop - last, 0)
    rows = world.ledger.observations(process, first_sample=first, stop_sample=stop) if stop > first else ()
    classes = settings.target.task == "classification"
    lines = {row.version: row.metrics for row in world.ledger.releases(process)}
    series = [_point(row, lines.get(row.release or "", {}), classes=classes) for row in rows]
    _trail(series)
    unit = "" if settings.target.unit == "1" else f", {settings.target.unit}"
    return {
        "process": process,
        "first": first,
        "stop": stop,
        "count": count,
        "series": series,
        "marks": _marks(world, process, first, stop),
        "batches": _by_batch(series),
        "error_is": "share of wrong classes" if classes else f"mean absolute error{unit}",
        "detector": settings.drift.detector,
    }


def _point(row: Observation, lines: Mapping[str, float], *, classes: bool) -> dict[str, Any]:
    error = None
    if row.target is not None and row.value is not None and row.fallback is None:
        error = float(round(row.value) != round(row.target)) if classes else abs(row.value - row.target)
    late = None if row.came_at is None or row.answered_at is None else (row.answered_at - row.came_at).total_seconds()
    wrong = lines.get("accuracy")
    return {
        "sample": row.sample,
        "sample_id": row.sample_id,
        "start": row.start.isoformat(),
        "batch": row.batch_id,
        "release": row.release,
        "unified": row.unified,
        "accepted": row.accepted,
        "threshold": lines.get("line/threshold"),
        "statistic": row.drift_statistic,
        "drift_threshold": lines.get("line/drift_threshold"),
        "latency_s": late,
        "error": error,
        "expected_error": row.expected_error,
        "offline_error": (None if wrong is None else 1.0 - wrong) if classes else lines.get("mae"),
    }


def _trail(series: Sequence[dict[str, Any]]) -> None:
    """Give each point the mean error of the newest samples up to it whose truth is known."""
    known: list[float] = []
    for point in series:
        if point["error"] is not None:
            known.append(point["error"])
        seen = known[-TRAILING:]
        new = point["error"] is not None and len(seen) >= _FEWEST
        point["trailing_error"] = sum(seen) / len(seen) if new else None


def _marks(world: World, process: str, first: int, stop: int) -> list[dict[str, Any]]:
    """What was changed, and what was found, in stream order."""
    kinds = {row.version: row.kind for row in world.ledger.releases(process)}
    found = [
        {
            "kind": "adaptation" if adapted(change.action, kinds.get(change.version, "")) else _CHANGES[change.action],
            "sample": change.sample,
            "at": change.at.isoformat(),
            "release": change.version,
            "event": None,
            "what": f"release {change.version}, by {change.who}: {change.why}",
        }
        for change in world.ledger.changes(process)
        if change.action in _CHANGES and first <= change.sample <= stop
    ]
    found += [
        {
            "kind": "drift",
            "sample": event.sample,
            "at": event.opened_at.isoformat(),
            "release": event.release,
            "event": event.id,
            "what": f"event {event.id}, since about sample {event.change_point:.0f}, {event.state}"
            + (f": {event.outcome}" if event.outcome else ""),
        }
        for event in world.ledger.events(process)
        if first <= event.sample <= stop
    ]
    return sorted(found, key=lambda mark: mark["sample"])


def adapted(action: str, kind: str) -> bool:
    """Whether a promotion brought a release that was made because of the stream."""
    return action == "promote" and kind != "initial"


def _by_batch(series: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    found = []
    for batch, points in groupby(series, key=lambda point: point["batch"]):
        own = list(points)
        found.append(
            {
                "batch": batch,
                "first": own[0]["sample"],
                "stop": own[-1]["sample"] + 1,
                "start": own[0]["start"],
                "accepted": sum(point["accepted"] for point in own),
                "unified": _middle(own, "unified"),
                "statistic": max((p["statistic"] for p in own if p["statistic"] is not None), default=None),
                "error": _mean(own, "error"),
                "latency_s": _middle(own, "latency_s"),
            }
        )
    return found[::-1]


def _middle(points: Sequence[Mapping[str, Any]], name: str) -> float | None:
    known = [point[name] for point in points if point[name] is not None]
    return statistics.median(known) if known else None


def _mean(points: Sequence[Mapping[str, Any]], name: str) -> float | None:
    known = [point[name] for point in points if point[name] is not None]
    return sum(known) / len(known) if known else None
