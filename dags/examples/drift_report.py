"""A data engineer's own DAG: it runs whenever drift is found in the vacuum process.

It takes one task of the platform (`take_labels`: with a drift, fresh labels matter), adds a task of its own, and a
branch of its own: an alarm of several sensors goes to the process engineers, one of a single sensor to maintenance.

Parameters: none. When it fails: nothing else waits for it; clear the failed task.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from airflow.sdk import DAG, task

from dq_airflow import assets, tasks

PROCESS = "vacuum"


@task
def summary(triggering_asset_events: Any = None) -> dict[str, Any]:
    """What the triggering drift events say: how many, and the newest one's extra."""
    events = [event for found in triggering_asset_events.values() for event in found]
    return {"events": len(events), "newest": dict(events[-1].extra) if events else {}}


@task.branch
def addressee(found: dict[str, Any]) -> str:
    """Several alarms at once mean that the process moved; a single one may be a sensor."""
    return "process_engineers" if found["newest"].get("drift_alarms", 0) > 1 else "maintenance"


@task
def process_engineers(found: dict[str, Any]) -> str:
    """The process moved."""
    return f"{PROCESS} drifted: {found['newest']}"


@task
def maintenance(found: dict[str, Any]) -> str:
    """One sensor may be at fault."""
    return f"{PROCESS}: look at one sensor: {found['newest']}"


with DAG(
    dag_id=f"example_{PROCESS}_drift_report",
    schedule=[assets.asset(PROCESS, "drift")],
    start_date=datetime(2025, 1, 1, tzinfo=UTC),
    catchup=False,
    tags=["dq", "example"],
    default_args={"owner": "you"},
    doc_md=__doc__,
):
    found = summary()
    tasks.take_labels(PROCESS) >> found
    addressee(found) >> [process_engineers(found), maintenance(found)]
