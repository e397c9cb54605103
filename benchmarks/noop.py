"""A DAG of the deployment's shape that does nothing: what Airflow alone costs."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, BaseSensorOperator, get_current_context, task
from airflow.triggers.base import BaseTrigger, StartTriggerArgs, TaskSuccessEvent, TriggerEvent

from dq_airflow import branching

DAG_ID = "noop"
FILE = "from benchmarks.noop import noop  # Airflow looks for the word dag\n\nnoop()\n"


class NoopTrigger(BaseTrigger):
    """Fires at once."""

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and no arguments."""
        return "benchmarks.noop.NoopTrigger", {}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """End the task in the triggerer."""
        yield TaskSuccessEvent(xcoms={"return_value": {"fire": True, "why": "at once", "lag": 0}})


class NoopSensor(BaseSensorOperator):
    """Starts and ends in the triggerer."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.start_from_trigger = True
        self.start_trigger_args = StartTriggerArgs("benchmarks.noop.NoopTrigger", "execute_complete", {})


@task
def step(given: Any) -> dict[str, Any]:
    """Take a small dict and hand it on."""
    return {"batch_id": "none", "given": str(given)}


@task
def act(given: Any) -> dict[str, Any]:
    """Say when: where the deployment would have committed."""
    committed_at(str(get_current_context()["run_id"])).write_text(datetime.now(UTC).isoformat())
    return {"given": str(given)}


def committed_at(run: str, home: str | None = None) -> Path:
    """The file that holds the time of a run's `act`."""
    return Path(home or os.environ["AIRFLOW_HOME"]) / f"noop-{run}.txt"


@task
def decide(given: Any) -> None:  # noqa: ARG001 - orders the tasks
    """Follow `nothing`."""
    branching.follow(get_current_context(), {"branch": "nothing"}, {"nothing"})


def noop() -> None:
    """Add the DAG to the file being parsed."""
    with DAG(DAG_ID, schedule=None, start_date=datetime(2025, 1, 1, tzinfo=UTC), catchup=False):
        acted = act(step.override(task_id="assess")(step.override(task_id="pull")(NoopSensor(task_id="wait").output)))
        decided = decide(acted)
        decided >> [EmptyOperator(task_id="nothing"), EmptyOperator(task_id="adapt")]
        step.override(task_id="roll_back")(decided)
