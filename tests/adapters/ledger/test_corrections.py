from __future__ import annotations

import math
from typing import Any

import pytest

from dq_pipeline.errors import StateError
from dq_pipeline.records import Cause, Diagnosis, Ending

pytestmark = pytest.mark.integration


def test_a_batch_is_corrected_by_its_place_in_line(line: Any) -> None:
    line.commit()
    made = line.ledger.correct("pump", "PS1", 14.5, 0.0, None, "anna", "reads psi", line.now)
    assert line.ledger.correct("pump", "PS1", 14.5, 0.0, None, "bert", "again", line.now) == made
    line.arrive(1)
    claimed = line.claim()
    ended = line.ledger.uncorrect("pump", "PS1", "anna", "repaired", line.now)
    assert ended is not None
    assert (ended.after, ended.until, ended.ended_by, ended.ended_why) == (1, 2, "anna", "repaired")
    assert line.ledger.uncorrect("pump", "PS1", "anna", "repaired", line.now) is None
    found = {at: [one.sensor for one in line.ledger.corrections("pump", at)] for at in (1, 2, 3)}
    assert found == {1: [], 2: ["PS1"], 3: []}, "an attempt that comes later finds the same"
    assert claimed.sequence == 2


def test_another_correction_takes_its_place(line: Any) -> None:
    line.ledger.correct("pump", "PS1", 14.5, 0.0, None, "anna", "", line.now)
    line.commit()
    line.ledger.correct("pump", "PS1", 1.2, -3.0, None, "anna", "measured", line.now)
    assert [(one.gain, one.after, one.until) for one in line.ledger.corrections("pump")] == [
        (14.5, 0, 1),
        (1.2, 1, None),
    ]
    assert [one.gain for one in line.ledger.corrections("pump", 1)] == [14.5]
    assert [one.gain for one in line.ledger.corrections("pump", 2)] == [1.2]


@pytest.mark.parametrize(("gain", "offset"), [(0.0, 1.0), (math.nan, 0.0), (1.0, math.inf)])
def test_what_cannot_be_turned_back_is_refused(line: Any, gain: float, offset: float) -> None:
    with pytest.raises(StateError, match="a finite gain other than 0"):
        line.ledger.correct("pump", "PS1", gain, offset, None, "anna", "", line.now)


def test_it_ends_with_its_incident(line: Any, alarm: Any) -> None:
    line.commit(alarms=(alarm(10.0),))
    event = line.ledger.open_event("pump")
    found = Diagnosis(Cause.CALIBRATION, "PS1", "critical", 0.9, "PS1", first=3, sensor="PS1", events=(event.id,))
    incident = line.ledger.open_incident("pump", found, line.now)
    line.ledger.correct("pump", "PS1", 2.0, 0.0, incident.id, "dq", "", line.now)
    line.ledger.correct("pump", "TS1", 2.0, 0.0, None, "anna", "", line.now)
    line.ledger.close_incident("pump", incident.id, Ending.REPAIRED, stop=None, who="anna", now=line.now)
    assert [one.sensor for one in line.ledger.corrections("pump", 9)] == ["TS1"]
    assert line.ledger.corrections("pump")[0].ended_why == f"incident {incident.id} was closed"
