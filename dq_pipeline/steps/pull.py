"""Claim the next offsets and land exactly those messages in the lake."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain
from typing import Any

from dq_pipeline.errors import DataLossError, StateError
from dq_pipeline.log_context import note
from dq_pipeline.ports import World
from dq_pipeline.process import Process
from dq_pipeline.process import Stream as StreamSettings
from dq_pipeline.records import BatchState, Claim, Loss, OffsetRange, RawMessage
from dq_pipeline.steps import landing, paths
from dq_pipeline.steps.clock import as_moment, utc_now
from dq_pipeline.steps.gate import Decoded, decode_all
from dq_pipeline.steps.held import Held
from dq_pipeline.steps.serving import in_production


def pull(world: World, process: str, *, holder: str, held: Held | None = None) -> dict[str, Any] | None:
    """Claim a micro-batch, or adopt the one a failed run left, and land it.

    Parameters
    ----------
    held
        Keeps what the next steps of the same run would read again: the messages are decoded while they are written.

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
    marks = world.stream.watermarks(settings.topic)
    claim = world.ledger.claim(
        process,
        settings.topic,
        marks,
        max_messages=settings.max_samples,
        max_attempts=settings.max_attempts,
        holder=holder,
        lease_s=settings.lease_s,
        now=utc_now(),
    )
    announce(world, process)
    if claim is None:
        return None
    note(dq_batch=claim.batch_id)
    if claim.state is not BatchState.CLAIMED:  # adopted after the landing
        return {"batch_id": claim.batch_id, "sequence": claim.sequence, "messages": None}
    messages = _read(world, claim, held)
    file = paths.raw(process, claim.batch_id)
    if held is None:
        uri = world.lake.put(file, partial(landing.write, messages))
    else:
        serving = in_production(world, process).process
        decoded = held.decoded_ahead(serving)
        if decoded is not None:
            held.read_ahead(world, settings.topic, _next(claim, marks, settings), serving)
            uri = world.lake.put(file, partial(landing.write, messages))
        else:
            uri, decoded = _landed(world, file, messages, serving)
            held.read_ahead(world, settings.topic, _next(claim, marks, settings), serving)
        held.keep(uri, serving, decoded)
    world.ledger.mark_landed(claim, uri, len(messages), utc_now())
    return {"batch_id": claim.batch_id, "sequence": claim.sequence, "messages": len(messages)}


def announce(world: World, process: str) -> None:
    """Tell people of what the ledger recorded since the last time."""
    for notice in world.ledger.announce(process, utc_now()):
        world.notifier.notify(notice)


def _landed(world: World, file: str, messages: list[RawMessage], serving: Process) -> tuple[str, Decoded]:
    """Write the messages, and decode them meanwhile for the assessment."""
    with ThreadPoolExecutor(1) as pool:
        written = pool.submit(world.lake.put, file, partial(landing.write, messages))
        decoded = decode_all(messages, serving, as_moment(utc_now()))
        return written.result(), decoded


def _next(claim: Claim, marks: Mapping[int, tuple[int, int]], settings: StreamSettings) -> list[OffsetRange]:
    """What the micro-batch after this one is likely to read; nothing where it has to wait for more."""
    waiting = {r.partition: (r.stop, marks[r.partition][1]) for r in claim.ranges if r.stop < marks[r.partition][1]}
    if sum(stop - start for start, stop in waiting.values()) < settings.min_samples:
        return []
    ranges, left = [], settings.max_samples
    shortest = sorted(waiting, key=lambda p: (waiting[p][1] - waiting[p][0], p))
    for position, p in enumerate(shortest):  # as fairly as a claim shares them
        start, stop = waiting[p]
        count = min(stop - start, left // (len(shortest) - position))
        left -= count
        ranges += [OffsetRange(p, start, start + count)] if count else []
    return sorted(ranges, key=lambda r: r.partition)


def _read(world: World, claim: Claim, held: Held | None) -> list[RawMessage]:
    ahead, wanted = ({}, list(claim.ranges)) if held is None else held.take_ahead(claim.topic, claim.ranges)
    try:
        read = list(world.stream.read(claim.topic, wanted)) if wanted else []
        if not ahead:
            return read
        return sorted(chain(*ahead.values(), read), key=lambda m: (m.partition, m.offset))
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
