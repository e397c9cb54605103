"""Injects a fault into a copy of the stream, and reports whether it was found, named and told of.

`drill` copies the newest recordings of the lake, damages them, and runs them through the release in Production as the
stream runs, in a copy of the process' ledger that is thrown away: answers, training data, incidents and notices of the
process are not touched. A drill that was missed, put down to another cause or told to nobody is an alert of the kind
`drill` until one of the same fault passes.

Scheduled every `drill.every_h` hours of the process file, not at all without. Parameters: `fault` (empty: by turns
those of the process file), `severity` (empty: the fault's medium), and `sensor`, hit where the fault hits one. The
task's result holds the verdict, and the samples and seconds each took; `dq drill PROCESS --past` lists all.

When it fails: read its log. A drill is not run, and says so, while the process is on hold, drifts, or has a sensor at
fault. The same run never drills twice.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, DeltaTriggerTimetable, Param

from dq_airflow import processes, trust
from dq_airflow.arguments import common
from dq_pipeline.process import Process
from dq_pipeline.sections.watch import FAULTS

PARAMS = {
    "fault": Param(
        None,
        type=["null", "string"],
        enum=[None, *FAULTS],
        title="Fault",
        description="What is injected; empty: by turns those of the process file.",
    ),
    "severity": Param(
        None,
        type=["null", "number"],
        exclusiveMinimum=0,
        title="Severity",
        description="How hard; empty: the fault's medium.",
    ),
    "sensor": Param(
        None,
        type=["null", "string"],
        title="Sensor",
        description="Hit where the fault hits one; empty: that of the process file, or by turns.",
    ),
}


def drill(process: Process) -> None:
    """The DAG of one process."""
    every_h = process.drill.every_h
    schedule = None if every_h is None else DeltaTriggerTimetable(timedelta(hours=every_h))
    with DAG(schedule=schedule, params=PARAMS, **common(process, "drill", __doc__)):
        trust.drill(process.name)


for valid in processes.valid("drill"):
    drill(valid)
