"""Holds what production gives against what was promised of it offline, and says which of the two has moved.

`reconcile` judges every contract of the process with intervals: breach, watch, hold or not enough data; asks the
release for the recordings of its trace and of the newest micro-batch again, bit for bit; and looks at times, columns,
units and metadata. `audit` compares the newest readings of every sensor, as they came, with the release's reference.
What is broken or at fault is raised as an alert, and `triage` puts alerts down to their causes, in one incident each; a
rollback that comes of it is done by the deployment. Started by the assets `dq://<process>/release` and
`dq://<process>/drift`, and every 15 minutes. Before there is a release it does nothing.

Parameters: `first` and `stop`, numbers of samples, for the samples first <= number < stop instead of the newest; what
`reconcile` finds of these is kept, and nothing is raised or cleared. The audit always looks at the newest.

When it fails: read the failed task's log. Nothing is lost: the same window twice is one row, the same cause one
incident, and the next run looks again. `dq contracts PROCESS --check` and `dq audit PROCESS` do the same by hand.
"""

from __future__ import annotations

from airflow.sdk import DAG, AssetOrTimeSchedule, CronTriggerTimetable, Param

from dq_airflow import assets, processes, trust
from dq_airflow.arguments import common
from dq_pipeline.process import Process

EVERY = "*/15 * * * *"
_NUMBER = {"type": ["null", "integer"], "minimum": 0}
PARAMS = {
    "first": Param(
        None, **_NUMBER, title="First", description="Number of the first sample, beside `stop`; empty: the newest."
    ),
    "stop": Param(None, **_NUMBER, title="Stop", description="One past the number of the last sample."),
}


def reconciliation(process: Process) -> None:
    """The DAG of one process."""
    name = process.name
    schedule = AssetOrTimeSchedule(
        assets=assets.asset(name, "release") | assets.asset(name, "drift"),
        timetable=CronTriggerTimetable(EVERY, timezone="UTC"),
    )
    with DAG(schedule=schedule, params=PARAMS, **common(process, "reconciliation", __doc__)):
        [trust.reconcile(name), trust.audit(name)] >> trust.triage(name)


for valid in processes.valid("reconciliation"):
    reconciliation(valid)
