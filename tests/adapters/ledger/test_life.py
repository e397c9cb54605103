"""Whatever runs do, die of and repeat: every offset is committed exactly once, in order."""

from __future__ import annotations

import secrets
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dq_pipeline.errors import LedgerError
from dq_pipeline.records import BatchOutcome, BatchState, Claim, SampleScore

pytestmark = pytest.mark.integration

STEPS = st.sampled_from(["arrive", "claim", "land", "take", "assess", "commit", "crash", "wait", "fail", "unpark"])


@given(st.lists(st.tuples(STEPS, st.integers(0, 2)), max_size=40))
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # each example is a process of its own
)
def test_every_offset_is_committed_exactly_once(
    ledger: Any, new_line: Any, score: Any, steps: list[tuple[str, int]]
) -> None:
    line = new_line(ledger, f"p{secrets.token_hex(6)}")
    held: dict[int, Claim | None] = dict.fromkeys(range(3))
    for step, run in steps:
        try:
            held[run] = act(line, score, step, run, held[run])
        except LedgerError:
            held[run] = None  # a run that is told off gives up
    drain(line, score)
    check(line)


def act(line: Any, score: Any, step: str, run: int, claim: Claim | None) -> Claim | None:
    holder = f"run-{run}"
    match step:
        case "arrive":
            line.arrive(3 + run, partition=run % 2)
        case "wait":
            line.later(40)
        case "unpark":
            line.ledger.unpark(line.process, line.now)
        case "crash":
            return None
        case "fail":
            line.ledger.let_go(line.process, holder, "failed", line.now)
        case "claim":
            return line.claim(holder, max_messages=4)
        case _ if claim is not None:
            return advance(line, score, step, holder, claim)
    return claim


def advance(line: Any, score: Any, step: str, holder: str, claim: Claim) -> Claim | None:
    if step == "land":
        return line.ledger.mark_landed(claim, f"raw/{claim.fence}", 1, line.now)
    if step == "assess":
        return line.ledger.mark_assessed(claim, f"assessed/{claim.fence}", line.now)
    if step == "commit":
        line.ledger.commit(claim, BatchOutcome(scores=scores_of(score, claim)), line.now)
        return claim  # and may try again
    return line.take(claim, holder)


def scores_of(score: Any, claim: Claim) -> tuple[SampleScore, ...]:
    return tuple(score(f"{r.partition}-{offset}") for r in claim.ranges for offset in range(r.start, r.stop))


def drain(line: Any, score: Any) -> None:
    """One good run after the other, until nothing is left."""
    line.later(1000)
    line.ledger.unpark(line.process, line.now)
    while (claim := line.claim("good", max_messages=7, max_attempts=100)) is not None:
        if claim.state is BatchState.CLAIMED:
            claim = line.ledger.mark_landed(claim, "raw", 1, line.now)
        claim = line.ledger.mark_assessed(line.take(claim, "good"), "assessed", line.now)
        line.ledger.commit(claim, BatchOutcome(scores=scores_of(score, claim)), line.now)


def check(line: Any) -> None:
    there = {f"{partition}-{offset}" for partition, end in line.ends.items() for offset in range(end)}
    rows = line.ledger.samples(line.process, 10_000)
    assert len(rows) == len(there)
    assert {row["sample_id"] for row in rows} == there
    batches = line.ledger.committed(line.process)
    numbers = [n for batch in batches for n in range(batch.first_sample, batch.first_sample + batch.samples)]
    assert numbers == list(range(len(there))) == sorted(row["sample"] for row in rows)
    summary = line.ledger.summary(line.process)
    assert (summary["gaps"], summary["parked"], summary["duplicates"]) == (0, 0, 0)
    assert summary["recordings"] == {"read": len(there), "accepted": len(there), "quarantined": {}}
