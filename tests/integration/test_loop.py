"""The thin loop through all servers: one sample in, one prediction out, one release promoted; then a drift."""

from __future__ import annotations

import json

import pytest

from dq_pipeline import steps

from .conftest import Plant, recordings  # type: ignore[import-not-found]

pytestmark = pytest.mark.integration


def test_a_sample_in_a_prediction_out_a_release_promoted(plant: Plant) -> None:
    version = plant.initialize()
    plant.publish(recordings(1, plant.rng, first=1000))
    assert plant.turn()["branch"] == "nothing"
    process = plant.world.process(plant.process)
    marks = plant.world.stream.watermarks(process.stream.predictions_topic)
    assert sum(end for _, end in marks.values()) == 1
    summary = plant.world.ledger.summary(plant.process)
    assert summary["recordings"]["read"] == summary["recordings"]["accepted"] == 1
    assert plant.world.ledger.production(plant.process).version == version
