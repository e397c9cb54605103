"""Incidents: what went wrong that a person should know, told once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, cast, insert, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.engine import Row

from dq_pipeline.adapters.ledger.corrections import end_corrections
from dq_pipeline.adapters.ledger.database import Database, know_process, lock_process
from dq_pipeline.adapters.ledger.notices import keep_notice
from dq_pipeline.adapters.ledger.schema import drift_events, incidents, losses
from dq_pipeline.adapters.ledger.trust_schema import alerts
from dq_pipeline.errors import StateError
from dq_pipeline.records import (
    SEVERITIES,
    Cause,
    Diagnosis,
    Ending,
    EventState,
    Incident,
    Loss,
    Notice,
    Severity,
    runbook,
)

_CRITICAL = ("parked", "data_loss")
_PAGES = (*_CRITICAL, "adaptation")


class Incidents(Database):
    """The part of the ledger that remembers incidents and data loss."""

    def incident(self, process: str, kind: str, title: str, evidence: Mapping[str, Any], now: datetime) -> int:
        """Record an incident and return its number; parking a range and losing data record one by themselves."""
        with self._begin() as connection:
            know_process(connection, process)
            return record_incident(connection, process, kind, title, evidence, now)

    def open_incident(self, process: str, diagnosis: Diagnosis, now: datetime) -> Incident:
        """Open an incident, or join the open one of the same cause and subject; alerts and events go into it.

        All in one transaction: the same diagnosis twice changes nothing.
        """
        with self._begin() as connection:
            head = lock_process(connection, process)
            wanted = select(incidents).where(
                incidents.c.process == process,
                incidents.c.ending.is_(None),
                incidents.c.cause == diagnosis.cause,
                incidents.c.subject == diagnosis.subject,
            )
            row = connection.execute(wanted).one_or_none() or _of_events(connection, process, diagnosis.events)
            new = row is None
            if row is None:
                row = _insert(connection, process, diagnosis, now, head.samples)
            row = _take_in(connection, row, diagnosis, now, head.samples, new=new)
        return _incident(row)

    def note_incident(
        self,
        process: str,
        number: int,
        what: str,
        now: datetime,
        *,
        action: Mapping[str, Any] | None = None,
        stop: int | None = None,
    ) -> Incident:
        """Add to an incident's timeline, once; with `action` what was done, with `stop` what is corrected from on."""
        with self._begin() as connection:
            head = lock_process(connection, process)
            row = _known(connection, process, number)
            record = dict(row.record)
            if what not in [entry["what"] for entry in record.get("timeline", ())]:
                _add(record, what, now, head.samples)
            if action is not None:
                record["action"] = dict(action)
            values: dict[str, Any] = {"record": record}
            if stop is not None and row.ending is None:
                values |= {"stop": stop, "until": head.samples}
            changed = update(incidents).where(incidents.c.id == number).values(values).returning(incidents)
            return _incident(connection.execute(changed).one())

    def incidents(self, process: str, *, standing: bool = False) -> Sequence[Incident]:
        """Incidents, oldest first; `standing`: those with a cause that are open."""
        wanted = select(incidents).where(incidents.c.process == process).order_by(incidents.c.id)
        if standing:
            wanted = wanted.where(incidents.c.cause.is_not(None), incidents.c.ending.is_(None))
        with self._begin() as connection:
            return [_incident(row) for row in connection.execute(wanted)]

    def close_incident(
        self, process: str, number: int, ending: Ending, *, stop: int | None, who: str, now: datetime
    ) -> Incident:
        """End an incident with a cause; the sample `stop` is the first good one again, the next to come by default.

        Where its sensor's readings are turned back, that ends, and what was turned back since `stop` is withheld too.

        What its readings were turned back with ends with it.

        The same ending again is no change.

        Raises
        ------
        StateError
            If there is no such incident with a cause, or it ended otherwise.
        """
        with self._begin() as connection:
            head = lock_process(connection, process)
            row = _known(connection, process, number)
            if row.ending not in (None, ending):
                raise StateError(f"{process}: incident {number} was closed already: {row.ending} by {row.closed_by}")
            if row.ending is None:
                record, end = dict(row.record), {"until": head.samples}
                if row.stop is None:
                    end["stop"] = head.samples if stop is None else stop
                elif stop is not None:  # readings were turned back up to now, and need not have been since
                    record["corrected_in_vain"] = [stop, head.samples]
                _add(record, f"closed: {ending} by {who}", now, head.samples)
                end |= {"ending": ending, "closed_by": who, "closed_at": now, "record": record}
                closed = update(incidents).where(incidents.c.id == number).values(end).returning(incidents)
                row = connection.execute(closed).one()
                end_corrections(connection, number, head.sequence, who, now)
        return _incident(row)

    def announce(self, process: str, now: datetime) -> Sequence[Notice]:
        """Incidents nobody was told of yet, or not at the severity they have risen to; kept as notices, told now."""
        with self._begin() as connection:
            told = update(incidents).where(incidents.c.process == process, ~incidents.c.told).values(told=True)
            rows = connection.execute(told.returning(incidents)).all()
            found = [_notice(row) for row in sorted(rows, key=lambda row: row.id)]
            for notice in found:
                keep_notice(connection, notice, now)
        return found

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


