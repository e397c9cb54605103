"""What the stream and the deployment tell: silence, lag, stale claims, failures, parked ranges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np

from dq_pipeline.errors import StreamError
from dq_pipeline.ports import World
from dq_pipeline.steps.labels import POSITIONS
from dq_pipeline.watch import arrival, running
from dq_pipeline.watch.sign import Sign

NEWEST = 500
"""Arrivals whose pauses say what is usual."""


def stream_signs(world: World, process: str, looks: Sequence[int], now: datetime) -> list[Sign]:
    """All of them; `looks` are the lags of earlier looks, oldest first. Raises a database error alone."""
    settings = world.process(process)
    claims = world.ledger.open_claims(process)
    failures, last = world.ledger.failures(process)
    found = [
        running.stale_claim(claims, now, limit_s=settings.watch.stale_claim_s),
        running.failing(failures, last, limit=settings.watch.failures),
        running.parked(claims),
    ]
    try:
        return [silence(world, process, now), *lags(world, process, looks, now), *found]
    except StreamError as error:
        broken = Sign("silence", "sick", f"the stream cannot be looked at: {error}", severity="critical")
        return [broken, *found]


def silence(world: World, process: str, now: datetime) -> Sign:
    """Seconds since the newest message, against the pauses between those before it."""
    settings = world.process(process)
    arrived = [at.timestamp() for at in world.ledger.arrivals(process, last=NEWEST)]
    newest = [at for at in (_newest(world, settings.stream.topic), *arrived[-1:]) if at is not None]
    since = None if not newest else max(now.timestamp() - max(newest), 0.0)
    return arrival.silence(np.diff(np.array(arrived, dtype=np.float64)), since, stated_s=settings.watch.silence_s)


def lags(world: World, process: str, looks: Sequence[int], now: datetime) -> list[Sign]:
    """What is unread of the samples and of the labels."""
    stream, limit_s = world.process(process).stream, world.process(process).watch.lag_s
    read = world.ledger.positions(process, stream.topic)
    known = {int(p): int(at) for p, at in (world.ledger.fact(process, POSITIONS) or {}).items()}
    unread, waited = _unread(world, stream.topic, read, now)
    labels, labels_waited = _unread(world, stream.labels_topic, known, now)
    many = stream.max_samples
    return [
        arrival.lag([*looks, unread], waited, limit_s=limit_s, many=many, topic=stream.topic),
        arrival.lag([labels], labels_waited, limit_s=limit_s, many=many, topic=stream.labels_topic),
    ]


def _unread(world: World, topic: str, positions: Mapping[int, int], now: datetime) -> tuple[int, float | None]:
    """Messages after these positions, and how long the oldest has waited, s."""
    marks = world.stream.watermarks(topic)
    starts = {p: max(positions.get(p, first), first) for p, (first, _) in marks.items()}
    count = sum(max(end - starts[p], 0) for p, (_, end) in marks.items())
    oldest = world.stream.oldest_ms(topic, starts) if count else None
    return count, None if oldest is None else max(now.timestamp() - oldest / 1000.0, 0.0)


def _newest(world: World, topic: str) -> float | None:
    """When the newest message arrived by the broker's clock, s since the epoch."""
    marks = world.stream.watermarks(topic)
    ends = {p: end for p, (_, end) in marks.items()}
    found = [world.stream.oldest_ms(topic, {**ends, p: end - 1}) for p, (first, end) in marks.items() if end > first]
    known = [at / 1000.0 for at in found if at is not None and at > 0]
    return max(known, default=None)
