"""A claim that nobody takes up, ranges that were parked, a deployment that fails again and again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from dq_pipeline.records import BatchState, OpenClaim
from dq_pipeline.watch.sign import Sign, spoken

_SHOWN = 10


def stale_claim(claims: Sequence[OpenClaim], now: datetime, *, limit_s: float) -> Sign:
    """Has a batch lain open, with nobody's lease on it, for longer than any run would have left it."""
    left = [one for one in claims if one.state is not BatchState.PARKED and one.lease_until < now]
    if not left:
        return Sign("stale_claim", "well", "no batch lies open without a holder", 0.0, limit_s)
    oldest = min(left, key=lambda one: one.lease_until)
    age = (now - oldest.lease_until).total_seconds()
    text = (
        f"batch {oldest.batch_id} was left {oldest.state} by {oldest.holder or 'nobody'} "
        f"{spoken(age)} ago, limit {spoken(limit_s)}: no run has taken it up"
    )
    evidence = {
        "batch_id": oldest.batch_id,
        "state": str(oldest.state),
        "holder": oldest.holder,
        "attempts": oldest.attempts,
        "error": oldest.error,
        "age_s": age,
    }
    sick = age > limit_s
    return Sign("stale_claim", "sick" if sick else "well", text, age, limit_s, severity="critical", evidence=evidence)


def parked(claims: Sequence[OpenClaim]) -> Sign:
    """Do ranges of the stream wait for a person."""
    found = [one for one in claims if one.state is BatchState.PARKED]
    names = ", ".join(one.batch_id for one in found[:_SHOWN])
    text = f"{len(found)} ranges are parked" + (f": {names}" if found else "")
    evidence = {"batches": [one.batch_id for one in found], "errors": sorted({one.error for one in found})[:_SHOWN]}
    sick = bool(found)
    return Sign("parked", "sick" if sick else "well", text, float(len(found)), 0.0, "", "critical", evidence=evidence)


def failing(failures: int, last: datetime | None, *, limit: int) -> Sign:
    """Have so many runs of the deployment failed in a row."""
    text = f"{failures} runs in a row have failed, limit {limit}"
    if failures and last is not None:
        text += f", the last at {last:%Y-%m-%d %H:%M} UTC"
    sick = failures >= limit
    figure, bound = float(failures), float(limit)
    evidence = {"failures": failures, "last": None if last is None else last.isoformat()}
    return Sign("failing", "sick" if sick else "well", text, figure, bound, severity="critical", evidence=evidence)
