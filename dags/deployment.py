"""Answers the process' stream, one micro-batch a run, and adapts when it drifts.

`wait` (in the triggerer, without a worker) >> `pull` >> `assess` >> `act`, which commits; then `decide` takes late
labels in, moves a release that is rolled out on (shadow, canary, Production, or let go) and asks the ledger what comes
next: `nothing`, `adapt`, `roll_back`, or `ask` for a person's approval, where the process file wants it.
`adapt` only tells: the asset `dq://<process>/due` starts `<process>_adaptation`, and the stream goes on beside it.

Parameters: none. A new run begins as soon as one ends. Without a release in Production it waits and says so in the log
of `wait`: run the process' initialization. After a failure it waits longer each time (up to five minutes).

When it fails: read the failed task's log. Nothing is lost: the next run takes the same micro-batch up again; one that
fails `stream.max_attempts` times is parked and reported, and `dq redrive` takes it up once the cause is gone.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG

from dq_airflow import groups, processes, tasks
from dq_airflow.arguments import common
from dq_airflow.sensors import MicroBatchSensor
from dq_pipeline.process import Process

BRANCHES = {"nothing": "nothing", "adapt": "adapt", "roll_back": "roll_back", "ask": "nothing"}


def deployment(process: Process) -> None:
    """The DAG of one process."""
    name = process.name
    arguments = common(process, "deployment", __doc__)
    asks = process.rollout.asks and process.promotion.approval == "human"
    with DAG(schedule="@continuous", max_consecutive_failed_dag_runs=200, **arguments):
        ready = MicroBatchSensor(
            task_id="wait",
            process=name,
            retries=10,
            retry_delay=timedelta(seconds=10),
            max_retry_delay=timedelta(minutes=5),
            execution_timeout=None,
        )
        acted = tasks.act(name, tasks.assess(name, tasks.pull(name, ready.output)))
        decided = tasks.decide(name, BRANCHES | ({"ask": "ask"} if asks else {}))
        acted >> decided >> [EmptyOperator(task_id="nothing"), EmptyOperator(task_id="adapt")]
        tasks.roll_back(name, decided)
        if asks:
            groups.ask(name, decided, "decide")


for valid in processes.valid("deployment"):
    deployment(valid)
