"""Incidents: what went wrong that a person should know, told once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.engine import Row

from dq_pipeline.adapters.ledger.corrections import end_corrections
from dq_pipeline.adapters.ledger.database import Database, know_process, lock_process
from dq_pipeline.adapters.ledger.schema import drift_events, incidents, losses
from dq_pipeline.errors import StateError
from dq_pipeline.records import Ending, EventState, Incident, Loss, Notice

SENSOR = "sensor"
_CRITICAL = ("parked", "data_loss", SENSOR)


class Incidents(Database):
    """The part of the ledger that remembers incidents and data loss."""

    def incident(self, process: str, kind: str, title: str, evidence: Mapping[str, Any], now: datetime) -> int:
        """Record an incident and return its number; parking a range and losing data record one by themselves."""
        with self._begin() as connection:
            know_process(connection, process)
            return record_incident(connection, process, kind, title, evidence, now)

    def sensor_incident(
        self,
        process: str,
        event: int,
        title: str,
        evidence: Mapping[str, Any],
        *,
        sensor: str,
        first: int,
        now: datetime,
    ) -> Incident:
        """Put a drift event down to one sensor, at fault from the sample `first` on; the same event twice is one."""
        with self._begin() as connection:
            lock_process(connection, process)
            fault = {"event": event, "sensor": sensor, "first": first}
            row = {"process": process, "kind": SENSOR, "title": title, "evidence": evidence, "at": now, "told": False}
            new = upsert(incidents).values(row | fault).on_conflict_do_nothing(index_elements=["event"])
            inserted = connection.execute(new).rowcount
            found = connection.execute(select(incidents).where(incidents.c.event == event)).one()
            if inserted:
                moved = {"state": EventState.INCIDENT, "outcome": f"incident {found.id}: {title}"}
                connection.execute(update(drift_events).where(drift_events.c.id == event).values(moved))
        return _incident(found)

    def incidents(self, process: str) -> Sequence[Incident]:
        """All incidents, oldest first."""
        wanted = select(incidents).where(incidents.c.process == process).order_by(incidents.c.id)
        with self._begin() as connection:
            return [_incident(row) for row in connection.execute(wanted)]

    def close_incident(
        self, process: str, number: int, ending: Ending, *, stop: int | None, who: str, now: datetime
    ) -> Incident:
        """End a sensor's incident; the sample `stop` is the first good one again, the next to come by default.

        What its readings were turned back with ends with it.

        The same ending again is no change.

        Raises
        ------
        StateError
            If there is no such incident of a sensor, or it ended otherwise.
        """
        with self._begin() as connection:
            head = lock_process(connection, process)
            wanted = select(incidents).where(incidents.c.process == process, incidents.c.id == number)
            row = connection.execute(wanted).one_or_none()
            if row is None or row.first is None:
                raise StateError(f"{process}: a sensor's incident expected, found no such {number}. `dq incidents`.")
            if row.ending not in (None, ending):
                raise StateError(f"{process}: incident {number} was closed already: {row.ending} by {row.closed_by}")
            if row.ending is None:
                end = {"stop": head.samples if stop is None else stop, "until": head.samples}
                end |= {"ending": ending, "closed_by": who, "closed_at": now}
                closed = update(incidents).where(incidents.c.id == number).values(end).returning(incidents)
                row = connection.execute(closed).one()
                end_corrections(connection, number, head.sequence, who, now)
        return _incident(row)

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


def sensor_at_fault(connection: Connection, process: str, sensors: Sequence[str]) -> int | None:
    """The event of the open incident of the sensor that leads an alarm; None if there is none."""
    wanted = select(incidents.c.event).where(
        incidents.c.process == process,
        incidents.c.sensor == (sensors[0] if sensors else ""),
        incidents.c.ending.is_(None),
    )
    return connection.scalar(wanted.order_by(incidents.c.id.desc()).limit(1))


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


def _incident(row: Row[Any]) -> Incident:
    values = {name: getattr(row, name) for name in Incident.__slots__}
    return Incident(**{**values, "ending": None if row.ending is None else Ending(row.ending)})
