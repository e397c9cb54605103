"""A sensor in another unit is named within one window; corrected, its stream goes on, and the audit still sees it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from dq_pipeline import steps
from dq_pipeline.errors import StateError
from dq_pipeline.samples import SampleBatch
from dq_pipeline.steps.clock import utc_now
from dq_pipeline.steps.serving import in_production
from dq_pipeline.steps.stretch import recorded

from .conftest import SENSORS, Plant, recordings  # type: ignore[import-not-found]

pytestmark = pytest.mark.integration
GAIN, OFFSET = 1.8, 32.0


def _feed(plant: Plant, first: int, n: int = 25, *, fahrenheit: bool = False, firmware: str = "2.0") -> None:
    runs = []
    for run in recordings(n, plant.rng, first=first):
        values = run.values.copy()
        if fahrenheit:
            values[:, SENSORS.index("inlet")] = values[:, SENSORS.index("inlet")] * GAIN + OFFSET
        runs.append(replace(run, values=values, metadata={"firmware.inlet": firmware}))
    plant.publish(runs)
    assert plant.answer() is not None


def _batches(plant: Plant, *, raw: bool) -> list[SampleBatch]:
    world = plant.world
    rows = [row for row in world.ledger.committed(plant.process, first_sample=0) if row.samples]
    return [SampleBatch.from_bytes(world.lake.get(f"{row.uri}/samples.npz"), raw=raw) for row in rows]


def test_another_unit_is_named_corrected_and_seen_to_end(running: Plant) -> None:
    plant, world, name = running, running.world, running.process
    _feed(plant, 1000)
    well = steps.audit(world, name)
    assert (well["faults"], well["raised"], well["anomalies"]) == (0, [], [])
    assert [one["fault"] for one in well["findings"]] == ["none"] * 3

    _feed(plant, 2000, fahrenheit=True, firmware="2.1")
    found = steps.audit(world, name)
    (inlet,) = [one for one in found["findings"] if one["fault"] != "none"]
    assert (inlet["sensor"], inlet["fault"], inlet["text"]) == ("inlet", "unit", "reads degF for degC")
    assert (inlet["gain"], inlet["offset"]) == pytest.approx((GAIN, OFFSET))
    assert abs(inlet["start"] - 25) <= 1
    assert found["raised"] == ["inlet"]
    (odd,) = found["anomalies"]
    assert (odd["kind"], odd["sensor"], odd["sample"]) == ("changed", "inlet", 25)
    assert "firmware went from 2.0 to 2.1" in odd["text"]
    (alert,) = world.ledger.alerts(name, standing=True)
    assert (alert.alert.kind, alert.alert.key, alert.alert.subject) == ("audit", "audit:inlet", "inlet")
    assert steps.audit(world, name)["raised"] == [], "the same samples twice are one audit"
    assert len(world.ledger.audits(name)) == 6

    world.ledger.correct(name, "inlet", GAIN, OFFSET, None, "anna", "reads degF", utc_now())
    _feed(plant, 3000, fahrenheit=True)
    raw, turned_back = _batches(plant, raw=True)[-1], _batches(plant, raw=False)[-1]
    assert np.median(raw.values[:, :, 1]) > 100
    assert np.median(turned_back.values[:, :, 1]) == pytest.approx(52, abs=2)
    accepted = [one["accepted"] for one in _scores(plant)[-25:]]
    assert sum(accepted) >= 22, "corrected samples are good ones"
    serving = in_production(world, name)
    assert np.median(recorded(world, serving, 50, 75).values[:, :, 1]) < 60
    assert np.median(recorded(world, serving, 50, 75, raw=True).values[:, :, 1]) > 100
    still = steps.audit(world, name, window=25)
    assert still["faults"] == 1, "a correction hides nothing from an audit"
    (row,) = [one for one in steps.sensors(world, name) if one["sensor"] == "inlet"]
    assert row["correction"]["gain"] == GAIN
    assert row["audit"]["verdict"] == "unit"

    world.ledger.uncorrect(name, "inlet", "anna", "repaired", utc_now())
    _feed(plant, 4000)
    over = steps.audit(world, name, window=25)
    assert (over["faults"], over["cleared"]) == (0, ["inlet"])
    assert world.ledger.alerts(name, standing=True) == []
    assert np.array_equal(_batches(plant, raw=True)[-1].values, _batches(plant, raw=False)[-1].values)


def test_a_second_attempt_is_corrected_as_the_first(running: Plant) -> None:
    """What holds is decided by the place in line: a correction that comes between two attempts changes neither."""
    plant, world, name = running, running.world, running.process
    plant.publish(recordings(12, plant.rng, first=1000))
    pulled = steps.pull(world, name, holder="test")
    assert pulled is not None
    world.ledger.correct(name, "flow", 2.0, 0.0, None, "anna", "", utc_now())
    steps.assess(world, name, batch_id=pulled["batch_id"], holder="test")
    steps.act(world, name, batch_id=pulled["batch_id"], holder="test")
    (raw,), (turned_back,) = _batches(plant, raw=True), _batches(plant, raw=False)
    assert np.array_equal(raw.values, turned_back.values)
    plant.publish(recordings(12, plant.rng, first=2000))
    pulled = steps.pull(world, name, holder="test")
    assert pulled is not None
    world.ledger.uncorrect(name, "flow", "anna", "", utc_now())
    said = steps.assess(world, name, batch_id=pulled["batch_id"], holder="test")
    assert said["corrected_sensors"] == 1
    steps.act(world, name, batch_id=pulled["batch_id"], holder="test")
    raw, turned_back = _batches(plant, raw=True)[-1], _batches(plant, raw=False)[-1]
    assert np.array_equal(turned_back.values[:, :, 0], raw.values[:, :, 0] / 2.0)
    assert np.array_equal(turned_back.values[:, :, 1:], raw.values[:, :, 1:])


def test_the_inventory_is_kept_and_asked(running: Plant) -> None:
    world, name = running.world, running.process
    since = datetime(2026, 1, 2, tzinfo=UTC)
    steps.note_sensor(world, name, "inlet", {"calibration_due": "2020-01-01"}, who="anna", why="seen", since=since)
    steps.note_sensor(world, name, "inlet", {"firmware": "1.9"}, who="anna", why="update")
    (row,) = [one for one in steps.sensors(world, name) if one["sensor"] == "inlet"]
    assert row["facts"] == {"calibration_due": "2020-01-01", "firmware": "1.9"}
    assert [one["why"] for one in row["history"]] == ["seen", "update"]
    _feed(running, 1000)
    kinds = {one["kind"]: one["text"] for one in steps.audit(world, name)["anomalies"]}
    assert kinds == {
        "overdue": "calibration was due on 2020-01-01",
        "contradiction": "messages say firmware 2.0, the inventory 1.9",
    }
    with pytest.raises(StateError, match="one of the sensors flow, inlet, outlet expected"):
        steps.note_sensor(world, name, "x", {"firmware": "1"}, who="a", why="")
    with pytest.raises(StateError, match=r"calibrated: a day such as .*; colour: one of"):
        steps.note_sensor(world, name, "inlet", {"calibrated": "soon", "colour": "red"}, who="a", why="")


def _scores(plant: Plant) -> list[dict[str, bool]]:
    found = plant.rows("SELECT accepted FROM dq.scores WHERE process = %s AND scope = 'completion' ORDER BY sample_id")
    return [{"accepted": bool(accepted)} for (accepted,) in found]
