"""A regime that comes back, on real servers: its release is put back instead of being learned anew."""

from __future__ import annotations

import pytest

from dq_pipeline import steps
from dq_pipeline.steps.serving import in_production

from .conftest import Plant, recordings  # type: ignore[import-not-found]

pytestmark = pytest.mark.integration


def _stream(plant: Plant, first: int, stop: int, shift: float) -> list[str]:
    """Runs of one regime, 25 at a time; the kinds of adaptation that they asked for."""
    kinds = []
    for begin in range(first, stop, 25):
        plant.publish(recordings(25, plant.rng, first=begin, shift=shift))
        decided = plant.turn()
        kinds += [decided["kind"]] if decided["branch"] == "adapt" else []
    return kinds


def test_a_regime_that_comes_back_is_recognised_and_its_release_reinstated(plant: Plant) -> None:
    plant.edit(drift={"regimes": 5, "refit_after": 75}, promotion={"probation": 0})
    initial = plant.initialize()
    _stream(plant, 1000, 1025, 0.0)
    there = _stream(plant, 1025, 1250, 4.0)
    assert "reinstate" not in there
    assert "rebuild" in there or "rereference" in there
    back = _stream(plant, 1250, 1450, 0.0)
    assert "reinstate" in back
    status = steps.status(plant.world, plant.process)
    production = next(row for row in status["releases"] if row["version"] == status["production"])
    assert production["kind"] == "reinstate"
    changes = [change for change in status["changes"] if change["version"] == production["version"]]
    assert changes[-1]["action"] == "promote"
    event = next(row for row in status["drift_events"] if row["id"] == production["event"])
    assert event["state"] == "closed"
    assert in_production(plant.world, plant.process).bundle.reference_from is None
    figures = {row["version"]: row for row in status["releases"]}
    assert figures[production["version"]]["mae"] < 1.5 * figures[initial]["mae"]
