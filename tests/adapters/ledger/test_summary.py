from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest

from dq_pipeline.adapters.ledger.columns import plain, storable
from dq_pipeline.records import Outgoing, Quarantined

pytestmark = pytest.mark.integration


def recordings(line: Any) -> dict[str, Any]:
    return line.ledger.summary("pump")["recordings"]


def test_recordings_are_counted_by_sample_id(line: Any, score: Any) -> None:
    line.commit(
        scores=(score("a", "horizon"), score("a"), score("b", "horizon"), score("low", accepted=False)),
        quarantined=(
            Quarantined(0, 0, "unreadable", "", None),
            Quarantined(0, 1, "unreadable", "", None),
            Quarantined(0, 2, "duplicate", "", "a"),
            Quarantined(0, 3, "columns", "", "b", "completion"),
            Quarantined(0, 4, "unit", "", "c"),
            Quarantined(0, 5, "time", "", "c"),
        ),
    )
    found = recordings(line)
    assert found == {"read": 6, "accepted": 2, "quarantined": {"columns": 1, "time": 1, "unreadable": 2}}


def test_a_recording_sent_again_and_accepted_counts_as_accepted(line: Any, score: Any) -> None:
    line.commit(quarantined=(Quarantined(0, 0, "unit", "", "a", "completion"), Quarantined(0, 1, "schema", "", None)))
    rows = [row for row, _, _ in line.ledger.quarantined("pump")]
    line.ledger.requeue("pump", rows[:1], [Outgoing("pump.samples", b"a", b"")], line.now)
    assert recordings(line) == {"read": 2, "accepted": 0, "quarantined": {"schema": 1, "unit": 1}}
    line.commit(scores=(score("a"),))
    assert recordings(line) == {"read": 2, "accepted": 1, "quarantined": {"schema": 1}}
    line.ledger.requeue("pump", rows[1:], [Outgoing("pump.samples", b"", b"")], line.now)
    line.commit(quarantined=(Quarantined(0, 0, "schema", "", None),))
    assert recordings(line) == {"read": 2, "accepted": 1, "quarantined": {"schema": 1}}


def test_the_other_counts(line: Any, score: Any, prediction: Any, alarm: Any) -> None:
    line.commit(
        scores=(*(score(str(n), unified=n / 4) for n in range(5)), score("h", "horizon", unified=0.9)),
        predictions=(prediction("0", alarm=True), prediction("0", role="shadow", release="0", alarm=True)),
        alarms=(alarm(1.0), alarm(2.0)),
        outbox=(Outgoing("t", b"", b""),),
    )
    line.arrive(1)
    line.claim(max_attempts=1)
    line.later(100)
    line.claim(max_attempts=1)
    summary = line.ledger.summary("pump")
    unified = summary.pop("unified")
    assert {name: unified[name] for name in ("min", "p25", "p50", "max")} == {
        "min": 0,
        "p25": 0.25,
        "p50": 0.5,
        "max": 1,
    }
    del summary["recordings"]
    assert summary == {"alarms": 1, "drift_alarms": 2, "parked": 1, "gaps": 0, "duplicates": 0, "outbox_pending": 1}


def test_an_unknown_process_has_an_empty_summary(line: Any) -> None:
    summary = line.ledger.summary("nobody")
    assert summary["recordings"] == {"read": 0, "accepted": 0, "quarantined": {}}
    assert summary["unified"] == {}


def test_facts_and_configurations(line: Any) -> None:
    assert line.ledger.fact("pump", "policy") is None
    line.ledger.put_fact("pump", "policy", {"state": {"last": (1, float("inf"))}}, line.now)
    line.ledger.put_fact("pump", "policy", {"state": {"last": (2, 0.1)}}, line.now)
    assert line.ledger.fact("pump", "policy") == {"state": {"last": [2, 0.1]}}
    for _ in range(2):
        line.ledger.configuration("pump", "abc", {"drift": {"false_alarms_per_1000": 1}}, line.now)
    with pytest.raises(Exception, match="naive"):
        line.ledger.put_fact("pump", "policy", {}, datetime(2026, 1, 1))  # noqa: DTZ001


def test_changes_of_a_fact_at_once_all_count(line: Any) -> None:
    def add(_: int) -> None:
        line.ledger.change_fact("pump", "count", lambda now: {"n": (now or {"n": 0})["n"] + 1}, line.now)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(20)))
    line.ledger.change_fact("pump", "count", lambda _: None, line.now)
    assert line.ledger.fact("pump", "count") == {"n": 20}


def test_what_a_database_cannot_hold_is_replaced() -> None:
    assert storable("a\x00\ud800") == "a\ufffd?"
    assert plain({1: [float("nan"), "\x00"], "t": datetime(2026, 1, 1)}) == {  # noqa: DTZ001
        "1": [None, "\ufffd"],
        "t": "2026-01-01T00:00:00",
    }
