"""Corrections: open from one micro-batch on, closed after another; which hold is decided by a batch's sequence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime

from sqlalchemy import Connection, insert, or_, select, update

from dq_pipeline.adapters.ledger.database import Database, lock_process
from dq_pipeline.adapters.ledger.trust_schema import corrections
from dq_pipeline.errors import StateError
from dq_pipeline.records import Correction


class Corrections(Database):
    """The part of the ledger that keeps what readings are turned back with."""

    def correct(
        self,
        process: str,
        sensor: str,
        gain: float,
        offset: float,
        incident: int | None,
        who: str,
        why: str,
        now: datetime,
    ) -> Correction:
        """Turn a sensor's readings back in every micro-batch claimed from now on; another correction of it ends.

        Raises
        ------
        StateError
            If the gain is 0, or either number is not finite.
        """
        if not (math.isfinite(gain) and math.isfinite(offset)) or gain == 0:
            raise StateError(
                f"{process}: a finite gain other than 0 and a finite offset expected, found {gain}, {offset}"
            )
        with self._begin() as connection:
            head = lock_process(connection, process)  # no batch is claimed meanwhile
            standing = _open(connection, process, sensor)
            if standing is not None:
                if (standing.gain, standing.offset) == (gain, offset):
                    return standing
                _end(connection, standing, head.sequence, who, why, now)
            row = {"process": process, "sensor": sensor, "gain": gain, "offset": offset, "incident": incident}
            row |= {"after": head.sequence, "who": who, "why": why, "at": now}
            connection.execute(insert(corrections).values(row))
            made = _open(connection, process, sensor)
            assert made is not None
            return made

    def uncorrect(self, process: str, sensor: str, who: str, why: str, now: datetime) -> Correction | None:
        """Micro-batches claimed from now on are left as they read; None if nothing was corrected."""
        with self._begin() as connection:
            head = lock_process(connection, process)
            standing = _open(connection, process, sensor)
            if standing is None:
                return None
            return _end(connection, standing, head.sequence, who, why, now)

    def corrections(self, process: str, sequence: int | None = None) -> Sequence[Correction]:
        """Corrections that hold for the micro-batch of this sequence; all that there were, oldest first, without."""
        wanted = _COLUMNS.where(corrections.c.process == process).order_by(corrections.c.id)
        if sequence is not None:
            lasting = or_(corrections.c.until.is_(None), corrections.c.until >= sequence)
            wanted = wanted.where(corrections.c.after < sequence, lasting)
        with self._begin() as connection:
            return [Correction(*row) for row in connection.execute(wanted).all()]


_COLUMNS = select(*(corrections.c[one.name] for one in fields(Correction)))


def end_corrections(connection: Connection, incident: int, sequence: int, who: str, now: datetime) -> None:
    """What an incident turned back is left as it reads in micro-batches after the one of this sequence."""
    open_ = (corrections.c.incident == incident) & corrections.c.until.is_(None)
    ended = {"until": sequence, "ended_by": who, "ended_why": f"incident {incident} was closed", "ended_at": now}
    connection.execute(update(corrections).where(open_).values(ended))


def _open(connection: Connection, process: str, sensor: str) -> Correction | None:
    this = (corrections.c.process == process) & (corrections.c.sensor == sensor) & corrections.c.until.is_(None)
    row = connection.execute(_COLUMNS.where(this)).one_or_none()
    return None if row is None else Correction(*row)


def _end(connection: Connection, standing: Correction, sequence: int, who: str, why: str, now: datetime) -> Correction:
    ended = update(corrections).where(corrections.c.id == standing.id)
    ended = ended.values(until=sequence, ended_by=who, ended_why=why, ended_at=now)
    connection.execute(ended)
    return Correction(*connection.execute(_COLUMNS.where(corrections.c.id == standing.id)).one())
