"""Trains again when what production tells asks for it: labels, flags, the error seen, or time.

`take_labels` joins labels that came late >> `fill_queue` puts flagged samples into the review queue and settles what is
clear >> `govern` asks the governor. Started by the assets `dq://<process>/labels` and `dq://<process>/reviews`, and
every ten minutes, for flags and labels that came by themselves, and for trainings that had to wait. What is due is told
as the asset `dq://<process>/due`, which starts `<process>_adaptation`: its challenger passes every gate or is refused,
whatever asked for it.

Parameters: none. The log of `govern` says why, and why not; `dq governor PROCESS` says the same. What asks for a
training and what objects to it is `feedback.retrain` of the process file. Labels that this run takes start it once
more, which finds nothing new.

When it fails: read the failed task's log. Nothing is lost: labels are taken up from where they were last read, and the
next run asks again.
"""

from __future__ import annotations

from airflow.sdk import DAG, AssetOrTimeSchedule, CronTriggerTimetable

from dq_airflow import assets, processes, tasks
from dq_airflow.arguments import common
from dq_pipeline.process import Process

BACKSTOP = "*/10 * * * *"


def feedback(process: Process) -> None:
    """The DAG of one process."""
    name = process.name
    schedule = AssetOrTimeSchedule(
        assets=assets.asset(name, "labels") | assets.asset(name, "reviews"),
        timetable=CronTriggerTimetable(BACKSTOP, timezone="UTC"),
    )
    with DAG(schedule=schedule, **common(process, "feedback", __doc__)):
        tasks.take_labels(name, released=True) >> tasks.fill_queue(name) >> tasks.govern(name)


for valid in processes.valid("feedback"):
    feedback(valid)
