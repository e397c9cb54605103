from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from dq_pipeline.errors import LostClaimError, StateError, StreamError
from dq_pipeline.records import BatchOutcome, BatchState, Loss, OffsetRange

pytestmark = pytest.mark.integration


def test_claims_follow_each_other_without_a_gap(line: Any) -> None:
    line.arrive(5)
    line.arrive(250, partition=1)
    first = line.claim()
    assert first.ranges == (OffsetRange(0, 0, 5), OffsetRange(1, 0, 95))
    assert (first.sequence, first.state, first.fence, first.attempts) == (1, BatchState.CLAIMED, 1, 1)
    assert line.ledger.positions("pump", "pump.samples") == {0: 5, 1: 95}


def test_nothing_to_read_is_none(line: Any) -> None:
    assert line.claim() is None
    assert line.ledger.positions("pump", "pump.samples") == {0: 0}
    assert line.ledger.processes() == ["pump"]


def test_of_two_claims_at_once_one_gets_the_batch(line: Any) -> None:
    line.arrive(10)
    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(lambda number: line.claim(f"run-{number}"), range(8)))
    assert sum(claim is not None for claim in claims) == 1


def test_a_running_lease_keeps_others_away_and_lets_its_holder_in(line: Any) -> None:
    line.arrive(1)
    first = line.claim("run-1")
    assert line.claim("run-2") is None
    again = line.claim("run-1")
    assert (again.batch_id, again.fence, again.attempts) == (first.batch_id, 2, 2)
    line.later(61)
    adopted = line.claim("run-2")
    assert (adopted.batch_id, adopted.fence, adopted.holder) == (first.batch_id, 3, "run-2")


def test_letting_go_ends_the_lease_and_counts_a_failure(line: Any) -> None:
    line.arrive(1)
    line.claim("run-1")
    line.ledger.let_go("pump", "run-1", "broker away", line.now)
    assert line.ledger.failures("pump") == (1, line.now)
    assert line.ledger.open_batch("pump", line.now)[1] is False
    assert line.claim("run-2") is not None
    line.ledger.let_go("pump", "run-1", "again", line.now)  # no longer its holder: the lease of run-2 goes on
    assert line.ledger.open_batch("pump", line.now)[1] is True
    assert line.ledger.failures("pump")[0] == 2


def test_a_commit_ends_the_row_of_failures(line: Any) -> None:
    line.ledger.let_go("pump", "run-1", "no release yet", line.now)
    line.commit()
    assert line.ledger.failures("pump")[0] == 0
    assert line.ledger.open_batch("pump", line.now) is None


def test_a_range_that_keeps_failing_is_parked_and_the_stream_goes_on(line: Any) -> None:
    line.arrive(1)
    bad = line.claim()
    for run in (1, 2):
        line.ledger.let_go("pump", f"run-{run}", "cannot decode", line.now)
        assert line.claim(f"run-{run + 1}").attempts == run + 1
    line.ledger.let_go("pump", "run-3", "cannot decode", line.now)
    line.arrive(1)
    good = line.claim("run-4")
    assert good.ranges == (OffsetRange(0, 1, 2),)
    parked = {row["batch_id"]: row for row in line.ledger.batches("pump", 10)}[bad.batch_id]
    assert (parked["state"], parked["error"]) == ("parked", "cannot decode")
    with pytest.raises(StateError, match="parked after 3 attempts"):
        line.take(bad)
    with pytest.raises(LostClaimError):
        line.ledger.mark_landed(bad, "raw/late", 1, line.now)
    (notice,) = line.ledger.announce("pump", line.now)
    assert notice.severity == "critical"
    assert "cannot decode" in notice.detail
    assert line.ledger.announce("pump", line.now) == []


def test_an_adopter_that_goes_on_to_the_next_step_is_one_attempt(line: Any) -> None:
    line.arrive(1)
    claim = line.ledger.mark_landed(line.claim(), "raw/a", 1, line.now)
    assert claim.attempts == 0
    assert line.take(claim).attempts == 1
    for run in (2, 3):
        line.ledger.let_go("pump", f"run-{run - 1}", "out of memory", line.now)
        assert line.claim(f"run-{run}").attempts == run
        assert line.take(claim, f"run-{run}").attempts == run
    assert line.take(claim, "run-3").attempts == 4  # a retry within the run is one more
    line.ledger.let_go("pump", "run-3", "out of memory", line.now)
    assert line.claim("run-4") is None


def test_getting_on_starts_the_count_anew(line: Any) -> None:
    line.arrive(1)
    line.claim()
    line.claim()
    claim = line.ledger.mark_landed(line.claim(), "raw/a", 1, line.now)
    for _ in range(3):
        assert line.take(claim).state is BatchState.LANDED
    assert line.ledger.open_batch("pump", line.now)[0].attempts == 3


