"""Commit what an assessment decided, then send it."""

from __future__ import annotations

from typing import Any

from dq_pipeline.errors import StateError
from dq_pipeline.log_context import note
from dq_pipeline.ports import World
from dq_pipeline.records import ACTING, BatchState
from dq_pipeline.steps import outcome
from dq_pipeline.steps.clock import utc_now
from dq_pipeline.steps.pull import announce

_PAGE = 500


def act(world: World, process: str, *, batch_id: str, holder: str) -> dict[str, Any]:
    """Write predictions, targets, alarms and outbox in one transaction with the batch's commit; then drain the outbox.

    Running it again after it was killed anywhere changes nothing that was committed and sends what was not sent.

    Raises
    ------
    StateError
        If the batch was not assessed yet.
    LostClaimError
        If another run holds the batch.
    """
    note(dq_batch=batch_id)
    settings = world.process(process).stream
    claim = world.ledger.take(process, batch_id, holder=holder, lease_s=settings.lease_s, now=utc_now())
    if claim.state in (BatchState.CLAIMED, BatchState.LANDED):
        raise StateError(f"batch {batch_id} of {process} is {claim.state}; it must be assessed before it is acted on")
    decided = outcome.read(world, claim)
    if claim.state is BatchState.ASSESSED:
        world.ledger.commit(claim, decided, utc_now())
    sent = drain(world, process)
    world.stream.commit(f"dq-{process}", settings.topic, {r.partition: r.stop for r in claim.ranges})
    return {
        "batch_id": batch_id,
        "predictions": sum(row.role in ACTING for row in decided.predictions),
        "alarms": sum(row.alarm for row in decided.predictions if row.role in ACTING),
        "drift_alarms": len(decided.alarms),
        "sent": sent,
    }


def drain(world: World, process: str) -> int:
    """Publish the outbox, oldest first, and mark what the broker acknowledged; returns how many messages."""
    total = 0
    while rows := world.ledger.unsent(process, _PAGE):
        world.stream.publish(message for _, message in rows)
        world.ledger.sent([row for row, _ in rows], utc_now())
        total += len(rows)
    announce(world, process)
    return total
