"""Claim the next offsets and land exactly those messages in the lake."""

from __future__ import annotations

from functools import partial
from typing import Any

from dq_pipeline.errors import DataLossError, StateError
from dq_pipeline.ports import World
from dq_pipeline.records import BatchState, Claim, Loss, OffsetRange, RawMessage
from dq_pipeline.steps import landing, paths
from dq_pipeline.steps.clock import utc_now


def pull(world: World, process: str, *, holder: str) -> dict[str, Any] | None:
    """Claim a micro-batch, or adopt the one a failed run left, and land it.

    Returns
    -------
    dict or None
        `batch_id`, `sequence`, `messages`; None if there is nothing to read or another run holds the batch.

    Raises
    ------
    StateError
        If the process has no release yet: its stream waits, unread.
    """
    settings = world.process(process).stream
    if world.ledger.production(process) is None:
        raise StateError(f"{process} has no release in Production yet: run its initialization first")
    claim = world.ledger.claim(
        process,
        settings.topic,
        world.stream.watermarks(settings.topic),
        max_messages=settings.max_samples,
        max_attempts=settings.max_attempts,
        holder=holder,
        lease_s=settings.lease_s,
        now=utc_now(),
    )
    announce(world, process)
    if claim is None:
        return None
    if claim.state is not BatchState.CLAIMED:  # adopted after the landing
        return {"batch_id": claim.batch_id, "sequence": claim.sequence, "messages": None}
    messages = _read(world, claim)
    uri = world.lake.put(paths.raw(process, claim.batch_id), partial(landing.write, messages))
    world.ledger.mark_landed(claim, uri, len(messages), utc_now())
    return {"batch_id": claim.batch_id, "sequence": claim.sequence, "messages": len(messages)}


def announce(world: World, process: str) -> None:
    """Tell people of what the ledger recorded since the last time."""
    for notice in world.ledger.announce(process):
        world.notifier.notify(notice)


def _read(world: World, claim: Claim) -> list[RawMessage]:
    try:
        return list(world.stream.read(claim.topic, claim.ranges))
    except DataLossError:  # retention took part of the range between claim and read
        there = world.stream.watermarks(claim.topic)
        losses, left = _split(claim, {partition: earliest for partition, (earliest, _) in there.items()})
        world.ledger.add_losses(claim.process, losses, utc_now())
        announce(world, claim.process)
        return list(world.stream.read(claim.topic, left))


def _split(claim: Claim, earliest: dict[int, int]) -> tuple[list[Loss], list[OffsetRange]]:
    losses, left = [], []
    for r in claim.ranges:
        first = min(max(r.start, earliest.get(r.partition, r.stop)), r.stop)
        if first > r.start:
            losses.append(Loss(claim.topic, r.partition, r.start, first))
        if first < r.stop:
            left.append(OffsetRange(r.partition, first, r.stop))
    return losses, left
