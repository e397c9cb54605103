"""The quality settings at work: a swept threshold, a curated reference, a learned scorer under its oracle's eye."""

from __future__ import annotations

import json

import pytest

from dq_pipeline import steps
from dq_pipeline.steps.oracle import FILE
from dq_pipeline.steps.serving import in_production

from .conftest import Plant, recordings  # type: ignore[import-not-found]

pytestmark = pytest.mark.integration


def test_the_swept_threshold_and_the_curation_travel_in_the_release(plant: Plant) -> None:
    plant.edit(quality={"threshold": "sweep", "min_retained": 0.8})
    plant.initialize()
    bundle = in_production(plant.world, plant.process).bundle
    assert bundle.settings["quality"]["threshold"] == "sweep"
    assert bundle.swept_threshold == bundle.threshold == bundle.metrics["threshold"]
    assert bundle.threshold in {trial["threshold"] for trial in bundle.metrics["sweep"]}
    assert all(trial["retained"] >= 0.8 for trial in bundle.metrics["sweep"])
    assert {part: told["of"] for part, told in bundle.metrics["curation"].items()} == {"reference": 220, "history": 220}
    plant.publish(recordings(20, plant.rng, first=1000))
    plant.answer()
    scores = plant.rows("SELECT unified, accepted FROM dq.scores WHERE process = %s AND scope = 'completion'")
    assert len(scores) == 20
    assert all(accepted == (unified >= bundle.threshold) for unified, accepted in scores)


def test_the_oracle_has_the_learned_scorer_fitted_anew_and_nothing_else(plant: Plant) -> None:
    tolerance = 1e-6  # no learned scorer is that good: the first twenty re-scored samples ask for another
    plant.edit(quality={"scorer": "learned", "oracle_share": 0.5, "oracle_tolerance": tolerance})
    first = plant.initialize()
    before = in_production(plant.world, plant.process).bundle
    assert before.learned_scorer is not None
    for begin in (1000, 1030):
        plant.publish(recordings(30, plant.rng, first=begin))
        decided = plant.turn()
        if decided["branch"] == "adapt":
            break
    assert decided["kind"] == "rereference"
    assert "disagree" in decided["why"]
    folder = plant.world.ledger.committed(plant.process)[0].uri
    beside = json.loads(plant.world.lake.get(f"{folder}/{FILE}"))
    assert 5 <= len(beside["direct"]) == len(beside["learned"]) <= 25

    serving = in_production(plant.world, plant.process)
    after = serving.bundle
    assert serving.version != first
    assert after.learned_scorer is not None
    assert after.learned_scorer.name != before.learned_scorer.name
    assert after.completion_scorer is not None
    assert before.completion_scorer is not None
    assert after.completion_scorer.to_bytes() == before.completion_scorer.to_bytes()
    assert after.model.to_bytes() == before.model.to_bytes()
    assert (after.rebuilding, after.stream_starts_at) == (before.rebuilding, before.stream_starts_at)
    plant.publish(recordings(5, plant.rng, first=2000))
    assert plant.turn()["branch"] == "nothing", "the new one has not been looked at often enough"
    assert steps.status(plant.world, plant.process)["recordings"]["read"] >= 35
