from __future__ import annotations

import copy
from typing import Any

import pytest

from dq_pipeline.demo.report import detected, shortcomings
from dq_pipeline.demo.table import table
from dq_pipeline.records import DriftAlarm

GOOD: dict[str, Any] = {
    "process": "vacuum",
    "seconds": 200.0,
    "recordings": {"read": 362, "accepted": 353, "quarantined": {"columns": 1, "unreadable": 8}},
    "fed": 362,
    "unified": {"p50": 1.0},
    "drift": {
        "injected_at": 180,
        "detected_at": 182,
        "sensors": ["pump_speed"],
        "earlier_alarms": [{"sample": 40, "sensors": [], "done": "release 2 promoted"}],
    },
    "releases": [
        {"version": "1", "stage": "Archived", "kind": "initial", "mae": 0.05, "r2": 0.7},
        {"version": "2", "stage": "Production", "kind": "refit", "mae": 0.04, "r2": None},
    ],
    "figures": {"before the drift": {"samples": 180, "mae": 0.04, "r2": 0.8}, "after it, learned": {"samples": 0}},
    "alarms": 70,
    "drift_alarms": 12,
    "ledger": {"gaps": 0, "duplicates": 0},
    "production": "2",
    "learned": ["2"],
    "loop": None,
    "predicted_after": 100,
    "where_time_went": {"servers": 10.0},
}


def alarm(sample: int, *sensors: str) -> DriftAlarm:
    return DriftAlarm("d", "1", f"s{sample}", sample, sample - 2.0, 9.0, 8.0, sensors, True, {})


def test_a_good_demo_lacks_nothing_and_is_shown():
    assert shortcomings(GOOD) == []
    assert table(GOOD).row_count > 10


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("drift.detected_at", None, "was not found"),
        ("drift.injected_at", None, "was not numbered"),
        ("production", "1", "Production and the earlier ones Archived"),
        ("releases.0.stage", "Staging", "Archived, Production|Staging, Production"),
        ("predicted_after", 0, "predicted anything"),
        ("recordings.accepted", 350, "362 read are not 350 accepted plus 9 quarantined"),
        ("fed", 364, "364 recordings fed, 362 read"),
        ("ledger.gaps", 3, "3 gaps"),
        ("ledger.duplicates", 1, "1 duplicates"),
    ],
)
def test_says_what_is_lacking(path, value, expected):
    summary = copy.deepcopy(GOOD)
    *parents, last = path.split(".")
    place: Any = summary
    for name in parents:
        place = place[int(name) if name.isdigit() else name]
    place[last] = value
    found = shortcomings(summary)
    assert len(found) == 1
    assert any(part in found[0] for part in expected.split("|"))


def test_the_drift_is_found_by_the_first_later_alarm_that_names_one_of_its_sensors():
    alarms = [alarm(40, "a"), alarm(180, "x"), alarm(182, "x", "b"), alarm(190, "a")]
    assert detected(alarms, 180, ["a", "b"]) == alarms[2]
    assert detected(alarms, 183, ["a", "b"]) == alarms[3]
    assert detected(alarms, 191, ["a", "b"]) is None
    assert detected(alarms, None, ["a"]) is None
