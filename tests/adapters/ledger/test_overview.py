"""What pages are made of."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from dq_pipeline.records import Alert, Candidate, Quarantined, ReleaseRow, TargetRow

from .conftest import NOW

pytestmark = pytest.mark.integration


def release(version: str, **options: Any) -> ReleaseRow:
    values: dict[str, Any] = {
        "process": "pump", "version": version, "run_id": "r", "stage": "None", "key": f"key{version}", "event": None,
        "kind": "initial", "metrics": {"mae": 0.1, "line/threshold": 0.3, "line/drift_threshold": 9.0}, "samples": 10,
        "created_at": NOW, "settings_hash": "abc",
    }  # fmt: skip
    return ReleaseRow(**{**values, **options})


def test_a_process_nobody_knows_is_all_zeros(ledger: Any) -> None:
    (found,) = ledger.glances(["nothing"], newest=5)
    assert (found.process, found.samples, found.release, found.scores, found.newest_at) == (
        "nothing",
        0,
        None,
        (),
        None,
    )
    assert ledger.glances([], newest=5) == []


def test_all_processes_at_a_glance(line: Any, new_line: Any, score: Any, prediction: Any, ledger: Any) -> None:
    early = score("h", "horizon", unified=0.9)
    rows = [score(str(n), unified=n / 10, drift_statistic=float(n), accepted=n > 2, arrived_at=NOW) for n in range(6)]
    line.commit(scores=(early, *rows))
    ledger.add_release(release("1"))
    ledger.move_release("pump", "1", "promote", who="anna", why="first", now=NOW)
    ledger.raise_alert("pump", Alert("contract", "contract:mae:", "warning", "broken"), NOW)
    ledger.raise_alert("pump", Alert("lag", "lag", "warning", "slow"), NOW)
    ledger.raise_alert("pump", Alert("silence", "silence", "warning", "over"), NOW)
    ledger.clear_alert("pump", "silence", NOW)
    candidate = Candidate("1", 1.0, {"kinds": []}, 1, "x")
    ledger.enqueue("pump", [candidate], NOW)
    other = new_line(ledger, "other")
    other.arrive(1)
    other.claim(max_attempts=1)
    other.later(100)
    other.claim(max_attempts=1)
    found, second = ledger.glances(["pump", "other"], newest=4)
    assert found.scores == pytest.approx((0.2, 0.3, 0.4, 0.5))
    assert (found.statistics, found.accepted) == ((2.0, 3.0, 4.0, 5.0), (False, True, True, True))
    assert (found.samples, found.release, found.promoted_at, found.newest_at) == (6, "1", NOW, NOW)
    assert (found.threshold, found.drift_threshold) == (0.3, 9.0)
    assert (found.breaches, found.alerts, found.waiting, found.parked) == (1, ("lag",), 1, 0)
    assert (second.process, second.parked, second.release) == ("other", 1, None)


def test_a_batch_with_its_samples_and_its_quarantine(line: Any, score: Any, prediction: Any) -> None:
    wrong = Quarantined(0, 7, "unit", "mbar expected, found bar", "b", "completion")
    first = line.commit(scores=(score("a"),))
    second = line.commit(
        scores=(score("b", "horizon"), score("c", unified=0.7)),
        predictions=(prediction("c"), prediction("c", release="2", role="shadow", value=9.0)),
        targets=(TargetRow("c", 1.25, "completion"),),
        quarantined=(wrong,),
    )
    found = line.ledger.batch("pump", second.batch_id)
    assert [one["sample_id"] for one in found["samples"]] == ["c"]
    assert (found["samples"][0]["value"], found["samples"][0]["target"]) == (1.5, 1.25)
    assert [(one["reason"], one["detail"]) for one in found["quarantine"]] == [("unit", "mbar expected, found bar")]
    assert [(one["partition"], one["start"], one["stop"]) for one in found["ranges"]] == [(0, 1, 2)]
    assert line.ledger.batch("pump", "nothing") is None
    assert line.ledger.batch("other", second.batch_id) is None
    listed = line.ledger.batch_list("pump")
    assert [(row["batch_id"], row["quarantined"]) for row in listed] == [(second.batch_id, 1), (first.batch_id, 0)]
    before = line.ledger.batch_list("pump", before=listed[0]["sequence"], limit=1)
    assert [row["batch_id"] for row in before] == [first.batch_id]


def test_the_settings_behind_releases(ledger: Any) -> None:
    ledger.configuration("pump", "abc", {"quality": {"threshold": 0.3}}, NOW + timedelta(1))
    assert ledger.configurations("pump", ["abc", "def"]) == {"abc": {"quality": {"threshold": 0.3}}}
    assert ledger.configurations("pump", []) == {}
