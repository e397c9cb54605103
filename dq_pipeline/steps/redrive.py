"""Take parked ranges and quarantined messages up again."""

from __future__ import annotations

from typing import Any

from dq_pipeline.errors import StateError
from dq_pipeline.ports import World
from dq_pipeline.records import Outgoing, RawMessage
from dq_pipeline.steps import landing
from dq_pipeline.steps.act import drain
from dq_pipeline.steps.clock import utc_now


def redrive(
    world: World, process: str, *, parked: bool = True, quarantined: bool = True, batch_id: str | None = None
) -> dict[str, Any]:
    """Put parked batches back in line, and publish quarantined messages again as they first came.

    A message that is still wrong is quarantined again; nothing is dropped on the way.

    Parameters
    ----------
    batch_id
        This micro-batch alone; all of the process by default.

    Raises
    ------
    StateError
        If there is no such micro-batch.
    """
    only: set[int] | None = None
    if batch_id is not None:
        found = world.ledger.batch(process, batch_id)
        if found is None:
            raise StateError(f"{process}: a micro-batch expected, found no {batch_id[:80]!r}")
        only = {row["id"] for row in found["quarantine"]}
    batches = world.ledger.unpark(process, utc_now(), batch_id=batch_id) if parked else 0
    messages = _requeue(world, process, only) if quarantined else 0
    return {"process": process, "batches": batches, "messages": messages}


def _requeue(world: World, process: str, only: set[int] | None) -> int:
    topic = world.process(process).stream.topic
    by_file: dict[str, list[tuple[int, int, int]]] = {}
    for row, uri, wrong in world.ledger.quarantined(process):
        if only is not None and row not in only:
            continue
        by_file.setdefault(uri, []).append((row, wrong.partition, wrong.offset))
    total = 0
    for uri, rows in by_file.items():
        landed = {(m.partition, m.offset): m for m in landing.from_bytes(world.lake.get(uri))}
        found = [(row, landed[partition, offset]) for row, partition, offset in rows]
        outgoing = [_as_it_came(topic, message) for _, message in found]
        world.ledger.requeue(process, [row for row, _ in found], outgoing, utc_now())
        total += drain(world, process) and len(found)
    return total


def _as_it_came(topic: str, message: RawMessage) -> Outgoing:
    return Outgoing(topic, message.key or b"", message.value or b"", message.headers)
