"""Tasks die or lag behind on the live scheduler: nothing is lost, nothing is done twice, nobody gets in the way."""

from __future__ import annotations

import os
import signal
from collections import Counter

import psutil
import pytest

from dq_pipeline import steps

from .platform import Line, Platform, until

pytestmark = pytest.mark.live

POINTS = {
    "pull": ("pull", "FsspecLake.put", "before", 1),  # claimed and read, nothing landed
    "assess": ("assess", "FsspecLake.put", "before", 2),  # between two of its files
    "act": ("act", "PostgresLedger.commit", "before", 1),
    "drain": ("act", "KafkaStream.publish", "after", 1),  # sent, and not yet marked as sent
}


@pytest.mark.parametrize("point", POINTS)
def test_a_killed_task_is_tried_again_and_each_sample_is_answered_once(
    platform: Platform, pump: Line, point: str
) -> None:
    task, call, when, nth = POINTS[point]
    sent = Counter(keys(pump))
    before = pump.summary()["recordings"]["read"]
    platform.trap.set(f"{pump.dag}.{task}", call, when, nth)
    runs = pump.fresh(12)
    pump.publish(runs)
    pid = platform.trap.held()
    run = pump.run()
    held = platform.airflow.task(pump.dag, run, task)
    assert (held["state"], held["pid"], held["try_number"]) == ("running", pid, 1)
    os.kill(pid, signal.SIGKILL)
    assert platform.airflow.ended(pump.dag, run) == "success"
    again = platform.airflow.task(pump.dag, run, task)
    assert (again["state"], again["try_number"]) == ("success", 2)
    assert again["pid"] != pid

    until(pump.at_rest, "all twelve answered")
    release = platform.world.ledger.production(pump.process).version
    assert {name: [row[0] for row in rows] for name, rows in pump.predictions(runs).items()} == {
        run.sample_id: [release] for run in runs
    }
    summary = pump.summary()
    assert (summary["gaps"], summary["duplicates"], summary["outbox_pending"], summary["parked"]) == (0, 0, 0, 0)
    assert summary["recordings"]["read"] == before + 12
    now = Counter(keys(pump)) - sent
    assert len(now) == 12
    assert max(now.values()) == (2 if point == "drain" else 1), "sent again only under the same key"


def test_of_two_runs_one_claims_and_the_other_leaves(platform: Platform, pump: Line) -> None:
    platform.trap.set(f"{pump.dag}.act", "PostgresLedger.commit")
    pump.publish(pump.fresh(12))
    platform.trap.held()
    before = pump.ledger()
    assert steps.readiness(platform.world, pump.process)["state"] == "held by another run"
    assert steps.pull(platform.world, pump.process, holder="another") is None
    assert pump.ledger() == before
    run = pump.run()
    platform.trap.let_go()
    assert platform.airflow.ended(pump.dag, run) == "success"
    assert platform.airflow.task(pump.dag, run, "act")["try_number"] == 1


def test_an_orphan_that_wakes_after_its_retry_changes_nothing(platform: Platform, pump: Line) -> None:
    platform.trap.set(f"{pump.dag}.act", "PostgresLedger.commit")
    runs = pump.fresh(12)
    pump.publish(runs)
    orphan = psutil.Process(platform.trap.held())
    run = pump.run()
    assert platform.airflow.task(pump.dag, run, "act")["pid"] == orphan.pid
    supervisor = orphan.parent()
    assert supervisor is not None
    assert "airflow worker" in " ".join(supervisor.cmdline())
    supervisor.kill()
    assert platform.airflow.ended(pump.dag, run) == "success"
    assert platform.airflow.task(pump.dag, run, "act")["try_number"] == 2
    until(pump.at_rest, "all answered by the retry")
    assert orphan.is_running()
    before, sent = pump.ledger(), Counter(keys(pump))

    platform.trap.let_go()
    assert platform.trap.ended()["error"] == "LostClaimError"
    until(lambda: not orphan.is_running() or orphan.status() == psutil.STATUS_ZOMBIE, "the orphan's end")
    assert pump.ledger() == before
    assert Counter(keys(pump)) == sent
    assert all(len(rows) == 1 for rows in pump.predictions(runs).values())


def keys(line: Line) -> list[tuple[str, str]]:
    """What identifies each message on the predictions topic."""
    return [(message["sample_id"], message["release"]) for message in line.messages("predictions")]
