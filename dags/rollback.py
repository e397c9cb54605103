"""Takes an earlier release back into Production, whole, after a person approved it.

`approve` waits for an answer in Airflow (Required Actions) >> `roll_back`. Afterwards nothing adapts until
`dq resume`, or until a change is found that came after the rollback, so that the drift which led away from the restored
release does not start a loop.

Parameters: `version`, the release to restore (empty: the one that Production replaced), and `reason`, which the
ledger keeps with the name of who approved. Without an answer within a day nothing is changed.

When it fails: the log of `roll_back` says which versions there are. Running it again is safe.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import DAG, Param

from dq_airflow import pools, processes, tasks
from dq_airflow.arguments import common
from dq_pipeline.process import Process

PARAMS = {
    "version": Param(
        None,
        type=["null", "string"],
        pattern="^[0-9]+$",
        title="Version",
        description="The release to restore; empty: the one that Production replaced.",
    ),
    "reason": Param("", type="string", minLength=5, maxLength=1000, title="Reason", description="Why; kept for good."),
}


def rollback(process: Process) -> None:
    """The DAG of one process."""
    name = process.name
    with DAG(schedule=None, params=PARAMS, **common(process, "rollback", __doc__)):
        approve = ApprovalOperator(
            task_id="approve",
            pool=pools.ANSWER,
            subject=f"Roll {process.title} back to {{{{ params.version or 'the previous release' }}}}?",
            body="Reason: {{ params.reason }}",
            defaults="Reject",
            response_timeout=timedelta(days=1),
            execution_timeout=None,
        )
        wanted = {"version": "{{ params.version or '' }}", "why": "{{ params.reason }}"}
        tasks.roll_back(name, wanted, approval=approve.output)


for valid in processes.valid("rollback"):
    rollback(valid)
