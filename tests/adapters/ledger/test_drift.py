from __future__ import annotations

from typing import Any

import pytest

from dq_pipeline.errors import StateError
from dq_pipeline.records import DetectorState, EventState

pytestmark = pytest.mark.integration


def test_the_first_alarm_opens_an_event_and_the_next_join(line: Any, alarm: Any) -> None:
    line.commit(alarms=(alarm(10.0), alarm(11.0)))
    line.commit(alarms=(alarm(12.0),))
    (event,) = line.ledger.events("pump")
    assert event == line.ledger.open_event("pump")
    assert (event.state, event.alarms, event.change_point, event.sample) == (EventState.OPEN, 3, 10.0, 13)
    assert (event.sensors, event.evidence, event.opened_at) == (("PS1", "TS1"), {"PS1": 0.75}, line.now)


def test_alarms_join_while_the_reference_is_rebuilt_and_open_anew_after(line: Any, alarm: Any) -> None:
    line.commit(alarms=(alarm(10.0),))
    event = line.ledger.open_event("pump").id
    line.ledger.move_event(event, EventState.REBUILDING, outcome="refitted", attempts=1)
    line.commit(alarms=(alarm(12.0),))
    line.ledger.move_event(event, EventState.CLOSED, outcome="release 2")
    line.commit(alarms=(alarm(90.0),))
    first, second = line.ledger.events("pump")
    assert (first.alarms, first.state, first.outcome, first.attempts) == (2, EventState.CLOSED, "release 2", 1)
    assert (second.alarms, second.state) == (1, EventState.OPEN)
    with pytest.raises(StateError, match="one event at most"):
        line.ledger.move_event(first.id, EventState.OPEN, outcome="")
    with pytest.raises(StateError, match="No drift event 999999"):
        line.ledger.move_event(999999, EventState.CLOSED, outcome="")


def test_alarms_are_found_by_the_numbers_of_their_samples(line: Any, alarm: Any) -> None:
    raised = (alarm(10.0), alarm(11.0))
    line.commit(alarms=raised)
    line.commit(alarms=(alarm(12.0),))
    assert line.ledger.drift_alarms("pump", first_sample=13, stop_sample=15) == list(raised)
    line.ledger.move_event(line.ledger.open_event("pump").id, EventState.HELD, outcome="")
    assert line.ledger.drift_alarms("pump", first_sample=0, stop_sample=99) == []


def test_an_event_of_the_error_alone(line: Any, alarm: Any) -> None:
    event = line.ledger.raise_event("pump", alarm(5.0), line.now)
    assert (event.alarms, event.state) == (0, EventState.OPEN)
    assert line.ledger.raise_event("pump", alarm(8.0), line.now) == event
    assert line.ledger.drift_alarms("pump", first_sample=0, stop_sample=99) == []


def test_the_newest_state_of_each_detector_is_kept(line: Any) -> None:
    line.commit(detector=DetectorState("d1", 1, 5, b"one"))
    line.commit(detector=DetectorState("d2", 2, 1, b"other"))
    line.commit(detector=DetectorState("d1", 3, 9, b"two"))
    assert line.ledger.detector_state("pump", "d1") == DetectorState("d1", 3, 9, b"two")
    assert line.ledger.detector_state("pump", "d2").state == b"other"


def test_incidents_are_told_once(line: Any) -> None:
    line.ledger.incident("pump", "adaptation", "it failed", {"key": "refit-1", "r": float("nan")}, line.now)
    (notice,) = line.ledger.announce("pump", line.now)
    assert (notice.process, notice.severity, notice.title) == ("pump", "warning", "it failed")
    assert notice.detail == "r: None; key: refit-1"
    assert line.ledger.announce("pump", line.now) == []
