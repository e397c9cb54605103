"""Makes the release that is due, beside the stream, which the release in Production goes on answering.

`retrain` takes up what the ledger says is due >> `evaluate` >> `stage` >> `promote`, or `reject`. Started by the asset
`dq://<process>/due`: `decide` of the deployment emits it, and a run that ends while more is due.

Parameters: none. Started by hand it does what is due, or skips everything and says in the log of `retrain` why not. A
rollback that comes meanwhile wins: `promote` is skipped then, and its log says what happened.

When it fails: read the failed task's log. Nothing is lost: what is due is asked for again with a later micro-batch, and
the next run goes on from what was built. After five attempts it is given up and reported.
"""

from __future__ import annotations

from airflow.sdk import DAG

from dq_airflow import assets, groups, processes, tasks
from dq_airflow.arguments import common
from dq_pipeline.process import Process


def adaptation(process: Process) -> None:
    """The DAG of one process."""
    name = process.name
    with DAG(schedule=[assets.asset(name, "due")], **common(process, "adaptation", __doc__)):
        groups.release(process, tasks.retrain(name))


for valid in processes.valid("adaptation"):
    adaptation(valid)
