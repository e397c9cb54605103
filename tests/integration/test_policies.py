"""The policy that a process file names, in the loop on real servers."""

from __future__ import annotations

import pytest

from dq_pipeline.steps.serving import in_production

from .conftest import Plant, recordings  # type: ignore[import-not-found]

pytestmark = pytest.mark.integration


def test_the_passive_policy_refits_on_schedule_and_leaves_the_reference_alone(plant: Plant) -> None:
    plant.edit(drift={"policy": "passive", "passive_every": 50, "false_alarms_per_1000": 0.01})
    plant.initialize()
    asked = []
    for begin in range(1000, 1075, 25):
        plant.publish(recordings(25, plant.rng, first=begin))
        decided = plant.turn()
        asked.append((decided["kind"], decided["event"]))
    assert asked == [(None, None), ("refit", None), (None, None)]
    assert len(plant.world.ledger.events(plant.process)) == 0
    assert [row.kind for row in plant.world.ledger.releases(plant.process)][:1] == ["initial"]
    bundle = in_production(plant.world, plant.process).bundle
    assert (bundle.reference_from, bundle.rebuilding) == (None, False)
