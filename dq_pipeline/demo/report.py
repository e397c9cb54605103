"""What a demo found, as figures; and whether it is what a demo must find."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dq_pipeline import evidence
from dq_pipeline.demo import loop
from dq_pipeline.demo.director import Played
from dq_pipeline.demo.scene import EVERY
from dq_pipeline.demo.timeline import Timeline
from dq_pipeline.model.evaluation import CLASSIFICATION, REGRESSION
from dq_pipeline.process import Process
from dq_pipeline.records import Change, DriftAlarm, Judged
from dq_pipeline.steps import status
from dq_pipeline.wiring import World

SECONDS_BAR = 360.0
"""What a demo may take with packages and jars cached, on two cores."""


def summarize(world: World, played: Played, timeline: Timeline) -> dict[str, Any]:
    """Everything the demo is asked for, as JSON can hold it."""
    process, found = played.process, status(world, played.process.name)
    numbers = {row["sample_id"]: row["sample"] for row in world.ledger.samples(process.name, EVERY)}
    injected_at = numbers.get(played.feed.injected or "")
    alarms = world.ledger.drift_alarms(process.name, first_sample=0, stop_sample=EVERY)
    caught = detected(alarms, injected_at, played.plan.drift.sensors)
    done = {row["id"]: f"{row['outcome'] or row['state']}" for row in found["drift_events"]}
    earlier = [alarm for alarm in alarms if injected_at is None or alarm.sample < injected_at]
    rows = {row.version: row for row in world.ledger.releases(process.name)}
    learned = _learned(world.ledger.changes(process.name), caught)
    judged = world.ledger.judged(process.name, last=EVERY)
    return {
        "process": process.name,
        "seconds": round(timeline.seconds, 1),
        "recordings": found["recordings"],
        "fed": played.feed.manifest(process, played.sent)["recordings"],
        "with_fault": len(played.feed.faults),
        "unified": found["unified"],
        "drift": {
            "injected_at": injected_at,
            "detected_at": None if caught is None else caught.sample,
            "sensors": [] if caught is None else list(caught.sensors),
            "change_point": None if caught is None else round(caught.change_point, 1),
            "injected_sensors": list(played.plan.drift.sensors),
            "earlier_alarms": [_earlier(alarm, found["drift_events"], done) for alarm in earlier],
        },
        "releases": [
            {
                "version": row["version"],
                "stage": row["stage"],
                "mae": _figure(row, rows[row["version"]].metrics, "mae"),
                "r2": _figure(row, rows[row["version"]].metrics, "r2"),
                "kind": row["kind"],
                "judged_on_stream": row["judged"],
                "trained_on": row["samples"],
            }
            for row in found["releases"]
        ],
        "figures": {} if injected_at is None else figures(process, judged, learned, injected_at),
        "alarms": found["alarms"],
        "drift_alarms": found["drift_alarms"],
        "ledger": {"gaps": found["gaps"], "duplicates": found["duplicates"]},
        "production": found["production"],
        "learned": learned,
        "predicted_after": sum(row.release in learned for row in judged),
        "loop": loop.told(world, played),
        "where_time_went": timeline.as_dict(),
        "urls": {"airflow": played.endpoints.airflow_url, "mlflow": played.endpoints.mlflow_uri},
    }


def detected(alarms: Sequence[DriftAlarm], injected_at: int | None, sensors: Sequence[str]) -> DriftAlarm | None:
    """The alarm that found the injected drift: the first from there on that names one of its sensors."""
    if injected_at is None:
        return None
    later = [alarm for alarm in alarms if alarm.sample >= injected_at]
    return next((alarm for alarm in later if not alarm.sensors or set(alarm.sensors) & set(sensors)), None)


def figures(
    process: Process, judged: Sequence[Judged], learned: Sequence[str], injected_at: int
) -> dict[str, dict[str, Any]]:
    """On the stream: the releases from before the drift was found, before and after it, and those that learned it."""
    old = [row for row in judged if row.release not in learned]
    return {
        "before the drift": _judge(process, [row for row in old if row.sample < injected_at]),
        "after it, not learned yet": _judge(process, [row for row in old if row.sample >= injected_at]),
        "after it, learned": _judge(process, [row for row in judged if row.release in learned]),
    }


def shortcomings(summary: dict[str, Any]) -> list[str]:
    """What a demo must find and this one did not; empty if all is well."""
    drift, recordings, ledger = summary["drift"], summary["recordings"], summary["ledger"]
    quarantined = sum(recordings["quarantined"].values())
    stages = [row["stage"] for row in summary["releases"]]
    checks = {
        "the injected drift was not found": drift["detected_at"] is not None,
        "the injected recording was not numbered": drift["injected_at"] is not None,
        f"a retrained release in Production and the earlier ones Archived expected; found {', '.join(stages)}": (
            summary["production"] in summary["learned"]
            and stages.count("Production") == 1
            and stages[0] == "Archived"
            and all(stage in ("Production", "Archived") for stage in stages)
        ),
        "no release that learned the drift predicted anything": summary["predicted_after"] > 0,
        f"{recordings['read']} read are not {recordings['accepted']} accepted plus {quarantined} quarantined": (
            recordings["read"] == recordings["accepted"] + quarantined
        ),
        f"{summary['fed']} recordings fed, {recordings['read']} read": summary["fed"] == recordings["read"],
        f"the ledger has {ledger['gaps']} gaps": ledger["gaps"] == 0,
        f"the ledger has {ledger['duplicates']} duplicates": ledger["duplicates"] == 0,
    }
    found = [text for text, good in checks.items() if not good]
    return found if summary["loop"] is None else found + loop.shortcomings(summary["loop"])


def evidence_rows(summary: dict[str, Any]) -> list[dict[str, Any]]:
    """The demo's figures as evidence: how long it took, how late the drift was found, what learning it was worth."""
    name, drift, errors = summary["process"], summary["drift"], summary["figures"]
    stale, learned = (errors.get(which, {}) for which in ("after it, not learned yet", "after it, learned"))
    rows = [evidence.row(f"demo/{name}/seconds", round(summary["seconds"], 1), "s", bar=SECONDS_BAR)]
    if drift["injected_at"] is not None and drift["detected_at"] is not None:
        rows.append(
            evidence.row(f"demo/{name}/drift_found_after", drift["detected_at"] - drift["injected_at"], "samples")
        )
    if "mae" in stale and "mae" in learned:
        rows.append(evidence.row(f"demo/{name}/mae_learned", learned["mae"], "target's unit", against=stale["mae"]))
    return rows if summary["loop"] is None else rows + loop.evidence_rows(name, summary["loop"])


