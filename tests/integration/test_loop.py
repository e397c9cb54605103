"""The thin loop through all servers: one sample in, one prediction out, one release promoted; then a drift."""

from __future__ import annotations

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


def test_a_drift_is_caught_learned_and_the_stream_after_it_predicted(plant: Plant) -> None:
    first = plant.initialize()
    for begin in range(1000, 1200, 25):
        plant.publish(recordings(25, plant.rng, first=begin))
        assert plant.turn()["branch"] == "nothing"
    for begin in range(1200, 1500, 25):
        plant.publish(recordings(25, plant.rng, first=begin, shift=4.0))
        plant.turn()
    status = steps.status(plant.world, plant.process)
    releases = {row["version"]: row for row in status["releases"]}
    assert status["production"] != first
    assert releases[first]["stage"] == "Archived"
    assert 200 <= status["drift_events"][0]["sample"] < 240
    assert (status["gaps"], status["duplicates"]) == (0, 0)
    assert status["recordings"]["read"] == status["recordings"]["accepted"] == 500
    stale = plant.figures(first_sample=200, release=first)["mae"]
    assert plant.figures(first_sample=425)["mae"] < 0.3 * stale
