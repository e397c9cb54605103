from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dq_pipeline.errors import StateError
from dq_pipeline.records import Alert, Cause, Diagnosis, Ending, EventState

pytestmark = pytest.mark.integration
PS1 = Diagnosis(
    Cause.CALIBRATION, "PS1", "critical", 0.9, "PS1 is at fault", {"gain": 1.2}, {"decided_by": "its neighbours"},
    first=10, sensor="PS1", explanation={"kind": "calibration"}, over=True,
)  # fmt: skip


def breach(sample: int, key: str = "contract:mae:") -> Alert:
    return Alert("contract", key, "warning", f"{key} is broken", "mae", sample)


@pytest.fixture
def opened(line: Any, alarm: Any) -> Any:
    """An incident of the sensor PS1, seen by the only event."""
    line.commit(alarms=(alarm(10.0),))
    event = line.ledger.open_event("pump")
    return line.ledger.open_incident("pump", replace(PS1, events=(event.id,)), line.now)


def test_an_event_becomes_one_incident_however_often_it_is_said(line: Any, opened: Any) -> None:
    for other in (PS1, replace(PS1, cause=Cause.DEAD_SENSOR)):  # the cause that an event was first put down to stands
        again = line.ledger.open_incident("pump", replace(other, events=(opened.event,)), line.now)
        assert again == opened
    assert line.ledger.incidents("pump") == [opened]
    (event,) = line.ledger.events("pump")
    assert (event.state, event.outcome) == (EventState.INCIDENT, f"incident {opened.id}: PS1 is at fault")
    assert event.evidence["cause"] == {"kind": "calibration"}
    (notice,) = line.ledger.announce("pump", line.now)
    assert (notice.severity, notice.runbook) == ("critical", "docs/runbooks/calibration.md")
    assert line.ledger.announce("pump", line.now) == []
    assert [opened.withholds(number) for number in (9, 10, 9999)] == [False, True, True]
    assert opened.lasts


def test_what_has_the_same_cause_joins_and_is_not_told_again(line: Any, opened: Any) -> None:
    line.ledger.announce("pump", line.now)
    for key in ("a", "b"):
        assert line.ledger.raise_alert("pump", breach(12, key), line.now)
    ids = [row.id for row in line.ledger.alerts("pump", unfolded=True)]
    for _ in range(2):
        joined = line.ledger.open_incident("pump", replace(PS1, confidence=0.95, alerts=ids), line.now)
    assert joined.id == opened.id
    assert joined.confidence == 0.95
    assert [entry["what"] for entry in joined.record["timeline"]][1:] == [
        f"alert {ids[0]}: a is broken",
        f"alert {ids[1]}: b is broken",
    ]
    assert line.ledger.alerts("pump", unfolded=True) == []
    assert line.ledger.announce("pump", line.now) == []
    other = line.ledger.open_incident("pump", replace(PS1, subject="TS1", sensor="TS1", first=20), line.now)
    assert other.id != opened.id
    assert len(line.ledger.incidents("pump", standing=True)) == 2


def test_what_is_learned_leaves_its_event_open(line: Any, alarm: Any) -> None:
    line.commit(alarms=(alarm(10.0),))
    event = line.ledger.open_event("pump")
    drift = Diagnosis(Cause.PROCESS_DRIFT, "", "info", 0.6, "wear", first=10, events=(event.id,))
    found = line.ledger.open_incident("pump", drift, line.now)
    assert line.ledger.open_event("pump") == event
    assert not found.withholds(11)
    assert not found.lasts


def test_what_was_done_is_noted_once(line: Any, opened: Any) -> None:
    for _ in range(2):
        done = line.ledger.note_incident("pump", opened.id, "corrected", line.now, action={"what": "correct"}, stop=15)
    assert [entry["what"] for entry in done.record["timeline"]].count("corrected") == 1
    assert done.action == {"what": "correct"}
    assert [done.withholds(number) for number in (10, 14, 15)] == [True, True, False]
    assert not done.lasts
    with pytest.raises(StateError, match="an incident with a cause expected"):
        line.ledger.note_incident("pump", 10**9, "corrected", line.now)


def test_alarms_led_by_the_sensor_join_and_others_open_an_event(line: Any, opened: Any, alarm: Any) -> None:
    line.commit(alarms=(alarm(12.0), alarm(13.0)))
    assert line.ledger.open_event("pump") is None
    assert line.ledger.events("pump")[0].alarms == 3
    assert line.ledger.drift_alarms("pump", first_sample=0, stop_sample=99) == []
    line.commit(alarms=(alarm(14.0, sensors=("TS1", "PS1")),))
    assert line.ledger.open_event("pump").alarms == 1
    line.commit(alarms=(alarm(15.0),))
    assert line.ledger.open_event("pump").alarms == 1, "the sensor's own alarms stay with its incident"
    assert line.ledger.events("pump")[0].alarms == 4
    assert opened.sensor == "PS1"


def test_a_sensor_that_is_corrected_leads_alarms_of_its_own(line: Any, opened: Any, alarm: Any) -> None:
    line.ledger.note_incident("pump", opened.id, "corrected", line.now, stop=12)
    line.commit(alarms=(alarm(14.0),))
    assert line.ledger.open_event("pump").alarms == 1


def test_it_ends_once_and_alarms_count_again(line: Any, opened: Any, alarm: Any, score: Any) -> None:
    line.commit(scores=tuple(score(f"s{i}") for i in range(20)))
    ended = line.ledger.close_incident("pump", opened.id, Ending.REPAIRED, stop=None, who="anna", now=line.now)
    assert (ended.first, ended.stop, ended.until, ended.closed_by) == (10, 20, 20, "anna")
    assert [ended.withholds(number) for number in (9, 19, 20)] == [False, True, False]
    repeated = line.ledger.close_incident("pump", opened.id, Ending.REPAIRED, stop=15, who="bert", now=line.now)
    assert repeated == ended
    with pytest.raises(StateError, match="closed already: repaired by anna"):
        line.ledger.close_incident("pump", opened.id, Ending.ACCEPTED, stop=None, who="anna", now=line.now)
    line.commit(alarms=(alarm(30.0),))
    assert line.ledger.open_event("pump").sample == 33


def test_what_a_person_accepts_is_withheld_from_nothing(line: Any, opened: Any) -> None:
    ended = line.ledger.close_incident("pump", opened.id, Ending.ACCEPTED, stop=None, who="anna", now=line.now)
    assert not ended.withholds(10)


def test_only_incidents_with_a_cause_are_ended(line: Any) -> None:
    number = line.ledger.incident("pump", "adaptation", "it failed", {}, line.now)
    for wrong in (number, 10**9):
        with pytest.raises(StateError, match="an incident with a cause expected"):
            line.ledger.close_incident("pump", wrong, Ending.REPAIRED, stop=None, who="anna", now=line.now)
    assert line.ledger.incidents("pump", standing=True) == []


def test_the_first_cause_of_an_event_stands(line: Any, alarm: Any) -> None:
    line.commit(alarms=(alarm(10.0),))
    event = line.ledger.open_event("pump").id
    for kind in ("process", "sensor"):
        line.ledger.explain_event(event, {"kind": kind})
    assert line.ledger.open_event("pump").evidence == {"PS1": 0.75, "cause": {"kind": "process"}}
