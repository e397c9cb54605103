"""Makes the published experiments, and those of the project, again.

`make`, one mapped task an experiment >> `report`, which writes the page `experiments/index.html` of all that were made.
Results go to the folder `experiments` in DQ_VAR; the recorded processes take part where DQ_DATA_DIR names their data.

Parameters: `experiments`, which of them, and `quick`: few samples and seeds, to see that it works. A full run takes up
to an hour of the pool `dq_learn`.

When it fails: read the failed task's log and clear it; each experiment replaces its own file only.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, Param

from dq_airflow.experiments import chosen, make, report
from dq_pipeline.experiments.experiment import EXPERIMENTS

PARAMS = {
    "experiments": Param(
        list(EXPERIMENTS),
        type="array",
        items={"type": "string", "enum": list(EXPERIMENTS)},
        examples=list(EXPERIMENTS),
        minItems=1,
        uniqueItems=True,
        title="Experiments",
        description="Which to make again.",
    ),
    "quick": Param(True, type="boolean", title="Quick", description="Few samples and seeds; proves no figure."),
}


with DAG(
    dag_id="dq_experiments",
    description="The published experiments and those of the project",
    doc_md=__doc__,
    tags=["dq", "experiments"],
    schedule=None,
    start_date=datetime(2025, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    params=PARAMS,
    default_args={
        "owner": "dq",
        "retries": 1,
        "retry_delay": timedelta(seconds=10),
        "execution_timeout": timedelta(hours=2),
    },
):
    report(make.expand(name=chosen()))
