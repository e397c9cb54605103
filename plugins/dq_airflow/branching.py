"""A branch that skips everything it does not follow at once.

Airflow's own branch skips its direct neighbours only; the rest of a group then skips one task per scheduler loop.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk.bases.skipmixin import XCOM_SKIPMIXIN_FOLLOWED, XCOM_SKIPMIXIN_KEY
from airflow.sdk.exceptions import DownstreamTasksSkipped

if TYPE_CHECKING:
    from airflow.sdk import Context


def follow(context: Context, result: Mapping[str, Any] | None, chosen: Collection[str]) -> None:
    """End the task as a success with `result`, go on with the tasks in `chosen`, and skip all others that follow.

    Parameters
    ----------
    chosen
        Ids of tasks directly downstream; what lies downstream of them is kept too.

    Raises
    ------
    DownstreamTasksSkipped
        Where there is something to skip: this is how Airflow is told.
    ValueError
        If a chosen task is not directly downstream.
    """
    task = context["task"]
    direct = task.downstream_task_ids
    if unknown := sorted(set(chosen) - direct):
        raise ValueError(f"expected tasks directly after {task.task_id} ({sorted(direct)}); found {unknown}")
    kept = set(chosen).union(*(_after(task, name) for name in chosen))
    skipped = (direct | {name for each in direct for name in _after(task, each)}) - kept
    if skipped:
        instance = context["ti"]
        instance.xcom_push(key="return_value", value=result)
        instance.xcom_push(key=XCOM_SKIPMIXIN_KEY, value={XCOM_SKIPMIXIN_FOLLOWED: sorted(chosen)})
        raise DownstreamTasksSkipped(tasks=sorted(skipped))  # type: ignore[no-untyped-call]


def _after(task: Any, name: str) -> set[str]:
    return set(task.dag.get_task(name).get_flat_relative_ids(upstream=False))
