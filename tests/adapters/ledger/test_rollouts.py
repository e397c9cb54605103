"""Steps of a rollout, pairs of answers, and whose answer is the answer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from dq_pipeline.adapters.ledger import PostgresLedger
from dq_pipeline.records import Step, TargetRow

from .conftest import NOW, PUMP, Line  # type: ignore[import-not-found]

pytestmark = pytest.mark.integration

SHADOW, CANARY = Step("shadow", "1", 0.0, "staged"), Step("canary", "1", 0.1, "judged")


def test_a_step_counts_for_batches_claimed_after_it(ledger: PostgresLedger, line: Line) -> None:
    first = line.assessed()
    begun = ledger.move_rollout(PUMP, "2", SHADOW, NOW, was=None)
    assert begun is not None
    assert (begun.state, begun.after, begun.sample) == ("shadow", first.sequence, 0)
    assert ledger.rollouts(PUMP, before=first.sequence) == []
    assert ledger.rollouts(PUMP, before=first.sequence + 1) == [begun]
    assert ledger.move_rollout(PUMP, "2", SHADOW, NOW, was=None) == begun, "again is no change"
    assert ledger.move_rollout(PUMP, "2", CANARY, NOW, was=None) is None, "somebody moved it meanwhile"
    moved = ledger.move_rollout(PUMP, "2", CANARY, NOW, was=begun.id)
    assert moved is not None
    with ledger._begin() as connection:
        steps = connection.exec_driver_sql("SELECT version, state FROM dq.rollouts ORDER BY id").all()
    assert [tuple(row) for row in steps] == [("2", "shadow"), ("2", "canary")]
    with pytest.raises(DBAPIError, match="append"), ledger._begin() as connection:
        connection.exec_driver_sql("UPDATE dq.rollouts SET state = 'promoted'")


def test_of_many_one_is_a_canary(ledger: PostgresLedger) -> None:
    rows = {name: ledger.move_rollout(PUMP, name, SHADOW, NOW, was=None) for name in ("2", "3", "4")}
    assert all(rows.values())

    def up(name: str) -> Any:
        row = rows[name]
        assert row is not None
        return ledger.move_rollout(PUMP, name, CANARY, NOW, was=row.id)

    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(up, rows))
    assert sum(row is not None for row in found) == 1
    assert sorted(row.state for row in ledger.rollouts(PUMP)) == ["canary", "shadow", "shadow"]


def test_pairs_are_of_the_same_sample_and_wait_for_nothing(
    ledger: PostgresLedger, line: Line, score: Any, prediction: Any
) -> None:
    begun = ledger.move_rollout(PUMP, "2", CANARY, NOW, was=None)
    assert begun is not None
    line.commit(
        scores=(score("a"), score("b"), score("c")),
        predictions=(
            prediction("a", value=1.0),
            prediction("a", value=2.0, release="2", role="shadow"),
            prediction("b", value=3.0, role="shadow"),
            prediction("b", value=4.0, release="2", role="canary", alarm=True),
            prediction("c", value=9.0, fallback="last_good"),
            prediction("c", value=5.0, release="2", role="shadow"),
            prediction("d", value=6.0),
            prediction("d", value=7.0, release="2", role="shadow"),
        ),
        targets=(TargetRow("b", 3.5, "completion"),),
    )
    pairs = ledger.pairs(PUMP, "2", "1", after=begun.after)
    assert [(p.sample_id, p.sample, p.value, p.champion_value, p.target, p.role) for p in pairs] == [
        ("a", 0, 2.0, 1.0, None, "shadow"),
        ("b", 1, 4.0, 3.0, 3.5, "canary"),
        ("d", None, 7.0, 6.0, None, "shadow"),
    ]
    assert ledger.pairs(PUMP, "2", "1", after=99) == []
    assert ledger.canary_answers(PUMP, "2") == 1


def test_the_canary_s_answer_is_the_answer(ledger: PostgresLedger, line: Line, score: Any, prediction: Any) -> None:
    line.commit(
        scores=(score("a"), score("b")),
        predictions=(
            prediction("a", value=1.0, alarm=True),
            prediction("b", value=3.0, role="shadow", alarm=True),
            prediction("b", value=4.0, release="2", role="canary", alarm=True, expected_error=0.5),
            prediction("a", value=2.0, release="2", role="shadow", alarm=True, expected_error=0.5),
        ),
        targets=(TargetRow("a", 1.0, "completion"), TargetRow("b", 4.0, "completion")),
    )
    assert [(row.sample_id, row.release, row.role) for row in ledger.judged(PUMP)] == [
        ("a", "1", "champion"),
        ("b", "2", "canary"),
    ]
    assert [row.sample_id for row in ledger.judged(PUMP, release="2", role="shadow")] == ["a"]
    assert len(ledger.judged(PUMP, release="2", role=("shadow", "canary"))) == 2
    assert {name: row.release for name, row in ledger.answers(PUMP, ["a", "b"]).items()} == {"a": "1", "b": "2"}
    assert ledger.answered(PUMP, ["a", "b"], except_batch="other") == {"a", "b"}
    assert [row.sample_id for row in ledger.expected_errors(PUMP, "2", last=9)] == ["b"]
    summary = ledger.summary(PUMP)
    assert (summary["alarms"], summary["duplicates"]) == (2, 0)
    assert ledger.label_state(PUMP)["waiting"] == 0
    (a, b) = ledger.period(PUMP)
    assert (a.answer.release, b.answer.release, b.champion, b.target) == ("1", "2", "1", 4.0)
    assert len(ledger.answered_in(PUMP, [a.batch_id])[a.batch_id]) == 4
    kept = [prediction("a", role="replay", release="9")]
    assert [ledger.keep_replay(PUMP, a.batch_id, kept, NOW) for _ in range(2)] == [1, 0]
    assert len(ledger.answered_in(PUMP, [a.batch_id])[a.batch_id]) == 4
