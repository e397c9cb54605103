"""Makes the process' first release, or a new one, from its history.

`plan` (fits the reference and cuts the history into chunks) >> `annotate`, one mapped task a chunk >> `unify` (quality
scorers and threshold) >> `train` (model, intervals, drift detector) >> `evaluate` >> `stage` >> `promote`, or `reject`.

Parameters: `samples`, how many recordings of the history to read (the process file's `history.samples` if empty), and
`chunk`, how many of them one task reads. It may run while the deployment runs: the new release takes over whole.

When it fails: read the failed task's log, correct the history or the process file, and clear the failed task: finished
chunks are not read again.
"""

from __future__ import annotations

from airflow.sdk import DAG, Param

from dq_airflow import groups, processes, tasks
from dq_airflow.arguments import common
from dq_pipeline.process import Process

PARAMS = {
    "samples": Param(
        None,
        type=["null", "integer"],
        minimum=20,
        maximum=1_000_000,
        title="Recordings",
        description="How many recordings of the history to read; empty: history.samples of the process file.",
    ),
    "chunk": Param(
        100,
        type="integer",
        minimum=1,
        maximum=10_000,
        title="Recordings a task",
        description="How many recordings one mapped task reads.",
    ),
}


def initialization(process: Process) -> None:
    """The DAG of one process."""
    name = process.name
    arguments = common(process, "initialization", __doc__)
    with DAG(schedule=None, params=PARAMS, **arguments):
        annotated = tasks.annotate.expand(name, chunk=tasks.plan(name))
        groups.release(process, tasks.train(name, tasks.unify(name, annotated)))


for valid in processes.valid("initialization"):
    initialization(valid)
