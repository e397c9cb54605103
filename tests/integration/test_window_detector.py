"""The window detector in the loop: it alarms, says why and by how much, and what that is worth stands in the status."""

from __future__ import annotations

import pytest

from dq_pipeline import steps
from dq_pipeline.drift.divergences import DIVERGENCES

from .conftest import Plant, recordings  # type: ignore[import-not-found]

pytestmark = pytest.mark.integration


def test_a_drift_is_found_with_every_divergence_beside_it_and_the_new_reference_says_it_is_short(plant: Plant) -> None:
    plant.edit(drift={"detector": "window", "tau": 0.01, "draws": 200})
    plant.initialize()
    watch = steps.status(plant.world, plant.process)["drift_watch"]
    assert (watch["detector"], watch["state"], watch["rebuilding"]) == ("window", "calibrated", False)
    for begin in (1000, 1030, 1060):
        plant.publish(recordings(30, plant.rng, first=begin, shift=4.0 if begin > 1000 else 0.0), ("completion",))
        plant.answer()
    (alarm, *others) = plant.world.ledger.drift_alarms(plant.process, first_sample=30, stop_sample=90)
    assert 30 <= alarm.sample < 60
    assert alarm.evidence["rebuilding"] is False
    moved = alarm.evidence["divergences"]
    assert moved["samples"] == 25
    assert set(moved["sensors"]) == {"flow", "inlet", "outlet"}
    assert set(DIVERGENCES) < set(moved["sensors"]["flow"])
    assert moved["p"]["combined"] < 0.01
    assert others[-1].sample >= 85

    for begin in range(1090, 1250, 30):
        plant.publish(recordings(30, plant.rng, first=begin, shift=4.0), ("completion",))
        plant.turn()
    found = steps.status(plant.world, plant.process)
    assert found["drift_watch"]["state"] == "uncalibrated"
    assert found["drift_watch"]["rebuilding"]
    assert "the level needs 200" in found["drift_watch"]["why"]
    told = [notice.detail for notice in plant.notices.told if "is in Production" in notice.title]
    assert "drift watch: window, uncalibrated, rebuilding" in told[-1]
