"""Which settings govern, and a process that is initialized anew while its stream goes on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dq_pipeline import steps

from .conftest import Plant, recordings  # type: ignore[import-not-found]

pytestmark = pytest.mark.integration


def test_an_edit_waits_for_the_next_release_and_says_so(plant: Plant) -> None:
    plant.initialize()
    assert not steps.status(plant.world, plant.process)["pending_settings"]
    runs = recordings(25, plant.rng, first=1000)
    plant.publish(runs)
    plant.answer()
    plant.edit(quality={"threshold": 1.0})
    assert steps.status(plant.world, plant.process)["pending_settings"]
    plant.publish([replace(run, sample_id=f"again-{run.sample_id}") for run in runs])
    plant.answer()
    scores = plant.rows("SELECT sample_id, unified, accepted FROM dq.scores WHERE process = %s ORDER BY sample_id")
    before = {name: rest for name, *rest in scores if not name.startswith("again-")}
    after = {name.removeprefix("again-"): rest for name, *rest in scores if name.startswith("again-")}
    assert [row[1] for row in after.values()] == [row[1] for row in before.values()]
    assert any(accepted for _, accepted in after.values())

    plant.edit(quality={"threshold": 0.9}, promotion={"min_retained": 0.0})
    plant.initialize("second")
    assert not steps.status(plant.world, plant.process)["pending_settings"]
    plant.publish([replace(run, sample_id=f"third-{run.sample_id}") for run in runs])
    plant.answer()
    third = [
        row
        for row in plant.rows("SELECT sample_id, unified, accepted FROM dq.scores WHERE process = %s")
        if row[0].startswith("third-")
    ]
    assert all(accepted == (unified >= 0.9) for _, unified, accepted in third)


def test_initializing_anew_while_a_batch_is_open_is_safe(plant: Plant) -> None:
    world, process = plant.world, plant.process
    first = plant.initialize()
    plant.publish(recordings(12, plant.rng, first=1000))
    landed = steps.pull(world, process, holder="run")
    assert landed is not None
    second = plant.initialize("second")
    steps.assess(world, process, batch_id=landed["batch_id"], holder="run")
    third = plant.initialize("third")
    steps.act(world, process, batch_id=landed["batch_id"], holder="run")
    assert plant.turn()["branch"] == "empty"
    plant.publish(recordings(12, plant.rng, first=2000))
    assert plant.turn()["branch"] == "nothing"
    answered = plant.rows("SELECT sample_id, release FROM dq.predictions WHERE process = %s AND role = 'champion'")
    assert sorted(release for _, release in answered) == [second] * 12 + [third] * 12
    summary = plant.summary()
    assert (summary["recordings"]["accepted"], summary["gaps"], summary["duplicates"]) == (24, 0, 0)
    assert {r.version: r.stage for r in world.ledger.releases(process)} == {
        first: "Archived",
        second: "Archived",
        third: "Production",
    }


def test_a_drift_between_training_and_promotion_is_learned(plant: Plant) -> None:
    """The new detector catches up on it with its first batch, long after the alarms would have been raised."""
    plant.initialize()
    key = plant.initialize("second", promote=False)
    plant.publish(recordings(160, plant.rng, first=1000, shift=4.0), ("completion",))
    plant.answer()
    second = steps.promote(plant.world, plant.process, key=key)["version"]
    plant.publish(recordings(10, plant.rng, first=2000, shift=4.0), ("completion",))
    assert plant.turn()["branch"] == "adapt"
    assert plant.world.ledger.production(plant.process).version != second
    (event,) = [event for event in plant.world.ledger.events(plant.process) if event.release == second]
    assert event.sample < 20


def test_the_same_initialization_twice_is_one_release(plant: Plant) -> None:
    assert plant.initialize() == plant.initialize()
    assert len(plant.world.ledger.releases(plant.process)) == 1


def test_recordings_may_take_another_form_with_a_new_initialization(plant: Plant) -> None:
    """Samples of the old form lie between the new release's training and its promotion, and after it."""
    world, process = plant.world, plant.process
    plant.initialize()
    plant.publish(recordings(30, plant.rng, first=1000))
    assert plant.answer() is not None
    kept = {name: world.process(process).sensors[name] for name in ("inlet", "flow")}
    sensors = {name: {"unit": sensor.unit, "range": list(sensor.range)} for name, sensor in kept.items()}
    plant.edit(sensors=sensors, sample={"horizon_rows": 18})
    key = plant.initialize("second", promote=False)
    plant.publish(recordings(12, plant.rng, first=2000))
    assert plant.answer() is not None, "still by the first release"
    plant.publish(recordings(12, plant.rng, first=3000))
    left = steps.pull(world, process, holder="test")
    assert left is not None
    steps.assess(world, process, batch_id=left["batch_id"], holder="test")
    second = steps.promote(world, process, key=key)["version"]
    steps.act(world, process, batch_id=left["batch_id"], holder="test")

    for first, shift in ((4000, 0.0), (4025, 0.0), (4050, 4.0), (4075, 4.0), (4100, 4.0)):
        plant.publish(recordings(25, plant.rng, first=first, shift=shift))
        plant.turn()
    (event,) = world.ledger.events(process)
    assert 104 <= event.sample < 124, "numbered in stream order, whatever was not looked at"
    (named,) = plant.rows("SELECT sample_id FROM dq.drift_alarms WHERE process = %s ORDER BY id LIMIT 1")
    assert named[0] == f"r{4050 + event.sample - 104:06d}"
    assert world.ledger.production(process).version != second, "adapted"
    assert np.isfinite(plant.figures(first_sample=150)["mae"])
