"""An adaptation beside the stream: nothing starts it twice, nothing is lost meanwhile, and a rollback wins."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from dq_pipeline import steps
from dq_pipeline.cli import run
from dq_pipeline.cli.background import Child
from dq_pipeline.steps import agenda
from dq_pipeline.steps.serving import in_production

from .conftest import Plant, recordings  # type: ignore[import-not-found]

pytestmark = pytest.mark.integration


@pytest.fixture
def drifted(plant: Plant) -> Plant:
    """A plant whose drift asks for an adaptation nobody has begun."""
    plant.initialize()
    plant.publish(recordings(50, plant.rng, first=1000))
    plant.answer()
    for begin in range(1100, 1500, 25):
        if feed(plant, begin)["branch"] == "adapt":
            return plant
    raise AssertionError("a drift expected to be found within 400 recordings")


def feed(plant: Plant, first: int) -> dict[str, Any]:
    plant.publish(recordings(25, plant.rng, first=first, shift=4.0))
    plant.answer()
    return steps.decide(plant.world, plant.process)


def test_the_stream_goes_on_and_is_told_to_the_policy_while_it_learns(drifted: Plant) -> None:
    world, process = drifted.world, drifted.process
    begun = agenda.begin(world, process, "learner")
    assert isinstance(begun, dict)
    for begin in range(2000, 2150, 25):
        decided = feed(drifted, begin)
        assert decided["branch"] == "nothing"
        assert "under way" in decided["why"]
    now = agenda.read(world, process)
    assert now.sequence == world.ledger.committed(process)[-1].sequence, "every batch was shown"
    assert now.due is not None
    assert now.due["key"] == begun["key"], "what is under way stays what it is"
    assert now.then is not None, "the reference of the new regime waits"
    assert now.then["span"] is not None
    assert "held by learner" in steps.adapt(world, process, holder="another")["why"]
    first = steps.adapt(world, process, holder="learner")
    assert world.ledger.production(process).version == first.get("version"), first
    ended = []
    while steps.ask(world, process):
        ended.append(steps.adapt(world, process, holder="learner"))
    assert ended, "what was asked for meanwhile is due"
    assert in_production(world, process).bundle.stream_starts_at == now.then["span"][1], ended
    assert agenda.read(world, process).due is None
    assert (drifted.summary()["gaps"], drifted.summary()["duplicates"]) == (0, 0)


def test_a_rollback_meanwhile_wins(drifted: Plant) -> None:
    world, process = drifted.world, drifted.process
    first = world.ledger.production(process).version
    key = steps.retrain(world, process, holder="learner")["key"]
    assert steps.evaluate(world, process, key=key)["passed"]
    staged = steps.stage(world, process, key=key)["version"]
    steps.roll_back(world, process, version=other(drifted), who="anna", why="sensor replaced")
    promoted = steps.promote(world, process, key=key)
    assert promoted["version"] is None
    assert "on hold" in promoted["refused"] or "expected to be due" in promoted["refused"]
    assert world.ledger.production(process).version == first
    assert {row.version: row.stage for row in world.ledger.releases(process)}[staged] == "Archived"
    assert "came too late" in drifted.notices.titles()
    assert steps.retrain(world, process, holder="learner")["key"] is None, "on hold"


def test_another_release_put_into_production_by_hand_meanwhile_stays_and_the_drift_is_due_again(drifted: Plant) -> None:
    world, process = drifted.world, drifted.process
    key = steps.retrain(world, process, holder="learner")["key"]
    steps.stage(world, process, key=key)
    other_key = drifted.initialize("other", promote=False)
    rival = version_of(drifted, other_key)
    world.ledger.move_release(process, rival, "promote", who="anna", why="", now=agenda.utc_now())
    promoted = steps.promote(world, process, key=key)
    assert "built and judged" in promoted["refused"]
    assert world.ledger.production(process).version == rival
    due = agenda.read(world, process).due
    assert due is not None
    assert due["key"].startswith(key)
    assert due["key"] != key
    steps.adapt(world, process, holder="learner")
    assert world.ledger.release_by_key(process, due["key"]).stage == "Production"


def test_an_attempt_that_lost_its_lease_leaves_nothing_that_counts(
    drifted: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, process = drifted.world, drifted.process
    made: list[dict[str, Any]] = []
    real = agenda.renew

    def overtaken(*args: Any) -> bool:
        """Just before the first attempt declares what it made, a second one does all of it."""
        if not made:
            made.append({})
            now = agenda.read(world, process)
            agenda.write(world, process, now, replace(now, due={**(now.due or {}), "until": None}))
            made.append(steps.adapt(world, process, holder="second"))
        return real(*args)

    monkeypatch.setattr(agenda, "renew", overtaken)
    first = steps.retrain(world, process, holder="first")
    assert first["key"] is None
    assert "no longer due" in first["why"]
    assert world.ledger.production(process).version == made[1]["version"]
    promotions = [change for change in world.ledger.changes(process) if change.action == "promote"]
    assert len(promotions) == 2
    assert steps.promote(world, process, key=made[1]["key"])["version"] == made[1]["version"], "said again, nothing new"
    assert len([change for change in world.ledger.changes(process) if change.action == "promote"]) == 2


def test_dq_run_learns_in_a_process_beside_the_stream(plant: Plant) -> None:
    first = plant.initialize()
    plant.publish(recordings(50, plant.rng, first=1000))
    run.loop(plant.world, plant.process, "cli", until_idle=True)
    plant.publish(recordings(150, plant.rng, first=1100, shift=4.0))
    said: list[str] = []
    told = run.loop(plant.world, plant.process, "cli", until_idle=True, say=said.append)
    assert (told["failures"], told["predictions"]) == (0, 150), said
    assert told["adaptations"] >= 1, said
    assert plant.world.ledger.production(plant.process).version != first, said
    assert any("is in Production" in line for line in said), "what it did is said"
    assert any("calibrate" in line for line in said), "and how far it got"
    assert agenda.read(plant.world, plant.process).due is None, "waited for"


def test_an_adaptation_that_is_stopped_is_free_to_be_taken_up_again(drifted: Plant) -> None:
    world, process = drifted.world, drifted.process
    child = Child(world, process, "cli")
    deadline = time.monotonic() + 60
    while not (agenda.read(world, process).due or {}).get("attempts"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert not agenda.ask(world, process), "it is held"
    child.stop()
    assert agenda.ask(world, process)
    assert steps.adapt(world, process, holder="another")["version"]


def other(plant: Plant) -> str:
    """A second release that was in Production once."""
    first = plant.world.ledger.production(plant.process).version
    key = plant.initialize("other", promote=False)
    now = agenda.utc_now()
    plant.world.ledger.move_release(
        plant.process, version_of(plant, key), "promote", who="anna", why="to compare", now=now
    )
    return str(first)


def version_of(plant: Plant, key: str) -> str:
    row = plant.world.ledger.release_by_key(plant.process, key)
    assert row is not None
    return str(row.version)
