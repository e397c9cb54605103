"""How far a process has claimed each partition, and the batches that took it there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from dq_pipeline.adapters.ledger.incidents import record_losses
from dq_pipeline.adapters.ledger.ranges import Planned
from dq_pipeline.adapters.ledger.schema import batches, cursors, processes, ranges
from dq_pipeline.records import Claim


def read_cursors(connection: Connection, process: str, topic: str) -> dict[int, int]:
    """Per partition the offset after the last claimed one."""
    wanted = select(cursors).where(cursors.c.process == process, cursors.c.topic == topic)
    return {row.partition: row.next for row in connection.execute(wanted.order_by(cursors.c.partition))}


def advance(
    connection: Connection, process: str, topic: str, planned: Planned, known: Mapping[int, int], now: datetime
) -> None:
    """Move the cursors past what is claimed or lost; a partition never seen is remembered from here on."""
    after = {**planned.starts, **{r.partition: r.stop for r in planned.ranges}}
    moved = {p: stop for p, stop in after.items() if known.get(p) != stop}
    if moved:
        rows = [
            {"process": process, "topic": topic, "partition": p, "first": planned.starts[p], "next": stop}
            for p, stop in moved.items()
        ]
        written = upsert(cursors)
        target = [cursors.c.process, cursors.c.topic, cursors.c.partition]
        connection.execute(
            written.on_conflict_do_update(index_elements=target, set_={"next": written.excluded.next}), rows
        )
    record_losses(connection, process, planned.losses, now)


def write_batch(connection: Connection, new: Claim, lease_s: float, now: datetime) -> None:
    """Write a new batch with its ranges."""
    connection.execute(
        insert(batches).values(
            process=new.process,
            batch_id=new.batch_id,
            sequence=new.sequence,
            topic=new.topic,
            state=new.state,
            fence=new.fence,
            attempts=new.attempts,
            untried=True,
            holder=new.holder,
            lease_until=now + timedelta(seconds=lease_s),
            counts={},
            samples=0,
            claimed_at=now,
        )
    )
    rows = [
        {"process": new.process, "batch_id": new.batch_id, "topic": new.topic}
        | {"partition": r.partition, "start": r.start, "stop": r.stop}
        for r in new.ranges
    ]
    connection.execute(insert(ranges), rows)
    set_sequence(connection, new.process, new.sequence)


def set_sequence(connection: Connection, process: str, sequence: int) -> None:
    """Remember the newest batch's number."""
    connection.execute(update(processes).where(processes.c.process == process).values(sequence=sequence))
