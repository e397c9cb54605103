"""Tells when nobody else would: no data, growing lag, stale claims, and the four signatures of a sick loop.

`watch` looks at what the ledger counts and the broker holds, raises an alert for what is beyond its limit and clears
what is well again; people are told once. It runs every five minutes and after each release, whether the deployment runs
or not. A learned scorer that is stuck is made due, and `<process>_feedback` or the deployment asks for it. `triage`
puts the alerts that stand down to causes, one incident each. `deliver` sends the notices that are due, whatever became
of the two, and those that an address did not take before: what was told while the deployment waits is sent by it.

Parameters: none. The log of `watch` says what it looked at, with each figure and its limit; `dq watch PROCESS` says the
same. Limits are `watch` of the process file. Each alert names its page in docs/runbooks.

When it fails: read the log. Nothing is lost: the next run looks again, and tells what was not told.
"""

from __future__ import annotations

from airflow.sdk import DAG, AssetOrTimeSchedule, CronTriggerTimetable

from dq_airflow import assets, processes, trust
from dq_airflow.arguments import common
from dq_pipeline.process import Process

EVERY = "*/5 * * * *"


def watch(process: Process) -> None:
    """The DAG of one process."""
    name = process.name
    schedule = AssetOrTimeSchedule(
        assets=[assets.asset(name, "release")],
        timetable=CronTriggerTimetable(EVERY, timezone="UTC"),
    )
    with DAG(schedule=schedule, **common(process, "watch", __doc__)):
        trust.watch(name) >> trust.triage(name) >> trust.deliver(name).as_teardown()


for valid in processes.valid("watch"):
    watch(valid)
