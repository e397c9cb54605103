from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from dq_pipeline.adapters.ledger import outcomes
from dq_pipeline.errors import LostClaimError, StateError
from dq_pipeline.records import BatchOutcome, DetectorState, Outgoing, Quarantined, TargetRow

pytestmark = pytest.mark.integration


def everything(score: Any, prediction: Any, alarm: Any) -> BatchOutcome:
    return BatchOutcome(
        scores=(score("b"), score("a", "horizon"), score("a"), score("c", accepted=False)),
        predictions=(prediction("a", alarm=True), prediction("a", role="shadow", release="0"), prediction("b")),
        targets=(TargetRow("a", 1.25, "completion"),),
        quarantined=(Quarantined(0, 0, "unreadable", "JSON expected, found \x00\ud800", None),),
        alarms=(alarm(2.0),),
        detector=DetectorState("d1", 1, 3, b"\x00\x01state"),
        outbox=(Outgoing("pump.alarms", b"k", b"\x00\xff", (("h", b"\xfe"),)), Outgoing("pump.alarms", b"k2", b"v")),
        counts={"late": 2},
        assessed_uri="assessed/final",
    )


def test_a_commit_writes_everything(line: Any, score: Any, prediction: Any, alarm: Any) -> None:
    claim = line.assessed()
    outcome = everything(score, prediction, alarm)
    line.ledger.commit(claim, outcome, line.now)
    (batch,) = line.ledger.committed("pump")
    assert (batch.uri, batch.first_sample, batch.samples) == ("assessed/final", 0, 3)
    assert [row["sample_id"] for row in line.ledger.samples("pump", 9)] == ["c", "a", "b"]
    assert line.ledger.sample_count("pump") == 3
    assert line.ledger.detector_state("pump", "d1") == outcome.detector
    assert tuple(message for _, message in line.ledger.unsent("pump", 10)) == outcome.outbox
    ((_, uri, wrong),) = line.ledger.quarantined("pump")
    assert uri == f"raw/{claim.batch_id}"
    assert wrong == dataclasses.replace(outcome.quarantined[0], detail="JSON expected, found \ufffd?")
    assert line.ledger.batches("pump", 1)[0]["counts"] == {"late": 2}
    assert line.ledger.targets("pump", ["a"]) == {"a": 1.25}


def test_samples_are_numbered_on_from_batch_to_batch(line: Any, score: Any) -> None:
    line.commit(scores=(score("b"), score("a")))
    line.commit()
    line.commit(scores=(score("d", "horizon"), score("c")))
    batches = line.ledger.committed("pump")
    assert [(b.sequence, b.first_sample, b.samples) for b in batches] == [(1, 0, 2), (2, 2, 0), (3, 2, 1)]
    assert [b.sequence for b in line.ledger.committed("pump", after=2)] == [3]
    assert [(row["sample"], row["sample_id"]) for row in line.ledger.samples("pump", 2)] == [(2, "c"), (1, "a")]


def test_a_commit_that_dies_in_the_middle_leaves_nothing(
    line: Any, score: Any, prediction: Any, alarm: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    claim = line.assessed()
    with monkeypatch.context() as patched:
        patched.setattr(outcomes, "enqueue", die)  # the last thing written
        with pytest.raises(KeyboardInterrupt):
            line.ledger.commit(claim, everything(score, prediction, alarm), line.now)
    assert line.ledger.committed("pump") == []
    assert line.ledger.samples("pump", 9) == []
    assert line.ledger.answered("pump", ["a", "b"], except_batch="") == set()
    assert line.ledger.events("pump") == []
    assert line.ledger.detector_state("pump", "d1") is None
    assert line.ledger.sample_count("pump") == 0
    line.ledger.commit(claim, everything(score, prediction, alarm), line.now)
    assert line.ledger.sample_count("pump") == 3


def test_a_commit_repeated_with_its_fence_changes_nothing(line: Any, score: Any, prediction: Any, alarm: Any) -> None:
    claim = line.assessed()
    for _ in range(2):
        line.ledger.commit(claim, everything(score, prediction, alarm), line.now)
    assert line.ledger.sample_count("pump") == 3
    assert len(line.ledger.unsent("pump", 10)) == 2
    assert line.ledger.events("pump")[0].alarms == 1
    with pytest.raises(LostClaimError):
        line.ledger.commit(dataclasses.replace(claim, fence=claim.fence - 1), BatchOutcome(), line.now)


def test_an_orphan_that_wakes_after_the_commit_changes_nothing(line: Any, score: Any, prediction: Any) -> None:
    orphan = line.assessed()
    retry = line.take(orphan)
    line.ledger.commit(retry, BatchOutcome(scores=(score("a"),), predictions=(prediction("a"),)), line.now)
    with pytest.raises(LostClaimError):
        line.ledger.commit(orphan, BatchOutcome(predictions=(prediction("a", value=9.0),)), line.now)
    assert line.ledger.summary("pump")["recordings"]["read"] == 1


def test_a_sample_that_stands_there_already_is_refused_whole(line: Any, score: Any) -> None:
    line.commit(scores=(score("a"),))
    claim = line.assessed()
    with pytest.raises(StateError, match="every sample once per scope"):
        line.ledger.commit(claim, BatchOutcome(scores=(score("b"), score("a"))), line.now)
    assert line.ledger.sample_count("pump") == 1


def test_outbox_rows_are_sent_in_order_and_once(line: Any) -> None:
    line.commit(outbox=tuple(Outgoing("t", b"", str(n).encode()) for n in range(5)))
    first = line.ledger.unsent("pump", 3)
    assert [message.value for _, message in first] == [b"0", b"1", b"2"]
    line.ledger.sent([row for row, _ in first], line.now)
    assert [message.value for _, message in line.ledger.unsent("pump", 3)] == [b"3", b"4"]
    assert line.ledger.unsent("rig", 3) == []
    assert line.ledger.summary("pump")["outbox_pending"] == 2


def test_requeueing_marks_and_sends_in_one_transaction(line: Any) -> None:
    wrong = (Quarantined(0, 0, "unit", "bar", "a"), Quarantined(0, 1, "duplicate", "again", "b"))
    line.commit(quarantined=wrong)
    ((row, _, found),) = line.ledger.quarantined("pump")
    assert found == wrong[0]
    line.ledger.requeue("pump", [row], [Outgoing("pump.samples", b"a", b"raw")], line.now)
    assert line.ledger.quarantined("pump") == []
    assert len(line.ledger.unsent("pump", 9)) == 1
    with pytest.raises(StateError, match="another redrive"):
        line.ledger.requeue("pump", [row], [Outgoing("pump.samples", b"a", b"raw")], line.now)
    assert len(line.ledger.unsent("pump", 9)) == 1


def test_what_json_cannot_hold_is_kept_all_the_same(line: Any, score: Any, prediction: Any) -> None:
    odd = (score("a\x00", metadata={"shift": "\ud800"}), score("b", drift_statistic=float("-inf")))
    answers = (prediction("b", value=float("nan")),)
    line.ledger.commit(line.assessed(), BatchOutcome(scores=odd, predictions=answers), line.now)
    assert [row["sample_id"] for row in line.ledger.samples("pump", 9)] == ["b", "a\ufffd"]
    assert line.ledger.seen("pump", "completion", ["b", "a\ufffd"], except_batch="") == {"b", "a\ufffd"}
