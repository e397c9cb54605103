from __future__ import annotations

from typing import Any

import pytest

from dq_pipeline.errors import StateError
from dq_pipeline.records import Ending, EventState

pytestmark = pytest.mark.integration


@pytest.fixture
def opened(line: Any, alarm: Any) -> Any:
    """An incident of the sensor PS1, seen by the only event."""
    line.commit(alarms=(alarm(10.0),))
    event = line.ledger.open_event("pump")
    return line.ledger.sensor_incident(
        "pump", event.id, "PS1 is at fault", {"gain": 1.2}, sensor="PS1", first=10, now=line.now
    )


def test_an_event_becomes_one_incident_however_often_it_is_said(line: Any, opened: Any) -> None:
    again = line.ledger.sensor_incident("pump", opened.event, "other", {}, sensor="TS1", first=3, now=line.now)
    assert again == opened
    assert line.ledger.incidents("pump") == [opened]
    (event,) = line.ledger.events("pump")
    assert (event.state, event.outcome) == (EventState.INCIDENT, f"incident {opened.id}: PS1 is at fault")
    (notice,) = line.ledger.announce("pump")
    assert (notice.severity, notice.runbook) == ("critical", "docs/runbooks/sensor.md")
    assert [opened.withholds(number) for number in (9, 10, 9999)] == [False, True, True]


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


def test_only_incidents_of_sensors_are_ended(line: Any) -> None:
    number = line.ledger.incident("pump", "adaptation", "it failed", {}, line.now)
    for wrong in (number, 10**9):
        with pytest.raises(StateError, match="a sensor's incident expected"):
            line.ledger.close_incident("pump", wrong, Ending.REPAIRED, stop=None, who="anna", now=line.now)


def test_the_first_cause_of_an_event_stands(line: Any, alarm: Any) -> None:
    line.commit(alarms=(alarm(10.0),))
    event = line.ledger.open_event("pump").id
    for kind in ("process", "sensor"):
        line.ledger.explain_event(event, {"kind": kind})
    assert line.ledger.open_event("pump").evidence == {"PS1": 0.75, "cause": {"kind": "process"}}
