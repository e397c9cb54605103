"""The inventory of sensors, append-only, and what audits said of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime

from sqlalchemy import func, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert

from dq_pipeline.adapters.ledger.database import Database, know_process
from dq_pipeline.adapters.ledger.trust_schema import audits, inventory
from dq_pipeline.records import Audited, SensorFacts


class Audits(Database):
    """The part of the ledger that keeps what is known of sensors, and what audits said of them."""

    def note_sensor(
        self, process: str, sensor: str, facts: Mapping[str, str], since: datetime, who: str, why: str, now: datetime
    ) -> None:
        """Add facts of a sensor that hold from a moment on; nothing is ever changed."""
        row = {"process": process, "sensor": sensor, "facts": dict(facts), "since": since, "who": who, "why": why}
        with self._begin() as connection:
            know_process(connection, process)
            connection.execute(insert(inventory).values(row | {"at": now}))

    def inventory(self, process: str) -> Sequence[SensorFacts]:
        """All that was noted, oldest first."""
        wanted = select(*(inventory.c[one.name] for one in fields(SensorFacts)))
        wanted = wanted.where(inventory.c.process == process).order_by(inventory.c.id)
        with self._begin() as connection:
            return [SensorFacts(*row) for row in connection.execute(wanted).all()]

    def add_audits(self, process: str, audits_: Sequence[Audited], now: datetime) -> int:
        """Keep what an audit said; the same sensor, release and samples twice is one. Returns how many were new."""
        if not audits_:
            return 0
        rows = [asdict(one) | {"process": process, "at": now} for one in audits_]
        once = ["process", "sensor", "release", "first", "stop"]
        with self._begin() as connection:
            know_process(connection, process)
            new = upsert(audits).values(rows).on_conflict_do_nothing(index_elements=once)
            return connection.execute(new).rowcount

    def audits(self, process: str, *, last: int | None = None) -> Sequence[Audited]:
        """What was said, oldest first; of the newest `last` audits of each sensor."""
        place = func.row_number().over(partition_by=audits.c.sensor, order_by=audits.c.id.desc()).label("place")
        ranked = select(audits, place).where(audits.c.process == process).subquery()
        wanted = select(*(ranked.c[one.name] for one in fields(Audited))).order_by(ranked.c.id)
        if last is not None:
            wanted = wanted.where(ranked.c.place <= last)
        with self._begin() as connection:
            return [Audited(*row) for row in connection.execute(wanted).all()]
