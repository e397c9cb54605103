"""Where a person must approve, a staged release waits and nothing is done over."""

from __future__ import annotations

import pytest

from dq_pipeline import steps

from .conftest import Plant, recordings  # type: ignore[import-not-found]

pytestmark = pytest.mark.integration


def test_a_staged_release_waits_for_its_approval(plant: Plant) -> None:
    world, process = plant.world, plant.process
    plant.edit(promotion={"approval": "human"})
    first = plant.initialize()
    decided = {"branch": "nothing"}
    for begin in range(1000, 1500, 25):
        plant.publish(recordings(25, plant.rng, first=begin, shift=4.0 if begin >= 1050 else 0.0))
        plant.answer()
        decided = steps.decide(world, process)
        if decided["branch"] == "adapt":
            break
    key = steps.retrain(world, process, holder="test")["key"]
    staged = steps.stage(world, process, key=key)["version"]
    waiting = steps.decide(world, process)
    assert waiting["branch"] == "nothing"
    assert "approval" in waiting["why"]
    assert world.ledger.production(process).version == first
    steps.promote(world, process, key=key, who="anna", why="looked at it")
    assert world.ledger.production(process).version == staged
    assert world.ledger.changes(process)[-1].who == "anna"
