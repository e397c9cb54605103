from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dq_pipeline.records import FlagKind, TargetRow
from dq_pipeline.records.truth import counting

pytestmark = pytest.mark.integration

CONFLICT = FlagKind.CONFLICTING_LABELS


def _conflict_flags(line: Any) -> list[Any]:
    return [row.flag for row in line.ledger.flags("pump", kinds=[CONFLICT])]


def test_a_reviewer_counts_before_labels_and_these_before_what_was_derived(
    line: Any, score: Any, prediction: Any
) -> None:
    line.commit(scores=(score("a"),), predictions=(prediction("a"),), targets=(TargetRow("a", 1.0, "completion"),))
    ledger = line.ledger

    def known() -> list[float | None]:
        truth = ledger.truths("pump", ["a"])["a"].value
        return [ledger.targets("pump", ["a"])["a"], truth, ledger.judged("pump")[0].target, ledger.last_good("pump")]

    assert known() == [1.0] * 4
    for value, origin in ((2.0, "labels"), (3.0, "file"), (4.0, "http")):
        ledger.add_targets("pump", [TargetRow("a", value, origin)], line.now)
        assert known() == [value] * 4
    ledger.add_targets("pump", [TargetRow("a", 5.0, "review", "cleo")], line.now)
    ledger.add_targets("pump", [TargetRow("a", 6.0, "labels")], line.now)
    assert known() == [5.0] * 4
    truth = ledger.truths("pump", ["a"])["a"]
    assert (truth.origin, truth.annotator, truth.determined_at) == ("review", "cleo", line.now)


SAID = st.tuples(st.sampled_from([1.0, 2.0, 3.0]), st.sampled_from(["completion", "labels", "file", "http", "review"]))


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(SAID, min_size=1, max_size=6))
def test_the_database_and_the_records_say_the_same(line: Any, said: list[tuple[float, str]]) -> None:
    name = f"s{abs(hash(tuple(said)))}"
    rows = [TargetRow(name, value, origin, f"by {i}") for i, (value, origin) in enumerate(said)]
    for row in rows:
        line.ledger.add_targets("pump", [row], line.now)
    found = counting(rows)
    assert found is not None
    assert line.ledger.targets("pump", [name])[name] == found.value


def test_a_conflict_is_kept_and_flagged_once_until_a_reviewer_has_spoken(line: Any, release: Any) -> None:
    ledger, said_at = line.ledger, datetime(2026, 2, 1, tzinfo=UTC)
    first = TargetRow("a", 1.0, "labels", "anna", said_at)
    ledger.add_targets("pump", [first, TargetRow("b", 1.0, "labels")], line.now)
    assert ledger.conflicts("pump") == {}
    ledger.add_release(release("1"))
    ledger.move_release("pump", "1", "promote", who="x", why="y", now=line.now)
    second = TargetRow("a", 2.0, "file", "bert")
    assert ledger.add_targets("pump", [second, TargetRow("b", 1.0, "file")], line.now) == 2
    assert list(ledger.conflicts("pump", ["a", "b"])) == list(ledger.conflicts("pump")) == ["a"]
    assert [(row.value, row.annotator) for row in ledger.conflicts("pump")["a"]] == [(1.0, "anna"), (2.0, "bert")]
    (flag,) = _conflict_flags(line)
    assert (flag.sample_id, flag.release, flag.p, flag.rejected) == ("a", "1", None, False)
    assert flag.evidence["values"] == [
        {"value": 1.0, "origin": "labels", "annotator": "anna", "at": said_at.isoformat()},
        {"value": 2.0, "origin": "file", "annotator": "bert", "at": line.now.isoformat()},
    ]
    assert ledger.targets("pump", ["a"]) == {"a": 2.0}, "of a conflict the newest counts"
    assert ledger.add_targets("pump", [first, second], line.now) == 0, "a topic may be read again"
    ledger.add_release(release("2"))
    ledger.move_release("pump", "2", "promote", who="x", why="y", now=line.now)
    again = TargetRow("a", 2.0, "http", "bert")
    assert ledger.add_targets("pump", [again], line.now) == 1
    assert [flag.release for flag in _conflict_flags(line)] == ["1"], "the same values are the same conflict"
    ledger.add_targets("pump", [TargetRow("a", 1.0, "review", "cleo")], line.now)
    assert ledger.conflicts("pump") == {}
    ledger.add_targets("pump", [TargetRow("a", 2.0, "http", "dora")], line.now)
    assert ledger.conflicts("pump") == {}, "the reviewer knew that value"
    before = len(_conflict_flags(line))
    ledger.add_targets("pump", [TargetRow("a", 9.0, "http", "dora")], line.now)
    assert [row.value for row in ledger.conflicts("pump")["a"]] == [1.0, 9.0]
    assert len(_conflict_flags(line)) == before + 1
    assert ledger.targets("pump", ["a"]) == {"a": 1.0}


