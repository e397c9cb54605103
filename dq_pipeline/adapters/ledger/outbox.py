"""The outbox: messages decided in a transaction and published after it, at least once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select, update

from dq_pipeline.adapters.ledger.bulk import write_rows
from dq_pipeline.adapters.ledger.database import Database
from dq_pipeline.adapters.ledger.schema import batches, outbox, quarantine
from dq_pipeline.errors import StateError
from dq_pipeline.records import Outgoing, Quarantined


class Outbox(Database):
    """The part of the ledger that hands messages to the stream."""

    def unsent(self, process: str, limit: int) -> Sequence[tuple[int, Outgoing]]:
        """Oldest outbox rows not yet sent."""
        wanted = select(outbox).where(outbox.c.process == process, outbox.c.sent_at.is_(None))
        with self._begin() as connection:
            rows = connection.execute(wanted.order_by(outbox.c.id).limit(limit)).all()
        return [
            (
                row.id,
                Outgoing(
                    row.topic,
                    bytes(row.key),
                    bytes(row.value),
                    tuple((name, bytes.fromhex(value)) for name, value in row.headers),
                ),
            )
            for row in rows
        ]

    def sent(self, ids: Sequence[int], now: datetime) -> None:
        """These rows were acknowledged by the broker."""
        with self._begin() as connection:
            connection.execute(
                update(outbox).where(outbox.c.id.in_(ids), outbox.c.sent_at.is_(None)).values(sent_at=now)
            )

    def quarantined(self, process: str) -> Sequence[tuple[int, str, Quarantined]]:
        """Messages in quarantine and not yet sent again: row id, URI of the landed raw messages, what was wrong.

        Duplicates are left out: sent again they would be duplicates again.
        """
        wanted = (
            select(quarantine, batches.c.raw_uri)
            .join(batches, (batches.c.process == quarantine.c.process) & (batches.c.batch_id == quarantine.c.batch_id))
            .where(
                quarantine.c.process == process, quarantine.c.requeued_at.is_(None), quarantine.c.reason != "duplicate"
            )
            .order_by(quarantine.c.id)
        )
        with self._begin() as connection:
            rows = connection.execute(wanted).all()
        return [
            (r.id, r.raw_uri, Quarantined(r.partition, r.offset, r.reason, r.detail, r.sample_id, r.scope))
            for r in rows
        ]

    def requeue(self, process: str, ids: Sequence[int], messages: Sequence[Outgoing], now: datetime) -> None:
        """Mark quarantine rows as sent again and put their original messages into the outbox, in one transaction.

        Raises
        ------
        StateError
            One of the rows is not there or was sent again already: nothing is changed.
        """
        with self._begin() as connection:
            marked = connection.execute(
                update(quarantine)
                .where(quarantine.c.process == process, quarantine.c.id.in_(ids), quarantine.c.requeued_at.is_(None))
                .values(requeued_at=now)
            )
            if marked.rowcount != len(set(ids)):
                raise StateError(
                    f"{process}: {len(set(ids))} quarantined messages expected, found {marked.rowcount} "
                    "that were not sent again yet: another redrive was quicker. Nothing was sent."
                )
            enqueue(connection, process, messages, now)


def enqueue(connection: Connection, process: str, messages: Sequence[Outgoing], now: datetime) -> None:
    """Put messages into the outbox as part of the caller's transaction."""
    rows = [
        {
            "process": process,
            "topic": message.topic,
            "key": message.key,
            "value": message.value,
            "headers": [[name, value.hex()] for name, value in message.headers],
            "at": now,
        }
        for message in messages
    ]
    write_rows(connection, outbox, rows)
