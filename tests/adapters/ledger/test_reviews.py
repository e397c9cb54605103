from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from dq_pipeline.errors import StateError
from dq_pipeline.records import Candidate, Flag, FlagKind, Opinion, Review, Ruling, TargetRow

pytestmark = pytest.mark.integration


def candidate(name: str, priority: float = 1.0, **options: Any) -> Candidate:
    return Candidate(name, priority, options.pop("reasons", {"kinds": ["wide_interval"]}), **options)


def says(who: str, action: Any = "accept", token: str = "", **options: Any) -> Opinion:
    return Opinion(0, "s1", who, action, 2.0, None, token=token or who, **options)


def settle(review: Review, said: Any) -> Ruling:
    newest = said[-1]
    target = TargetRow(review.sample_id, 2.0, "review", newest.who)
    flag = Flag(review.sample_id, FlagKind.REPORTED, "1", rejected=True, mark=f"review:{review.id}")
    made = {"flags": (flag,)} if newest.action == "reject" else {"targets": (target,)}
    return Ruling(review.rounds, newest.action, 2.0, **made)  # type: ignore[arg-type]


def wait(review: Review, said: Any) -> Ruling:
    return Ruling(2)


def enter(line: Any, *rows: Candidate) -> list[tuple[Review, bool]]:
    return list(line.ledger.enqueue("pump", rows, line.now))


def test_a_sample_waits_once_and_its_reasons_follow(line: Any) -> None:
    ((first, new),) = enter(line, candidate("s1", content="h1"))
    assert (new, first.state, first.rounds, first.opened_at) == (True, "waiting", 1, line.now)
    line.later(60)
    ((again, new),) = enter(line, candidate("s1", 9.0, reasons={"kinds": ["reported"]}, rounds=2, content="h1"))
    assert (again.id, new, again.priority, again.opened_at) == (first.id, False, 9.0, first.opened_at)
    assert (again.reasons, again.rounds) == ({"kinds": ["reported"]}, 1)
    assert line.ledger.review_counts("pump") == {"waiting": 1, "settled": 0, "refused": 0}


def test_two_runs_at_once_queue_a_sample_once(line: Any) -> None:
    enter(line)
    rows = [candidate(f"s{i}", content=f"h{i}") for i in range(20)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: line.ledger.enqueue("pump", rows, line.now), range(4)))
    assert sum(new for one in found for _, new in one) == 20
    assert line.ledger.review_counts("pump")["waiting"] == 20


def test_the_same_recording_under_another_name_is_refused(line: Any) -> None:
    ((first, _),) = enter(line, candidate("s1", content="h1"))
    ((twin, new),) = enter(line, candidate("s2", content="h1"))
    assert (twin.state, new) == ("refused", True)
    assert twin.reasons["refused"] == f"duplicate: its recording is that of s1, review {first.id}"
    line.ledger.judge("pump", [(first.id, [says("anna")], settle)], line.now)
    ((late, _),) = enter(line, candidate("s3", content="h1"))
    assert late.state == "refused", "also once that one is settled"
    ((own, _),) = enter(line, candidate("s1", content="h1"))
    assert own.state == "waiting", "its own recording is no duplicate"
    ((gone, _),) = enter(line, candidate("s4", refused="no recording"))
    assert (gone.state, gone.reasons["refused"]) == ("refused", "no recording")
    with pytest.raises(StateError, match="never entered the queue"):
        line.ledger.judge("pump", [(gone.id, [says("anna")], settle)], line.now)


def test_an_opinion_settles_with_its_label_in_one_transaction_and_once(line: Any) -> None:
    ((review, _),) = enter(line, candidate("s1"))

    def broken(row: Review, said: Any) -> Ruling:
        return Ruling(1, "accept", 2.0, targets=(TargetRow("s1", None, "review"),))  # type: ignore[arg-type]

    with pytest.raises(DBAPIError):
        line.ledger.judge("pump", [(review.id, [says("anna")], broken)], line.now)
    assert line.ledger.opinions("pump", [review.id]) == {}
    ((after, new),) = line.ledger.judge("pump", [(review.id, [says("anna")], settle)], line.now)
    assert (after.state, after.outcome, after.value, new) == ("settled", "accept", 2.0, 1)
    assert (after.settled_at, line.ledger.targets("pump", ["s1"])) == (line.now, {"s1": 2.0})
    line.later(60)
    ((again, new),) = line.ledger.judge("pump", [(review.id, [says("anna")], settle)], line.now)
    assert (again, new) == (after, 0), "the form was sent twice"
    with pytest.raises(StateError, match=r"settled \(accept\) by anna at 2026-03-01 12:00:00"):
        line.ledger.judge("pump", [(review.id, [says("bert")], settle)], line.now)
    assert line.ledger.reviews_of("pump", ["s1", "s2"]) == {"s1": (after,)}
    (said,) = line.ledger.opinions("pump", [review.id])[review.id]
    assert (said.who, said.review, said.at) == ("anna", review.id, after.settled_at)


