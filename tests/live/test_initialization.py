"""A process' first release, made by Airflow."""

from __future__ import annotations

import pytest

from .platform import Line, Platform, until

pytestmark = pytest.mark.live


def test_initialization_puts_a_release_into_production(platform: Platform, initialized: tuple[Line, str]) -> None:
    line, run = initialized
    states = [
        (found["task_id"], found["state"]) for found in platform.airflow.tasks(f"{line.process}_initialization", run)
    ]
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
    release = platform.world.ledger.production(line.process)
    assert release is not None
    assert [(row.version, row.stage) for row in platform.world.ledger.releases(line.process)] == [
        (release.version, "Production")
    ]
    registry = platform.world.registry
    assert [(found.version, found.stage) for found in registry.versions(line.process)] == [
        (release.version, "Production")
    ]
    found = registry.get(line.process, "production")
    assert found is not None
    assert found.version == release.version
    assert registry.get(line.process, "staging") is None


def test_a_deployment_without_a_release_waits_and_says_so(platform: Platform, names: dict[str, str]) -> None:
    line = platform.line(names["idle"])
    line.publish(line.fresh(12))
    until(lambda: "waiting for a release" in platform.waited(line.process), "the deployment to say what it waits for")
    said = platform.waited(line.process)
    assert f"run {line.process}_initialization" in said
    assert platform.airflow.task(line.dag, line.run(), "wait")["state"] == "deferred"
    topic = platform.world.process(line.process).stream.topic
    assert platform.world.ledger.positions(line.process, topic) == {}, "nothing was read"