def test_unparked_batches_are_read_again_from_the_start_at_the_end_of_the_line(line: Any) -> None:
    line.arrive(1)
    bad = line.ledger.mark_landed(line.claim(max_attempts=1), "raw/a", 1, line.now)
    line.take(bad)
    line.later(61)
    line.arrive(1)
    open_now = line.claim(max_attempts=1)
    assert line.ledger.unpark("pump", line.now) == 1
    assert line.ledger.unpark("pump", line.now) == 0
    back = line.ledger.open_batch("pump", line.now)[0]
    assert back.batch_id == open_now.batch_id
    with pytest.raises(LostClaimError, match="in line before"):
        line.take(bad)
    line.ledger.mark_landed(open_now, "raw/b", 1, line.now)
    claim = line.ledger.mark_assessed(line.take(open_now), "assessed/b", line.now)
    line.ledger.commit(claim, BatchOutcome(), line.now)
    redriven = line.claim("run-2")
    assert (redriven.batch_id, redriven.ranges, redriven.uri) == (bad.batch_id, bad.ranges, None)
    assert redriven.state is BatchState.CLAIMED
    assert redriven.sequence > open_now.sequence


def test_taking(line: Any) -> None:
    claim = line.assessed()
    with pytest.raises(LostClaimError, match="held by 'run-1'"):
        line.take(claim, "run-2")
    taken = line.take(claim, "run-1")
    assert taken.fence == claim.fence + 1
    assert taken.uri == f"assessed/{claim.batch_id}"
    line.ledger.commit(taken, BatchOutcome(), line.now)
    done = line.take(claim, "run-2")
    assert (done.state, done.fence) == (BatchState.COMMITTED, taken.fence)
    with pytest.raises(StateError, match="no batch 'nonsense'"):
        line.ledger.take("pump", "nonsense", holder="run-1", lease_s=60, now=line.now)


def test_an_orphan_changes_nothing_once_its_retry_has_the_batch(line: Any) -> None:
    line.arrive(1)
    orphan = line.claim()
    retry = line.claim()
    with pytest.raises(LostClaimError, match="taken over"):
        line.ledger.mark_landed(orphan, "raw/orphan", 1, line.now)
    landed = line.ledger.mark_landed(retry, "raw/retry", 1, line.now)
    with pytest.raises(LostClaimError):
        line.ledger.mark_assessed(orphan, "assessed/orphan", line.now)
    with pytest.raises(StateError, match="expected to be assessed, found landed"):
        line.ledger.commit(landed, BatchOutcome(), line.now)
    claim = line.ledger.mark_assessed(line.take(landed), "assessed/retry", line.now)
    with pytest.raises(LostClaimError):
        line.ledger.commit(landed, BatchOutcome(), line.now)
    line.ledger.commit(claim, BatchOutcome(), line.now)
    with pytest.raises(LostClaimError):
        line.ledger.mark_assessed(claim, "assessed/late", line.now)
    assert [batch.uri for batch in line.ledger.committed("pump")] == ["assessed/retry"]


def test_retention_that_ran_out_is_data_loss_once(line: Any) -> None:
    line.arrive(3)
    line.claim(max_messages=2)
    line.arrive(5)
    line.earliest[0] = 6
    line.later(61)
    adopted = line.claim()  # the open batch first: what of it is gone only its reader can tell
    assert adopted.ranges == (OffsetRange(0, 0, 2),)
    line.ledger.add_losses("pump", [Loss("pump.samples", 0, 0, 2)], line.now)
    line.ledger.add_losses("pump", [Loss("pump.samples", 0, 0, 2)], line.now)
    landed = line.ledger.mark_landed(adopted, "raw/a", 0, line.now)
    claim = line.ledger.mark_assessed(line.take(landed), "assessed/a", line.now)
    line.ledger.commit(claim, BatchOutcome(), line.now)
    assert line.claim().ranges == (OffsetRange(0, 6, 8),)
    assert line.ledger.losses("pump") == (Loss("pump.samples", 0, 0, 2), Loss("pump.samples", 0, 2, 6))
    assert line.ledger.summary("pump")["gaps"] == 6
    assert [notice.severity for notice in line.ledger.announce("pump", line.now)] == ["critical", "critical"]


def test_loss_is_recorded_even_if_nothing_is_left_to_read(line: Any) -> None:
    line.claim()
    line.ends[0], line.earliest[0] = 4, 4
    assert line.claim() is None
    assert line.ledger.losses("pump") == (Loss("pump.samples", 0, 0, 4),)
    assert line.ledger.positions("pump", "pump.samples") == {0: 4}


def test_a_recreated_topic_claims_nothing(line: Any) -> None:
    line.commit()
    line.ends[0] = 0
    with pytest.raises(StreamError, match="recreated"):
        line.claim()
    assert line.ledger.positions("pump", "pump.samples") == {0: 1}


def test_processes_do_not_touch_each_other(line: Any, new_line: Any) -> None:
    other = new_line(line.ledger, "rig")
    line.arrive(1)
    other.arrive(1)
    assert line.claim().batch_id != other.claim().batch_id