def test_of_two_reviewers_at_once_one_settles(line: Any) -> None:
    ((review, _),) = enter(line, candidate("s1"))

    def judge(who: str) -> str:
        try:
            line.ledger.judge("pump", [(review.id, [says(who)], settle)], line.now)
        except StateError:
            return "too late"
        return "settled"

    with ThreadPoolExecutor(6) as pool:
        said = list(pool.map(judge, [f"person {i}" for i in range(6)]))
    assert sorted(said) == ["settled"] + ["too late"] * 5
    assert len(line.ledger.opinions("pump", [review.id])[review.id]) == 1


def test_several_reviews_are_judged_together_or_not_at_all(line: Any) -> None:
    ((one, _), (two, _)) = enter(line, candidate("s1"), candidate("s2"))
    line.ledger.judge("pump", [(two.id, [says("anna", "reject")], settle)], line.now)
    both = [(one.id, [says("bert")], settle), (two.id, [says("bert")], settle)]
    with pytest.raises(StateError, match="settled"):
        line.ledger.judge("pump", both, line.now)
    assert line.ledger.review("pump", one.id) == one
    assert line.ledger.rejected("pump", ["s1", "s2"]) == {"s2"}
    with pytest.raises(StateError, match="found no 999"):
        line.ledger.judge("pump", [(999, [says("bert")], settle)], line.now)


def test_what_goes_on_waiting_is_not_shown_to_who_judged_it(line: Any) -> None:
    ((one, _), (two, _), (three, _)) = enter(
        line, candidate("s1", 1.0), candidate("s2", 3.0), candidate("s3", 2.0)
    )  # fmt: skip
    line.ledger.judge("pump", [(one.id, [says("anna")], wait)], line.now)
    line.ledger.judge("pump", [(two.id, [says("anna", "skip")], wait)], line.now)

    def waiting(**options: Any) -> list[int]:
        return [row.id for row in line.ledger.reviews("pump", **options)]

    assert waiting() == [two.id, three.id, one.id]
    assert waiting(unseen_by="anna") == [two.id, three.id], "what was skipped comes again"
    assert waiting(limit=1, offset=1) == [three.id]
    assert line.ledger.review("pump", one.id).rounds == 2
    assert line.ledger.reviews_of("pump", ["s1", "s9"])["s1"][0].id == one.id


def test_opinions_cannot_be_changed(line: Any) -> None:
    ((review, _),) = enter(line, candidate("s1"))
    evidence = {"regions": [{"start": 1.0, "end": float("nan")}]}
    line.ledger.judge("pump", [(review.id, [says("anna", why="\x00", evidence=evidence)], wait)], line.now)
    (said,) = line.ledger.opinions("pump", [review.id])[review.id]
    assert (said.why, said.evidence) == ("�", {"regions": [{"start": 1.0, "end": None}]})
    for statement in ("UPDATE dq.opinions SET who = 'x'", "DELETE FROM dq.opinions"):
        with pytest.raises(DBAPIError), line.ledger._begin() as connection:
            connection.execute(text(statement))


def test_flags_are_read_on_from_where_they_were_read_to(line: Any) -> None:
    flags = [Flag(f"s{i}", FlagKind.WIDE_INTERVAL, "1") for i in range(5)]
    line.ledger.add_flags("pump", flags, line.now)
    rows = line.ledger.flags_after("pump", 0, 3)
    assert [row.flag.sample_id for row in rows] == ["s0", "s1", "s2"]
    assert [row.flag.sample_id for row in line.ledger.flags_after("pump", rows[-1].id, 9)] == ["s3", "s4"]
    assert list(line.ledger.flags_of("pump", ["s1", "s9"])) == ["s1"]


def test_flags_can_be_seen_in_the_order_of_their_numbers(line: Any) -> None:
    """Else who reads on from the last number would never see one that was committed later."""
    with ThreadPoolExecutor(8) as pool:

        def add(i: int) -> None:
            line.ledger.add_flags("pump", [Flag(f"s{i}", FlagKind.WIDE_INTERVAL, "1")], line.now)

        def watch(_: int) -> set[int]:
            return {row.id for row in line.ledger.flags_after("pump", 0, 1000)}

        adding = [pool.submit(add, i) for i in range(60)]
        seen = [watch(i) for i in range(30)]
        for one in adding:
            one.result()
    final = watch(0)
    for some in seen:
        assert some == {number for number in final if number <= max(some, default=0)}
