"""Alerts, told once each, and the incident each was folded into."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from dq_pipeline.adapters.ledger.database import Database, know_process
from dq_pipeline.adapters.ledger.trust_schema import alerts
from dq_pipeline.records import Alert, AlertRow


class Alerts(Database):
    """The part of the ledger that keeps alerts."""

    def raise_alert(self, process: str, alert: Alert, now: datetime) -> bool:
        """Keep an alert; False if one of the same key stands already."""
        row = {name: getattr(alert, name) for name in Alert.__slots__} | {"process": process, "at": now}
        new = upsert(alerts).values(row)
        standing = alerts.c.cleared_at.is_(None)
        new = new.on_conflict_do_nothing(index_elements=["process", "key"], index_where=standing)
        with self._begin() as connection:
            know_process(connection, process)
            return connection.execute(new).rowcount > 0

    def clear_alert(self, process: str, key: str, now: datetime, *, found: Mapping[str, Any] | None = None) -> bool:
        """What was measured is within its limit again, or came of what was `found`; False if nothing of it stood."""
        stands = (alerts.c.process == process) & (alerts.c.key == key) & alerts.c.cleared_at.is_(None)
        with self._begin() as connection:
            changed = update(alerts).where(stands).values(cleared_at=now)
            if found:
                changed = changed.values(evidence=alerts.c.evidence.concat(dict(found)))
            return connection.execute(changed).rowcount > 0

    def alerts(self, process: str, *, standing: bool = False, unfolded: bool = False) -> Sequence[AlertRow]:
        """Alerts, oldest first: those not cleared, or in no incident yet."""
        wanted = select(alerts).where(alerts.c.process == process).order_by(alerts.c.id)
        if standing:
            wanted = wanted.where(alerts.c.cleared_at.is_(None))
        if unfolded:
            wanted = wanted.where(alerts.c.incident.is_(None))
        with self._begin() as connection:
            rows = connection.execute(wanted).all()
        return [
            AlertRow(
                row.id,
                row.process,
                Alert(**{name: getattr(row, name) for name in Alert.__slots__}),
                row.at,
                row.incident,
                row.cleared_at,
            )
            for row in rows
        ]
