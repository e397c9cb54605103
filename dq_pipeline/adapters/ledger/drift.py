"""Drift as the ledger knows it: alarms, the events they open or join, detectors' states, incidents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.engine import Row
from sqlalchemy.exc import IntegrityError

from dq_pipeline.adapters.ledger.database import Database, lock_process
from dq_pipeline.adapters.ledger.incidents import explain, sensor_at_fault
from dq_pipeline.adapters.ledger.schema import (
    LIVE_EVENTS,
    batches,
    changes,
    detector_states,
    drift_alarms,
    drift_events,
    holds,
    processes,
)
from dq_pipeline.errors import StateError
from dq_pipeline.records import DetectorState, DriftAlarm, DriftEvent, EventState


class Drift(Database):
    """The part of the ledger that knows drift."""

    def detector_state(self, process: str, detector: str) -> DetectorState | None:
        """The newest running state of a fitted detector."""
        wanted = select(detector_states).where(
            detector_states.c.process == process, detector_states.c.detector == detector
        )
        with self._begin() as connection:
            row = connection.execute(wanted).one_or_none()
        return None if row is None else DetectorState(row.detector, row.sequence, row.samples, bytes(row.state))

    def open_event(self, process: str) -> DriftEvent | None:
        """The event that is open or rebuilding."""
        with self._begin() as connection:
            row = _live_event(connection, process)
        return None if row is None else _event(row)

    def events(self, process: str) -> Sequence[DriftEvent]:
        """All drift events, oldest first."""
        wanted = select(drift_events).where(drift_events.c.process == process).order_by(drift_events.c.id)
        with self._begin() as connection:
            return [_event(row) for row in connection.execute(wanted)]

    def move_event(self, event: int, state: EventState, *, outcome: str, attempts: int | None = None) -> None:
        """Move an event on.

        Raises
        ------
        StateError
            There is no such event, or another one of its process is live already.
        """
        values: dict[str, Any] = {"state": state, "outcome": outcome}
        if attempts is not None:
            values["attempts"] = attempts
        try:
            with self._begin() as connection:
                moved = connection.execute(update(drift_events).where(drift_events.c.id == event).values(values))
        except IntegrityError as error:
            raise StateError(
                f"Drift event {event} cannot become {state}: one event at most is open or rebuilding, "
                "and another one is. Close that one first."
            ) from error
        if moved.rowcount == 0:
            raise StateError(f"No drift event {event} in the ledger. `dq status` lists them.")

    def explain_event(self, event: int, cause: Mapping[str, Any]) -> None:
        """Keep what an event is put down to with its evidence; the first answer stands."""
        with self._begin() as connection:
            explain(connection, [event], cause)

    def raise_event(self, process: str, alarm: DriftAlarm, now: datetime) -> DriftEvent:
        """Open an event that no detector saw (the error alone), or return the one that is open."""
        with self._begin() as connection:
            lock_process(connection, process)
            if _live_event(connection, process) is None:
                _open(connection, process, alarm, now, alarms=0)
            row = _live_event(connection, process)
        assert row is not None  # opened above, if there was none
        return _event(row)

    def drift_alarms(self, process: str, *, first_sample: int, stop_sample: int) -> Sequence[DriftAlarm]:
        """Alarms heard at the samples numbered first <= number < stop, in stream order.

        Those of a drift that is held or a sensor's fault are left out.

        A detector that caught up on samples of earlier batches was heard at the first sample of the batch it came with.
        """
        heard = func.greatest(drift_alarms.c.sample, batches.c.first_sample)
        came_with = (batches.c.process == drift_alarms.c.process) & (batches.c.batch_id == drift_alarms.c.batch_id)
        wanted = (
            select(drift_alarms)
            .join(drift_events, drift_events.c.id == drift_alarms.c.event)
            .join(batches, came_with)
            .where(
                drift_alarms.c.process == process,
                heard >= first_sample,
                heard < stop_sample,
                drift_events.c.state.not_in((EventState.HELD, EventState.INCIDENT)),
            )
            .order_by(drift_alarms.c.sample, drift_alarms.c.id)
        )
        with self._begin() as connection:
            return [_alarm(row) for row in connection.execute(wanted)]


def raise_alarm(connection: Connection, process: str, batch_id: str, alarm: DriftAlarm, now: datetime) -> None:
    """Record an alarm and find its event, as part of the caller's transaction.

    One led by a sensor that is known to be at fault joins its incident. Any other joins the live event; else, under a
    hold, one whose change point is not after the rollback joins the newest held event; else it opens an event. A change
    point after the rollback lifts the hold.
    """
    fault = sensor_at_fault(connection, process, alarm.sensors)
    hold = connection.execute(select(holds).where(holds.c.process == process)).one_or_none()
    if hold is not None and fault is None and alarm.change_point > hold.sample:
        why = f"drift whose change point {alarm.change_point:g} lies after the rollback at sample {hold.sample}"
        lift_hold(connection, hold, who=f"detector {alarm.detector}", why=why, now=now)
        hold = None
    live = _live_event(connection, process)
    event: int | None
    if fault is not None:
        event = fault
    elif live is not None:
        event = live.id
    elif hold is not None:
        event = _newest_held(connection, process)
    else:
        event = None
    if event is not None:
        joined = update(drift_events).where(drift_events.c.id == event)
        connection.execute(joined.values(alarms=drift_events.c.alarms + 1))
    elif hold is None:
        event = _open(connection, process, alarm, now, alarms=1)
    values = {name: getattr(alarm, name) for name in DriftAlarm.__slots__}
    connection.execute(insert(drift_alarms).values(process=process, batch_id=batch_id, event=event, at=now, **values))


def save_state(connection: Connection, process: str, state: DetectorState, now: datetime) -> None:
    """Keep a detector's newest state, as part of the caller's transaction."""
    row = {"sequence": state.sequence, "samples": state.samples, "state": state.state, "at": now}
    written = upsert(detector_states).values(process=process, detector=state.detector, **row)
    key = [detector_states.c.process, detector_states.c.detector]
    connection.execute(
        written.on_conflict_do_update(
            index_elements=key, set_=row, where=detector_states.c.sequence <= written.excluded.sequence
        )
    )


def lift_hold(connection: Connection, hold: Row[Any], *, who: str, why: str, now: datetime) -> None:
    """Let adaptation go on, and write down who let it."""
    connection.execute(delete(holds).where(holds.c.process == hold.process))
    count = select(processes.c.samples).where(processes.c.process == hold.process).scalar_subquery()
    connection.execute(
        insert(changes).values(
            process=hold.process, action="resume", version=hold.version, who=who, why=why, at=now, sample=count
        )
    )


def _live_event(connection: Connection, process: str) -> Row[Any] | None:
    wanted = select(drift_events).where(drift_events.c.process == process, drift_events.c.state.in_(LIVE_EVENTS))
    return connection.execute(wanted).one_or_none()


def _newest_held(connection: Connection, process: str) -> int | None:
    wanted = select(drift_events.c.id).where(drift_events.c.process == process, drift_events.c.state == EventState.HELD)
    return connection.scalar(wanted.order_by(drift_events.c.id.desc()).limit(1))


def _open(connection: Connection, process: str, alarm: DriftAlarm, now: datetime, *, alarms: int) -> int:
    values = insert(drift_events).values(
        process=process,
        state=EventState.OPEN,
        release=alarm.release,
        sample=alarm.sample,
        change_point=alarm.change_point,
        sensors=alarm.sensors,
        statistic=alarm.statistic,
        calibrated=alarm.calibrated,
        opened_at=now,
        alarms=alarms,
        attempts=0,
        outcome="",
        evidence=alarm.evidence,
    )
    number: int = connection.execute(values.returning(drift_events.c.id)).scalar_one()
    return number


def _event(row: Row[Any]) -> DriftEvent:
    values = {name: getattr(row, name) for name in DriftEvent.__slots__}
    return DriftEvent(**{**values, "state": EventState(row.state), "sensors": tuple(row.sensors)})


def _alarm(row: Row[Any]) -> DriftAlarm:
    values = {name: getattr(row, name) for name in DriftAlarm.__slots__}
    return DriftAlarm(**{**values, "sensors": tuple(row.sensors)})
