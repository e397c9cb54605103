"""Which offsets come next: pure arithmetic over watermarks and the ledger's cursors."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dq_pipeline.errors import StreamError
from dq_pipeline.records import Loss, OffsetRange


@dataclass(frozen=True, slots=True)
class Planned:
    """What a new batch reads, where the cursors begin, and what retention removed unread."""

    starts: Mapping[int, int]
    ranges: tuple[OffsetRange, ...]
    losses: tuple[Loss, ...]


def plan(
    topic: str, watermarks: Mapping[int, tuple[int, int]], cursors: Mapping[int, int], max_messages: int
) -> Planned:
    """The next ranges of a topic: from each cursor on, at most `max_messages` in all, shared fairly.

    Parameters
    ----------
    watermarks
        Per partition the earliest offset still there and the one after the newest.
    cursors
        Per partition the offset after the last claimed one; a partition never seen begins at its earliest offset.

    Raises
    ------
    StreamError
        The topic ends before a cursor: it is not the topic that was read before.

    >>> plan("t", {0: (0, 9), 1: (4, 6)}, {0: 5, 1: 3}, 4)  # doctest: +NORMALIZE_WHITESPACE
    Planned(starts={0: 5, 1: 4},
            ranges=(OffsetRange(partition=0, start=5, stop=7), OffsetRange(partition=1, start=4, stop=6)),
            losses=(Loss(topic='t', partition=1, start=3, stop=4),))
    """
    if max_messages < 1:
        raise StreamError(f"max_messages of at least 1 expected, found {max_messages}. Correct stream.max_samples.")
    gone = sorted(set(cursors) - set(watermarks))
    if gone:
        raise StreamError(
            f"Partitions {gone} of topic {topic!r} expected, as read before; the broker has {sorted(watermarks)}. "
            "The topic was recreated with fewer partitions: restore it, or read the new one under another name."
        )
    starts, losses = {}, []
    for partition, (earliest, end) in sorted(watermarks.items()):
        cursor = cursors.get(partition, earliest)
        if end < cursor:
            raise StreamError(
                f"Topic {topic!r}, partition {partition}: offset {cursor} or later expected next, "
                f"but the partition ends at {end}. The topic was deleted and recreated, or truncated: "
                "restore it, or read the new one under another name. Nothing was claimed."
            )
        if earliest > cursor:
            losses.append(Loss(topic, partition, cursor, earliest))
        starts[partition] = max(cursor, earliest)
    shares = share({partition: watermarks[partition][1] - start for partition, start in starts.items()}, max_messages)
    ranges = (OffsetRange(p, starts[p], starts[p] + count) for p, count in sorted(shares.items()) if count)
    return Planned(starts, tuple(ranges), tuple(losses))


def share(available: Mapping[int, int], limit: int) -> dict[int, int]:
    """Split `limit` over partitions as evenly as what is available allows (water-filling).

    >>> share({0: 100, 1: 2, 2: 100}, 12)
    {1: 2, 0: 5, 2: 5}
    """
    shares, left = {}, limit
    waiting = sorted(available, key=lambda partition: (available[partition], partition))
    for position, partition in enumerate(waiting):
        shares[partition] = min(available[partition], left // (len(waiting) - position))
        left -= shares[partition]
    return shares


def batch_id(process: str, topic: str, ranges: Sequence[OffsetRange]) -> str:
    """Sixteen hex digits that name a batch by what it reads, so that a retry writes the same files again."""
    content = json.dumps([process, topic, [[r.partition, r.start, r.stop] for r in ranges]], separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()[:16]
