from __future__ import annotations

from typing import Any

import pytest

from dq_pipeline.records import TargetRow

pytestmark = pytest.mark.integration


def test_seen_and_answered_look_at_other_batches(line: Any, score: Any, prediction: Any) -> None:
    claim = line.commit(
        scores=(score("a", "horizon"), score("b")), predictions=(prediction("a"), prediction("b", role="shadow"))
    )
    ledger = line.ledger
    assert ledger.seen("pump", "horizon", ["a", "b", "c"], except_batch="") == {"a"}
    assert ledger.seen("pump", "completion", ["a", "b", "c"], except_batch="") == {"b"}
    assert ledger.seen("pump", "completion", ["b"], except_batch=claim.batch_id) == set()
    assert ledger.answered("pump", ["a", "b"], except_batch="") == {"a"}
    assert ledger.answered("pump", ["a", "b"], except_batch=claim.batch_id) == set()
    assert ledger.seen("rig", "horizon", ["a"], except_batch="") == set()


def test_scores_are_those_of_completed_samples(line: Any, score: Any) -> None:
    line.commit(scores=(score("a"), score("b", unified=None, accepted=False), score("c", "horizon")))
    assert line.ledger.scores("pump", ["a", "b", "c"]) == {"a": (0.5, True), "b": (None, False)}


def test_the_newest_target_counts_and_the_same_label_twice_is_one(line: Any) -> None:
    ledger = line.ledger
    assert ledger.add_targets("pump", [TargetRow("a", 1.0, "completion"), TargetRow("b", 2.0, "labels")], line.now) == 2
    assert ledger.add_targets("pump", [TargetRow("a", 3.0, "labels"), TargetRow("b", 2.0, "labels")], line.now) == 1
    assert ledger.targets("pump", ["a", "b", "c"]) == {"a": 3.0, "b": 2.0}
    assert ledger.add_targets("pump", [], line.now) == 0
    assert ledger.processes() == ["pump"]


def test_the_last_good_value_is_the_newest_target_of_an_accepted_sample(line: Any, score: Any) -> None:
    assert line.ledger.last_good("pump") is None
    line.commit(
        scores=(score("a"), score("b"), score("c", accepted=False), score("d")),
        targets=(TargetRow("b", 2.0, "completion"), TargetRow("a", 1.0, "completion"), TargetRow("c", 3.0, "x")),
    )
    assert line.ledger.last_good("pump") == 2.0
    line.ledger.add_targets("pump", [TargetRow("b", 2.5, "labels")], line.now)
    assert line.ledger.last_good("pump") == 2.5


def test_judged_is_the_newest_in_stream_order(line: Any, score: Any, prediction: Any) -> None:
    line.commit(predictions=tuple(prediction(name) for name in "dcba"))  # horizons first
    line.later(60)
    line.commit(
        scores=(score("b"), score("a", accepted=False), score("c"), score("d")),
        predictions=(
            *(prediction(name, release="0", role="shadow", value=7.0) for name in "ab"),
            prediction("a", release="2"),  # answered once more by a later release: the first answer counts
        ),
    )
    targets = [TargetRow(name, value, "labels") for name, value in (("a", 1.0), ("b", 2.0), ("c", 3.0))]
    line.ledger.add_targets("pump", targets, line.now)
    judged = line.ledger.judged
    assert [(row.sample, row.sample_id, row.target) for row in judged("pump", last=9)] == [
        (0, "b", 2.0),
        (1, "a", 1.0),
        (2, "c", 3.0),
    ]
    assert [row.sample_id for row in judged("pump", last=2)] == ["a", "c"]
    assert [row.release for row in judged("pump", last=9)] == ["1", "1", "1"]
    assert [row.accepted for row in judged("pump", last=2)] == [False, True]
    assert [row.sample_id for row in judged("pump", last=9, release="2")] == ["a"]
    assert [(row.sample_id, row.value) for row in judged("pump", last=9, role="shadow")] == [("b", 7.0), ("a", 7.0)]
    assert [row.sample_id for row in judged("pump", last=9, first_sample=2)] == ["c"]
    assert [row.sample_id for row in judged("pump", first_sample=1, stop_sample=2)] == ["a"]
    assert [row.sample_id for row in judged("pump", last=1, stop_sample=2, release="1")] == ["a"]


def test_odd_ids_are_kept_apart_from_the_statement(line: Any, score: Any) -> None:
    odd = ["'; DROP TABLE dq.scores; --", "%s %(a)s :b", "\N{SNOWMAN} \\", ""]
    line.commit(scores=tuple(score(name) for name in odd))
    assert line.ledger.seen("pump", "completion", odd, except_batch="") == set(odd)


def test_nothing_asked_is_nothing_found(line: Any) -> None:
    assert line.ledger.targets("pump", []) == {}
    assert line.ledger.seen("pump", "horizon", [], except_batch="") == set()
    assert line.ledger.judged("pump", last=5) == []
    assert line.ledger.sample_count("pump") == 0
    assert line.ledger.failures("pump") == (0, None)