def test_of_labels_that_come_at_once_one_sees_the_other(line: Any) -> None:
    def say(i: int) -> int:
        return int(line.ledger.add_targets("pump", [TargetRow("a", float(i), "http", f"by {i}")], line.now))

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(say, range(2))) == [1, 1]
    assert len(_conflict_flags(line)) == 1


def test_conflicts_and_reports_are_no_part_of_the_budget(line: Any, score: Any, prediction: Any) -> None:
    line.commit(scores=(score("a"),), predictions=(prediction("a"),))
    line.ledger.add_targets("pump", [TargetRow("a", 1.0, "labels"), TargetRow("a", 2.0, "labels")], line.now)
    assert len(_conflict_flags(line)) == 1
    assert line.ledger.flag_rate("pump", "") == (0, 0)
    assert line.ledger.flag_rate("pump", "1") == (0, 1)


def test_the_lag_is_what_completed_between_a_sample_and_its_label(line: Any, score: Any, prediction: Any) -> None:
    ledger = line.ledger
    ledger.add_targets("pump", [TargetRow("c", 1.0, "labels")], line.now)  # comes before its sample
    line.later(5)
    names = [f"s{i}" for i in range(10)]
    answers = tuple(prediction(name) for name in (*names, "c", "open"))
    line.commit(
        scores=tuple(map(score, (*names, "c"))), predictions=answers, targets=(TargetRow("s9", 1.0, "completion"),)
    )
    line.later(30)
    late = [TargetRow("s0", 1.0, "labels"), TargetRow("s8", 1.0, "http"), TargetRow("history", 1.0, "file")]
    ledger.add_targets("pump", [*late, TargetRow("open", 2.0, "file")], line.now)
    lags = {name: row.lag for name, row in ledger.truths("pump", [*names, "c", "history", "open"]).items()}
    assert lags == {"s0": 10, "s8": 2, "s9": 0, "c": None, "history": None, "open": None}
    assert ledger.judged("pump")[-1].sample_id == "c", "it is joined all the same"
    state = ledger.label_state("pump")
    assert state["origins"]["labels"] == {"targets": 2, "samples": 2}
    assert state["origins"]["completion"]["targets"] == 1
    assert (state["lag_samples"]["max"], state["lag_samples"]["p50"]) == (10.0, 6.0)
    assert (state["lag_s"]["p50"], state["lag_s"]["max"]) == (30.0, 30.0)
    assert (state["before"], state["unjoined"], state["conflicts"], state["waiting"]) == (1, 1, 0, 7)


def test_an_annotator_may_return_to_an_earlier_value_and_says_when(line: Any) -> None:
    def said(value: float, day: int) -> TargetRow:
        return TargetRow("a", value, "labels", "anna", datetime(2026, 1, day, tzinfo=UTC))

    assert line.ledger.add_targets("pump", [said(1.0, 1), said(2.0, 2), said(1.0, 3), said(1.0, 3)], line.now) == 3
    assert line.ledger.targets("pump", ["a"]) == {"a": 1.0}
    assert line.ledger.conflicts("pump") == {}


def test_nothing_known_is_nothing_counted(line: Any) -> None:
    assert line.ledger.conflicts("pump", []) == {}
    assert line.ledger.truths("pump", []) == {}
    empty = {"origins": {}, "lag_samples": None, "lag_s": None, "before": 0, "unjoined": 0, "conflicts": 0}
    assert line.ledger.label_state("pump") == {**empty, "waiting": 0}


def test_expected_errors_are_those_of_the_model_in_the_order_of_the_stream(
    line: Any, score: Any, prediction: Any
) -> None:
    def begun(name: str, second: int) -> Any:
        return score(name, start=line.now + timedelta(seconds=second))

    line.commit(
        scores=(begun("b", 2), begun("a", 3), begun("c", 1)),
        predictions=(
            *(prediction(name, expected_error=0.1) for name in "ab"),
            prediction("c", expected_error=0.3, release="2"),
            prediction("d", fallback="none", expected_error=None),
            prediction("e", expected_error=0.5, role="shadow"),
        ),
    )
    line.later(60)
    line.commit(scores=(begun("f", 9),), predictions=(prediction("f", expected_error=0.2),))
    line.ledger.add_targets("pump", [TargetRow("a", 2.0, "labels")], line.now)
    found = line.ledger.expected_errors("pump", "1", last=9)
    assert [(row.sample_id, row.expected_error, row.target) for row in found] == [
        ("b", 0.1, None),
        ("a", 0.1, 2.0),
        ("f", 0.2, None),
    ]
    assert [row.known_at for row in found] == [None, line.now, None]
    assert [row.sample_id for row in line.ledger.expected_errors("pump", "1", last=1)] == ["f"]
