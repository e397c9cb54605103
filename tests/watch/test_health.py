"""How a process is said to be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dq_pipeline.records import Glance
from dq_pipeline.watch.health import LEVELS, health

WELL = Glance(
    "pump", samples=50, release="2", threshold=0.3, drift_threshold=9.0, statistics=(1.0,), accepted=(True,) * 20
)


@pytest.mark.parametrize(
    ("changed", "level", "words"),
    [
        ({}, "well", "all is well"),
        ({"waiting": 12}, "well", "all is well"),
        ({"samples": 0}, "well", "ready; no sample has come yet"),
        ({"release": None, "parked": 3}, "none", "no release answers yet: its initialization has to run"),
        ({"critical": 1, "incidents": 1}, "act", "1 critical incident open"),
        ({"incidents": 2}, "watch", "2 incidents open"),
        ({"parked": 2}, "act", "2 micro-batches parked"),
        ({"failures": 1}, "watch", "1 run failed in a row"),
        ({"failures": 3}, "act", "3 runs failed in a row"),
        ({"breaches": 1}, "watch", "1 contract broken"),
        ({"alerts": ("lag", "stale_claim")}, "watch", "alert: lag, stale claim"),
        ({"hold": "worse"}, "watch", "on hold since a rollback"),
        ({"event": 4, "event_state": "open", "statistics": (10.0,)}, "watch", "drift"),
        ({"event": 4, "event_state": "rebuilding"}, "watch", "a new reference is collected after a drift"),
        ({"statistics": (1.0, 9.5, None)}, "watch", "the drift statistic is beyond its threshold"),
        ({"statistics": (9.5,), "drift_threshold": None}, "well", "all is well"),
        ({"accepted": (True,) * 4 + (False,) * 6}, "watch", "60% of the newest samples score too low"),
        ({"accepted": (False,) * 9}, "well", "all is well"),
    ],
)
def test_each_trouble_alone(changed: dict[str, Any], level: str, words: str) -> None:
    found = health(replace(WELL, **changed))
    assert (found.level, found.words) == (level, words)


def test_the_worst_comes_first_and_gives_the_level() -> None:
    found = health(replace(WELL, breaches=1, parked=1, hold="worse"))
    assert found.level == "act"
    assert found.reasons[0] == "1 micro-batch parked"
    assert set(found.reasons[1:]) == {"1 contract broken", "on hold since a rollback"}
    assert LEVELS.index(found.level) == len(LEVELS) - 1
