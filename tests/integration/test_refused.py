"""A challenger that the gates refuse: a version all the same, promoted only by force, and taken back on probation."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dq_pipeline import steps
from dq_pipeline.errors import StateError
from dq_pipeline.steps import agenda, challenger

from .conftest import Plant, recordings  # type: ignore[import-not-found]

pytestmark = pytest.mark.integration


@pytest.fixture
def refused(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> tuple[Plant, str, str]:
    """A plant whose last retraining learned from shuffled labels; the release in Production and the refused one."""
    first = plant.initialize()
    _feed(plant, 2, 1000)
    real = challenger.train

    def shuffled(features: Any, target: Any, *rest: Any, **named: Any) -> Any:
        return real(features, np.random.default_rng(1).permutation(target), *rest, **named)

    monkeypatch.setattr(challenger, "train", shuffled)
    asked = {"key": "labels-0-1", "kind": "refit", "event": None, "span": None, "why": "50 labels", "attempts": 0}
    agenda.change(plant.world, plant.process, lambda now: replace(now, due=asked))
    ended = steps.adapt(plant.world, plant.process, holder="test")
    assert "not_worse" in ended["why"]
    monkeypatch.undo()
    row = plant.world.ledger.release_by_key(plant.process, "labels-0-1")
    assert row is not None
    return plant, first, row.version


def _feed(plant: Plant, turns: int, first: int) -> list[str]:
    """Turns of 25 recordings; the branches they took."""
    taken = []
    for turn in range(turns):
        plant.publish(recordings(25, plant.rng, first=first + 25 * turn))
        taken.append(plant.turn()["branch"])
    return taken


def test_what_the_gates_refuse_is_registered_and_promoted_by_force_alone(refused: tuple[Plant, str, str]) -> None:
    plant, first, version = refused
    world, process, key = plant.world, plant.process, "labels-0-1"
    stages = {v.version: v.stage for v in world.registry.versions(process)}
    assert stages == {first: "Production", version: "Archived"}
    newest = world.ledger.changes(process)[-1]
    assert (newest.action, newest.version) == ("reject", version)
    assert "not_worse" in newest.why
    changes = len(world.ledger.changes(process))
    for again in ({"by_hand": True, "why": "please"}, {}):
        with pytest.raises(StateError, match=r"not_worse.*--force"):
            steps.promote(world, process, key=key, who="anna", **again)
    with pytest.raises(StateError, match="reason"):
        steps.promote(world, process, key=key, who="anna", force=True, why=" ")
    with pytest.raises(StateError, match="not_worse"):
        steps.stage(world, process, key=key)
    steps.reject(world, process, key=key, why="said again")
    assert len(world.ledger.changes(process)) == changes
    assert world.ledger.production(process).version == first


def test_promoted_by_force_it_is_taken_back_and_the_ledger_tells_the_story(refused: tuple[Plant, str, str]) -> None:
    plant, first, version = refused
    world, process = plant.world, plant.process
    before = len(world.ledger.changes(process)) - 1
    steps.promote(world, process, key="labels-0-1", who="anna", force=True, why="a deliberate mistake")
    assert world.ledger.production(process).version == version
    branches = _feed(plant, 4, 2000)
    assert branches.count("roll_back") == 1
    assert world.ledger.production(process).version == first
    story = world.ledger.changes(process)[before:]
    assert [(one.action, one.version, one.who) for one in story] == [
        ("reject", version, "dq"),
        ("promote", version, "anna"),
        ("rollback", first, "dq"),
    ]
    assert "not_worse" in story[0].why
    assert story[1].why.startswith("forced by anna: a deliberate mistake (the gates refused it: not_worse")
    assert "on probation" in story[2].why
    assert story[0].at < story[1].at < story[2].at
    hold = world.ledger.hold(process)
    assert (hold.version, hold.sample, hold.why) == (first, story[2].sample, story[2].why)
    assert story[2].sample - story[1].sample <= world.process(process).promotion.probation
