"""One sensor at fault is named and never learned; the stream goes on, and so does learning once the sensor is well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dq_pipeline import steps
from dq_pipeline.recording import Recording
from dq_pipeline.records import Cause, Ending, EventState, Incident
from dq_pipeline.steps.serving import load

from .conftest import SENSORS, Plant, recordings  # type: ignore[import-not-found]

pytestmark = pytest.mark.integration
FAULTY, GAIN = "outlet", 1.2


def gained(runs: Sequence[Recording], sensor: str = FAULTY, gain: float = GAIN) -> list[Recording]:
    """The same runs as one sensor shows them that reads too much."""
    found = []
    for run in runs:
        values = run.values.copy()
        values[:, SENSORS.index(sensor)] *= gain
        found.append(replace(run, values=values))
    return found


def _feed(plant: Plant, turns: int, first: int, *, ill: bool = False, shift: float = 0.0) -> list[dict[str, Any]]:
    """Turns of 25 recordings; what was decided after each."""
    taken = []
    for turn in range(turns):
        runs = recordings(25, plant.rng, first=first + 25 * turn, shift=shift)
        plant.publish(gained(runs) if ill else runs)
        taken.append(plant.turn())
    return taken


def _incident(plant: Plant) -> Incident:
    (found,) = [one for one in plant.world.ledger.incidents(plant.process) if one.sensor]
    return found


@pytest.fixture
def ill(plant: Plant) -> Plant:
    """Six turns of which the second half shows a sensor that reads a fifth too much."""
    plant.initialize()
    assert [made["branch"] for made in _feed(plant, 3, 1000)] == ["nothing"] * 3
    assert [made["branch"] for made in _feed(plant, 3, 1075, ill=True)] == ["nothing"] * 3
    return plant


def test_a_sensor_at_fault_is_named_and_its_samples_are_never_learned(ill: Plant) -> None:
    incident = _incident(ill)
    assert incident.sensor == FAULTY
    assert 73 <= (incident.first or 0) <= 77
    assert incident.evidence["gain"] == pytest.approx(GAIN, abs=0.02)
    (notice,) = [one for one in ill.notices.told if "at fault" in one.title]
    assert FAULTY in notice.title
    assert "gain" in notice.detail
    assert notice.runbook == "docs/runbooks/calibration.md"
    (event,) = ill.world.ledger.events(ill.process)
    assert event.state is EventState.INCIDENT
    assert event.evidence["cause"]["sensor"] == FAULTY
    assert ill.world.ledger.open_event(ill.process) is None
    assert len(ill.world.ledger.releases(ill.process)) == 1

    # much more of the same: answered, joined, not told again, not learned
    assert {made["branch"] for made in _feed(ill, 8, 2000, ill=True)} == {"nothing"}
    assert len([one for one in ill.notices.told if "at fault" in one.title]) == 1
    assert len(ill.world.ledger.incidents(ill.process)) == 1
    assert len(ill.world.ledger.releases(ill.process)) == 1
    assert ill.summary()["recordings"]["read"] == 350
    (found,) = steps.status(ill.world, ill.process)["incidents"]
    assert (found["sensor"], found["ending"]) == (FAULTY, None)

    # well again: closed by itself, and a change of the process is learned, from the good samples alone
    _feed(ill, 3, 3000)
    closed = _incident(ill)
    assert closed.ending is Ending.RECOVERED
    assert abs((closed.stop or 0) - 350) <= 2
    assert "reads as before" in ill.notices.titles()
    assert len(ill.world.ledger.releases(ill.process)) == 1
    taken = _feed(ill, 4, 4000, shift=4.0)
    assert "adapt" in {made["branch"] for made in taken}
    newest = ill.world.ledger.production(ill.process)
    assert newest is not None
    assert newest.version != "1"
    release = load(ill.world, newest).bundle
    learned = sum(batch.samples for batch in release.manifest)
    count = ill.world.ledger.sample_count(ill.process)
    assert learned <= 220 + count - (350 - 75)


def test_a_person_accepts_the_new_level_and_it_is_learned(ill: Plant) -> None:
    incident = _incident(ill)
    done = steps.close_incident(ill.world, ill.process, incident.id, accept=True, who="anna")
    assert done["learned"]
    again = steps.close_incident(ill.world, ill.process, incident.id, accept=True, who="anna")
    assert not again["learned"]
    assert "adapt" in {made["branch"] for made in _feed(ill, 2, 2000, ill=True)}
    assert len(ill.world.ledger.releases(ill.process)) > 1


def test_a_person_says_it_was_repaired(ill: Plant) -> None:
    incident = _incident(ill)
    done = steps.close_incident(ill.world, ill.process, incident.id, accept=False, who="anna")
    assert done["ending"] == Ending.REPAIRED
    assert {made["branch"] for made in _feed(ill, 3, 2000)} == {"nothing"}
    closed = _incident(ill)
    assert (closed.first, closed.stop) == (incident.first, 150)


def test_an_initialization_ends_it(ill: Plant) -> None:
    ill.initialize("second")
    assert _incident(ill).ending is Ending.REPAIRED


def _spoiled(runs: Sequence[Recording], rng: np.random.Generator) -> list[Recording]:
    """The same runs as one sensor shows them that is out by another amount every time."""
    found = []
    for run in runs:
        values = run.values.copy()
        values[:, SENSORS.index(FAULTY)] += rng.uniform(8.0, 40.0)
        found.append(replace(run, values=values))
    return found


def test_a_fault_that_no_gain_and_offset_describe_ends_when_the_sensor_reads_as_before(plant: Plant) -> None:
    plant.initialize()
    assert [made["branch"] for made in _feed(plant, 3, 1000)] == ["nothing"] * 3
    for turn in range(3):
        plant.publish(_spoiled(recordings(25, plant.rng, first=1075 + 25 * turn), plant.rng))
        plant.turn()
    incident = _incident(plant)
    assert (incident.sensor, incident.cause, incident.ending) == (FAULTY, Cause.CALIBRATION, None)
    assert incident.evidence["fault"] == "undetermined"
    assert {made["branch"] for made in _feed(plant, 3, 2000)} == {"nothing"}
    closed = _incident(plant)
    assert closed.ending is Ending.RECOVERED
    assert 150 <= (closed.stop or 0) <= 200
    assert closed.withholds(149)
    assert len(plant.world.ledger.releases(plant.process)) == 1
