"""Asks a person whether a release that passed every gate may go into Production, and waits for the answer.

Only for processes with `promotion: {approval: human}`. Started by the process' initialization and adaptation, which do
not wait for it: the release in Production goes on answering the stream. `approve` >> `heed` >> `promote`, or `reject`.

Parameters: `key` and `version` of the staged release, given by the run that staged it. Without an answer within a week
the release is rejected.

When it fails: clear the failed task; what was promoted already stays so.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import DAG, Param

from dq_airflow import pools, processes, tasks
from dq_airflow.arguments import common
from dq_pipeline.process import Process

PARAMS = {
    "key": Param("", type="string", minLength=1, title="Key", description="The staged release's key."),
    "version": Param("", type="string", minLength=1, title="Version", description="Its version in the registry."),
}


def promotion(process: Process) -> None:
    """The DAG of one process."""
    name = process.name
    with DAG(schedule=None, params=PARAMS, **common(process, "promotion", __doc__)):
        approve = HITLOperator(
            task_id="approve",
            pool=pools.ANSWER,
            subject=f"Promote release {{{{ params.version }}}} of {process.title}?",
            body="It passed every gate and is in Staging.",
            options=["Approve", "Reject"],
            defaults="Reject",
            response_timeout=timedelta(days=7),
            execution_timeout=None,
        )
        staged = {"key": "{{ params.key }}"}
        answer = tasks.heed(name, approve.output, {"Approve": "promote", "Reject": "reject"})
        tasks.promote(name, staged, approval=answer)
        tasks.reject(name, staged, approval=answer)


for valid in processes.valid("promotion"):
    if valid.promotion.approval == "human":
        promotion(valid)
