"""Small durable facts: the settings behind a run, initialization's manifest, a policy's state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as upsert

from dq_pipeline.adapters.ledger.database import Database, know_process, lock_process
from dq_pipeline.adapters.ledger.schema import configurations, facts


class Facts(Database):
    """The part of the ledger that remembers documents by name."""

    def configuration(self, process: str, settings_hash: str, settings: Mapping[str, Any], now: datetime) -> None:
        """Remember the exact settings behind a run; the same hash again is no change."""
        row = {"process": process, "settings_hash": settings_hash, "settings": settings, "first_used_at": now}
        with self._begin() as connection:
            know_process(connection, process)
            connection.execute(upsert(configurations).values(row).on_conflict_do_nothing())

    def put_fact(self, process: str, name: str, value: Mapping[str, Any], now: datetime) -> None:
        """Store a small JSON document under a name, in place of the one before."""
        row = {"value": value, "at": now}
        written = upsert(facts).values(process=process, name=name, **row)
        with self._begin() as connection:
            know_process(connection, process)
            connection.execute(written.on_conflict_do_update(index_elements=["process", "name"], set_=row))

    def change_fact(
        self,
        process: str,
        name: str,
        change: Callable[[dict[str, Any] | None], Mapping[str, Any] | None],
        now: datetime,
    ) -> None:
        """Replace a document by what `change` makes of it, with nobody writing in between; None leaves it."""
        wanted = select(facts.c.value).where(facts.c.process == process, facts.c.name == name)
        with self._begin() as connection:
            lock_process(connection, process)
            value = change(connection.scalar(wanted))
            if value is not None:
                row = {"value": value, "at": now}
                written = upsert(facts).values(process=process, name=name, **row)
                connection.execute(written.on_conflict_do_update(index_elements=["process", "name"], set_=row))

    def fact(self, process: str, name: str) -> dict[str, Any] | None:
        """Read it."""
        wanted = select(facts.c.value).where(facts.c.process == process, facts.c.name == name)
        with self._begin() as connection:
            found: dict[str, Any] | None = connection.scalar(wanted)
        return found