def explain(connection: Connection, events: Sequence[int], cause: Mapping[str, Any]) -> None:
    """Keep what events are put down to with their evidence; the first answer stands."""
    known = drift_events.c.evidence
    explained = update(drift_events).where(drift_events.c.id.in_(events), ~known.has_key("cause"))
    connection.execute(explained.values(evidence=known.concat(cast({"cause": cause}, JSONB))))


def sensor_at_fault(connection: Connection, process: str, sensors: Sequence[str]) -> int | None:
    """The event of the open incident of the sensor that leads an alarm; None if there is none."""
    wanted = select(incidents.c.event).where(
        incidents.c.process == process,
        incidents.c.sensor == (sensors[0] if sensors else ""),
        incidents.c.ending.is_(None),
        incidents.c.stop.is_(None),  # one that is corrected reads right: what it shows then is a change of its own
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


def _notice(row: Row[Any]) -> Notice:
    severity: Severity = row.severity or ("critical" if row.kind in _CRITICAL else "warning")
    return Notice(
        row.process,
        severity,
        row.title,
        "; ".join(f"{name}: {value}" for name, value in row.evidence.items()),
        runbook=runbook(row.kind) if row.cause or row.kind in _PAGES else "",
        kind=f"incident/{row.cause}" if row.cause else row.kind,
        subject=row.subject or "",
        incident=row.id,
        key=f"incident:{row.id}:{severity}",
        since=row.at,
    )


def _of_events(connection: Connection, process: str, events: Sequence[int]) -> Row[Any] | None:
    """The incident that one of these events was put down to before."""
    wanted = select(incidents).where(incidents.c.process == process, incidents.c.event.in_(events))
    return connection.execute(wanted.order_by(incidents.c.id.desc()).limit(1)).one_or_none()


def _known(connection: Connection, process: str, number: int) -> Row[Any]:
    wanted = select(incidents).where(incidents.c.process == process, incidents.c.id == number)
    row = connection.execute(wanted).one_or_none()
    if row is None or row.cause is None:
        raise StateError(f"{process}: an incident with a cause expected, found no such {number}. `dq incidents`.")
    return row


def _insert(connection: Connection, process: str, found: Diagnosis, now: datetime, samples: int) -> Row[Any]:
    record = {**found.record, "events": [], "timeline": []}
    _add(record, f"opened: {found.title}", now, samples)
    values = {
        "process": process,
        "kind": found.cause,
        "title": found.title,
        "evidence": found.evidence,
        "at": now,
        "told": False,
        "event": found.events[0] if found.events else None,
        "sensor": found.sensor,
        "first": found.first,
        "cause": found.cause,
        "subject": found.subject,
        "severity": found.severity,
        "confidence": found.confidence,
        "record": record,
    }
    return connection.execute(insert(incidents).values(values).returning(incidents)).one()


def _take_in(
    connection: Connection, row: Row[Any], found: Diagnosis, now: datetime, samples: int, *, new: bool
) -> Row[Any]:
    """Put events and alerts into an incident; nothing is written where they are in it already.

    A critical alert is not told of on its own any more, so it makes its incident critical.
    """
    record = {**row.record}
    events = [number for number in found.events if number not in record.get("events", ())]
    free = (alerts.c.process == row.process) & alerts.c.id.in_(found.alerts) & alerts.c.incident.is_(None)
    folded = (
        update(alerts).where(free).values(incident=row.id).returning(alerts.c.id, alerts.c.title, alerts.c.severity)
    )
    told = sorted(connection.execute(folded).all()) if found.alerts else []
    severity = "critical" if any(alert.severity == "critical" for alert in told) else found.severity
    rises = SEVERITIES.index(severity) > SEVERITIES.index(row.severity or "warning")
    if not events and not told and not rises:
        return row
    record["events"] = [*record.get("events", ()), *events]
    if not new:
        for number in events:
            _add(record, f"joined by drift event {number}", now, samples)
    for alert in told:
        _add(record, f"alert {alert.id}: {alert.title}", now, samples)
    if events and found.explanation:
        explain(connection, events, found.explanation)
    if events and found.over:
        outcome = f"{'' if new else 'joins '}incident {row.id}: {row.title}"
        moved = update(drift_events).where(drift_events.c.id.in_(events))
        connection.execute(moved.values(state=EventState.INCIDENT, outcome=outcome))
    values: dict[str, Any] = {"record": record, "confidence": max(row.confidence or 0.0, found.confidence)}
    if row.event is None and events:
        values["event"] = events[0]
    if rises:
        _add(record, f"from {row.severity} to {severity}", now, samples)
        values |= {"severity": severity, "told": False}
    changed = update(incidents).where(incidents.c.id == row.id).values(values).returning(incidents)
    return connection.execute(changed).one()


def _add(record: dict[str, Any], what: str, now: datetime, samples: int) -> None:
    """One line more in a timeline."""
    entry = {"at": now.isoformat(), "sample": samples, "what": what}
    record["timeline"] = [*record.get("timeline", ()), entry]


def _incident(row: Row[Any]) -> Incident:
    values = {name: getattr(row, name) for name in Incident.__slots__}
    kinds = {"ending": Ending, "cause": Cause}
    return Incident(**values | {name: None if values[name] is None else of(values[name]) for name, of in kinds.items()})
