"""Incidents: what went wrong that a person should know, told once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from dq_pipeline.adapters.ledger.database import Database, know_process
from dq_pipeline.adapters.ledger.schema import incidents, losses
from dq_pipeline.records import Loss, Notice

_CRITICAL = ("parked", "data_loss")


class Incidents(Database):
    """The part of the ledger that remembers incidents and data loss."""

    def incident(self, process: str, kind: str, title: str, evidence: Mapping[str, Any], now: datetime) -> int:
        """Record an incident and return its number; parking a range and losing data record one by themselves."""
        with self._begin() as connection:
            know_process(connection, process)
            return record_incident(connection, process, kind, title, evidence, now)

    def announce(self, process: str) -> Sequence[Notice]:
        """Incidents nobody was told of yet, as notices; they count as told from here on."""
        with self._begin() as connection:
            told = update(incidents).where(incidents.c.process == process, ~incidents.c.told).values(told=True)
            rows = connection.execute(told.returning(incidents)).all()
        return [
            Notice(
                process,
                "critical" if row.kind in _CRITICAL else "warning",
                row.title,
                "; ".join(f"{name}: {value}" for name, value in row.evidence.items()),
                runbook=f"docs/runbooks/{row.kind}.md" if row.kind in _CRITICAL else "",
            )
            for row in sorted(rows, key=lambda row: row.id)
        ]

    def losses(self, process: str) -> tuple[Loss, ...]:
        """Data loss found so far: offsets that retention removed before they were read."""
        wanted = select(losses).where(losses.c.process == process).order_by(losses.c.id)
        with self._begin() as connection:
            return tuple(Loss(row.topic, row.partition, row.start, row.stop) for row in connection.execute(wanted))

    def add_losses(self, process: str, losses: Sequence[Loss], now: datetime) -> None:
        """Record offsets that are gone, as an incident too; the same loss twice is one."""
        with self._begin() as connection:
            know_process(connection, process)
            record_losses(connection, process, losses, now)


def record_incident(
    connection: Connection, process: str, kind: str, title: str, evidence: Mapping[str, Any], now: datetime
) -> int:
    """Record an incident, as part of the caller's transaction."""
    row = {"process": process, "kind": kind, "title": title, "evidence": evidence, "at": now, "told": False}
    number: int = connection.execute(insert(incidents).values(row).returning(incidents.c.id)).scalar_one()
    return number


def record_losses(connection: Connection, process: str, found: Sequence[Loss], now: datetime) -> None:
    """Record data loss that was not known before, each with its incident, as part of the caller's transaction."""
    for loss in found:
        row = {"topic": loss.topic, "partition": loss.partition, "start": loss.start, "stop": loss.stop}
        new = upsert(losses).values(process=process, found_at=now, **row).on_conflict_do_nothing()
        if connection.execute(new).rowcount:
            title = (
                f"{loss.stop - loss.start} messages of topic {loss.topic}, partition {loss.partition} were removed "
                f"before they were read: offsets {loss.start} to {loss.stop - 1}"
            )
            record_incident(connection, process, "data_loss", title, row, now)
