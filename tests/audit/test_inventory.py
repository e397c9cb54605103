from __future__ import annotations

from datetime import UTC, date, datetime

from dq_pipeline.audit import Finding
from dq_pipeline.audit.inventory import anomalies, changes, facts_of
from dq_pipeline.records import SensorFacts

TODAY = date(2026, 5, 1)


def _noted(day: int, **facts: str) -> SensorFacts:
    when = datetime(2026, 3, day, tzinfo=UTC)
    return SensorFacts("PS1", facts, when, "anna", "", when)


def test_what_was_noted_later_holds():
    noted = [_noted(9, firmware="2.1"), _noted(2, firmware="2.0", serial="A7")]
    assert facts_of({"firmware": "1.0", "maintenance": "new seal"}, noted, "PS1") == {
        "firmware": "2.1",
        "serial": "A7",
        "maintenance": "new seal",
    }
    assert facts_of({}, noted, "PS2") == {}


def test_changes_are_told_for_each_sensor_once():
    said = [{"firmware": "1"}, {"firmware": "1", "calibration_id.PS1": "c1"}, {}, {"firmware": "2"}, {"firmware": "2"}]
    found = changes(said, [10, 11, 12, 13, 14], ["PS1", "PS2"])
    assert [(one.sensor, one.fact, one.before, one.after, one.sample) for one in found] == [
        ("PS1", "firmware", "1", "2", 13),
        ("PS2", "firmware", "1", "2", 13),
    ]


def test_a_change_shortly_before_a_shift_is_odd_and_one_long_ago_is_not():
    said = [{"firmware.PS1": "1"}] * 5 + [{"firmware.PS1": "2"}] * 5
    changed = changes(said, list(range(100, 110)), ["PS1"])
    findings = [Finding("PS1", "gain", "gain 1.2"), Finding("PS2", "none", "")]
    (one,) = anomalies({}, {}, changed, findings, {"PS1": 120, "PS2": 120}, TODAY)
    assert (one.sensor, one.kind, one.sample) == ("PS1", "changed", 105)
    assert one.text == "firmware went from 1 to 2 at sample 105; gain 1.2 since sample 120"
    assert anomalies({}, {}, changed, findings, {"PS1": 170}, TODAY) == ()
    assert anomalies({}, {}, changed, findings[1:], {"PS1": 120}, TODAY) == ()


def test_overdue_and_contradicting():
    known = {
        "PS1": {"calibration_due": "2026-04-30", "firmware": "2.0"},
        "PS2": {"calibration_due": "2026-05-01"},
        "PS3": {"calibration_due": "soon"},
    }
    found = anomalies(known, {"firmware": "2.1"}, [], [], {}, TODAY)
    assert [(one.sensor, one.kind) for one in found] == [("PS1", "overdue"), ("PS1", "contradiction")]
