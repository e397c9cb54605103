"""What happens when a task has failed for good."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dq_airflow import hooks

if TYPE_CHECKING:
    from airflow.sdk import Context


def failed(context: Context, *, process: str, runbook: str = "docs/runbooks/failed-run.md") -> None:
    """Let the run's batch go, so that the next run adopts it without waiting, and tell a person."""
    from dq_pipeline.records import Notice

    instance: Any = context.get("task_instance") or context.get("ti")
    error = str(context.get("exception") or "the task's process died")
    run, where = instance.run_id, f"{instance.dag_id}.{instance.task_id}"
    with hooks.open_world() as world:
        world.ledger.let_go(process, run, f"{where}: {error}", datetime.now(UTC))
        title = f"{where} failed"
        key = f"failed:{where}:{run}:{getattr(instance, 'try_number', '')}"
        text = f"{error} (run {run})"
        told = Notice(process, "warning", title, text, runbook=runbook, kind="failed", subject=where, key=key)
        world.notifier.notify(told)
