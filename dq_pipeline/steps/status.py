"""Everything a person asks first about a process."""

from __future__ import annotations

from typing import Any

import numpy as np

from dq_pipeline.model.evaluation import CLASSIFICATION, REGRESSION
from dq_pipeline.ports import World
from dq_pipeline.steps.drift_evidence import standing_of
from dq_pipeline.steps.govern import governor
from dq_pipeline.steps.incidents import listed
from dq_pipeline.steps.readiness import Watch
from dq_pipeline.steps.rollout import rollouts

NEWEST = 200


def status(world: World, process: str) -> dict[str, Any]:
    """Counts, releases, drift events and figures, as one document."""
    settings = world.process(process)
    ledger = world.ledger
    production, hold = ledger.production(process), ledger.hold(process)
    return {
        "process": process,
        "title": settings.title,
        "state": Watch(world, process).look().as_dict(),
        "production": None if production is None else production.version,
        "drift_watch": None if production is None else standing_of(world, production),
        "pending_settings": production is not None and production.settings_hash != settings.settings_hash(),
        "governor": None if production is None else governor(world, process),
        "hold": None if hold is None else {"version": hold.version, "since": hold.since.isoformat(), "why": hold.why},
        **ledger.summary(process),
        "releases": [
            {
                "version": row.version,
                "stage": row.stage,
                "kind": row.kind,
                "event": row.event,
                "samples": row.samples,
                "created_at": row.created_at.isoformat(),
                **live_figures(world, process, row.version),
            }
            for row in ledger.releases(process)
        ],
        "rollouts": [] if production is None else rollouts(world, process),
        "drift_events": [
            {
                "id": event.id,
                "state": event.state,
                "sample": event.sample,
                "change_point": event.change_point,
                "sensors": list(event.sensors),
                "named": list(event.evidence.get("named", event.sensors)),
                "calibrated": event.calibrated,
                "rebuilding": bool(event.evidence.get("rebuilding", False)),
                "uncalibrated": str(event.evidence.get("uncalibrated", "")),
                "alarms": event.alarms,
                "outcome": event.outcome,
                "cause": event.evidence.get("cause"),
            }
            for event in ledger.events(process)
        ],
        "incidents": listed(ledger.incidents(process)),
        "changes": [
            {
                "action": change.action,
                "version": change.version,
                "previous": change.previous,
                "who": change.who,
                "why": change.why,
                "at": change.at.isoformat(),
            }
            for change in ledger.changes(process)
        ],
        "losses": [
            {"topic": loss.topic, "partition": loss.partition, "start": loss.start, "stop": loss.stop}
            for loss in ledger.losses(process)
        ],
    }


def live_figures(
    world: World, process: str, release: str | None, *, last: int = NEWEST, first_sample: int = 0
) -> dict[str, Any]:
    """How a release does on the stream: its metrics on the newest answered samples whose target is known.

    Fallback answers are not the model's and are left out; `judged` counts what is left.
    """
    rows = world.ledger.judged(process, last=last, release=release, first_sample=first_sample)
    rows = [row for row in rows if row.fallback is None and row.value is not None]
    metrics = REGRESSION if world.process(process).target.task == "regression" else CLASSIFICATION
    if not rows:
        return {"judged": 0, **dict.fromkeys(metrics)}
    truth = np.array([row.target for row in rows])
    value = np.array([row.value for row in rows], dtype=np.float64)
    figures = {name: float(metric(truth, value)) for name, metric in metrics.items()}
    return {"judged": len(rows), **{name: v if np.isfinite(v) else None for name, v in figures.items()}}
