"""A process' first release, made by Airflow."""

from __future__ import annotations

import pytest

from .conftest import Initialized
from .platform import Platform, until

pytestmark = pytest.mark.live


def test_initialization_puts_a_release_into_production(platform: Platform, initialized: Initialized) -> None:
    dag = f"{initialized.line.process}_initialization"
    states = [(found["task_id"], found["state"]) for found in platform.airflow.tasks(dag, initialized.run)]
    assert sorted(states) == [
        ("annotate", "success"),
        ("annotate", "success"),
        ("evaluate", "success"),
        ("plan", "success"),
        ("promote", "success"),
        ("reject", "skipped"),
        ("stage", "success"),
        ("train", "success"),
        ("unify", "success"),
    ]
    staged, first = platform.world.ledger.changes(initialized.line.process)[:2]
    assert (staged.action, first.action, first.previous) == ("stage", "promote", None)
    assert initialized.in_ledger == [(first.version, "Production")]
    assert initialized.in_registry == [(first.version, "Production")]


def test_a_deployment_without_a_release_waits_and_says_so(platform: Platform, names: dict[str, str]) -> None:
    line = platform.line(names["idle"])
    line.publish(line.fresh(12))
    until(lambda: "waiting for a release" in platform.waited(line.process), "the deployment to say what it waits for")
    said = platform.waited(line.process)
    assert f"run {line.process}_initialization" in said
    assert platform.airflow.task(line.dag, line.run(), "wait")["state"] == "deferred"
    topic = platform.world.process(line.process).stream.topic
    assert platform.world.ledger.positions(line.process, topic) == {}, "nothing was read"