def _earlier(alarm: DriftAlarm, events: Sequence[dict[str, Any]], done: dict[int, str]) -> dict[str, Any]:
    """An alarm of the data's own; it belongs to the newest event that began no later."""
    event = max((row["id"] for row in events if row["sample"] <= alarm.sample), default=None)
    return {
        "sample": alarm.sample,
        "change_point": round(alarm.change_point, 1),
        "sensors": list(alarm.sensors),
        "event": event,
        "done": done.get(event, "") if event is not None else "",
    }


def _figure(live: dict[str, Any], gates: Any, name: str) -> float | None:
    """On the stream, or, where the release predicted nothing there, as its gates saw it."""
    value = live.get(name) if live["judged"] else gates.get(name)
    return None if value is None or not np.isfinite(value) else round(float(value), 5)


def _judge(process: Process, rows: Sequence[Judged]) -> dict[str, Any]:
    kept = [row for row in rows if row.fallback is None and row.value is not None]
    metrics = REGRESSION if process.target.task == "regression" else CLASSIFICATION
    if not kept:
        return {"samples": 0}
    truth = np.array([row.target for row in kept])
    value = np.array([row.value for row in kept], dtype=np.float64)
    found = {name: float(metric(truth, value)) for name, metric in metrics.items()}
    return {"samples": len(kept)} | {n: round(v, 5) if np.isfinite(v) else None for n, v in found.items()}


def _learned(changes: Sequence[Change], caught: DriftAlarm | None) -> list[str]:
    """Releases that came into Production after the drift was found."""
    if caught is None:
        return []
    found = [row.version for row in changes if row.action == "promote" and row.sample >= caught.sample]
    return list(dict.fromkeys(found))
