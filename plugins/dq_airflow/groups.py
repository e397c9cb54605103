"""Groups of tasks that several DAGs share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dq_airflow import pools, tasks

if TYPE_CHECKING:
    from airflow.sdk.definitions.xcom_arg import XComArg

    from dq_pipeline.process import Process


def release(process: Process, trained: XComArg) -> None:
    """From a trained challenger to its end: evaluate >> [stage >> promote, reject].

    What is rolled out ends here with `stage`: the deployment moves it on.

    Where a person must approve, the run does not wait for the answer, for what becomes due next would wait with it:
    `ask` starts `<process>_promotion`, once for each challenger, and that DAG waits.
    """
    name = process.name
    evaluated = tasks.evaluate(name, trained, passed="stage", failed="reject")
    staged = tasks.stage(name, evaluated)
    tasks.reject(name, evaluated)
    if process.promotion.approval == "none":
        tasks.promote(name, staged)
    else:
        ask(name, staged, "stage")


def ask(name: str, staged: XComArg, found_by: str) -> None:
    """Start `<process>_promotion` for the release whose `key` and `version` a task found."""
    from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator  # a fifth of the parse time

    key, version = (f"{{{{ ti.xcom_pull(task_ids='{found_by}')['{field}'] }}}}" for field in ("key", "version"))
    asked = TriggerDagRunOperator(
        task_id="ask",
        pool=pools.ANSWER,
        trigger_dag_id=f"{name}_promotion",
        trigger_run_id=f"approval__{key}",
        conf={"key": key, "version": version},
        skip_when_already_exists=True,
    )
    staged >> asked
