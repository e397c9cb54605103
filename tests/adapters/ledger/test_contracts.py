"""Contracts in the ledger: every edit a row, the same finding once, and what production gave."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from dq_pipeline.adapters.ledger import PostgresLedger
from dq_pipeline.records import ContractResult, PredictionRow, SampleScore, TargetRow

from .conftest import NOW, PUMP, Line  # type: ignore[import-not-found]

pytestmark = pytest.mark.integration

FOUND = ContractResult(
    contract="error",
    version=1,
    slice="shift=night",
    release="1",
    first=10,
    stop=40,
    samples=30,
    value=0.5,
    lower=0.4,
    upper=0.6,
    expected=0.4,
    expected_lower=None,
    expected_upper=None,
    verdict="watch",
    detail={"why": "0.5 where 0.4 is expected", "offline": float("nan")},
)


def put(ledger: PostgresLedger, who: str = "anna", **definitions: dict[str, Any]) -> list[tuple[str, int, str, str]]:
    rows = ledger.put_contracts(PUMP, definitions, who=who, now=NOW)
    return [(row.name, row.version, row.state, row.who) for row in rows]


def test_every_edit_is_a_version_and_nothing_else_is(ledger: PostgresLedger) -> None:
    assert put(ledger, error={"metric": "mae"}, nulls={"metric": "null_rate"}) == [
        ("error", 1, "in_force", "anna"),
        ("nulls", 1, "in_force", "anna"),
    ]
    assert put(ledger, "bert", error={"metric": "mae"}, nulls={"metric": "null_rate"}) == []
    signed = {"metric": "mae", "window": 300, "signed_by": "cleo"}
    assert put(ledger, "bert", error=signed) == [("error", 2, "in_force", "cleo"), ("nulls", 2, "withdrawn", "bert")]
    assert put(ledger, "bert", error=signed) == []
    assert put(ledger, "bert", error=signed, nulls={"metric": "null_rate"}) == [("nulls", 3, "in_force", "bert")]
    rows = ledger.contracts(PUMP)
    assert [(row.name, row.version) for row in rows] == [("error", 1), ("error", 2), *(("nulls", n) for n in (1, 2, 3))]
    assert rows[1].definition == signed


def test_two_at_once_write_one_version(ledger: PostgresLedger) -> None:
    with ThreadPoolExecutor(4) as pool:
        written = list(pool.map(lambda _: put(ledger, error={"metric": "mae"}), range(8)))
    assert sum(map(len, written)) == 1


def test_the_same_window_is_one_finding(ledger: PostgresLedger) -> None:
    put(ledger, error={"metric": "mae"})
    assert ledger.add_contract_results(PUMP, [FOUND], NOW) == 1
    assert ledger.add_contract_results(PUMP, [replace(FOUND, value=0.7), replace(FOUND, stop=41)], NOW) == 1
    first, second = ledger.contract_results(PUMP)
    assert first == replace(FOUND, detail={"why": FOUND.detail["why"], "offline": None}, at=NOW)
    assert second.stop == 41
    assert ledger.contract_results(PUMP, last=1) == [second]
    assert ledger.contract_results(PUMP, contract="nulls") == []
    assert ledger.add_contract_results(PUMP, [], NOW) == 0


def answer(name: str, release: str, role: Any, value: float | None, fallback: str | None = None) -> PredictionRow:
    return PredictionRow(name, release, role, value, 0.0, 1.0, 0.9, fallback, False, 0.1)


def score(name: str, scope: Any, came: float) -> SampleScore:
    return SampleScore(
        name, scope, "rig", NOW, "1", {}, 0.9, True, None, {"shift": "day"}, 0, 7, NOW + timedelta(seconds=came)
    )


def test_observations_hold_answer_truth_and_arrival(line: Line) -> None:
    line.commit(
        scores=(score("a", "horizon", 1.0), score("a", "completion", 20.0), score("b", "completion", 30.0)),
        predictions=(answer("a", "1", "champion", 2.0), answer("a", "2", "shadow", 3.0)),
        targets=(TargetRow("a", 2.5, "completion"),),
    )
    a, b = line.ledger.observations(PUMP, first_sample=0, stop_sample=10)
    assert (a.sample_id, a.sample, a.release, a.value, a.target) == ("a", 0, "1", 2.0, 2.5)
    assert (a.came_at, a.whole_at) == (NOW + timedelta(seconds=1), NOW + timedelta(seconds=20))
    assert a.metadata == {"shift": "day"}
    assert (b.value, b.target, b.release, b.came_at) == (None, None, None, NOW + timedelta(seconds=30))
    (shadow, _) = line.ledger.observations(PUMP, first_sample=0, stop_sample=10, release="2")
    assert (shadow.release, shadow.value) == ("2", 3.0)
    assert line.ledger.observations(PUMP, first_sample=1, stop_sample=2) == [b]
    assert list(line.ledger.answered_from(PUMP, ["a", "b"])) == ["a"]
    batch = a.batch_id
    assert line.ledger.raw_uris(PUMP, [batch, "none"]) == {batch: f"raw/{batch}"}
