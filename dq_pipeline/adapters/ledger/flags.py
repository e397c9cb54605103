"""Flags: which samples a person should look at, and which must never train."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, select
from sqlalchemy.engine import Row

from dq_pipeline.adapters.ledger.bulk import write_rows
from dq_pipeline.adapters.ledger.database import Database, lock_process
from dq_pipeline.adapters.ledger.feedback_schema import flags, reviews
from dq_pipeline.adapters.ledger.schema import batches, predictions, scores
from dq_pipeline.records import ACTING, UNBUDGETED, Flag, FlagKind, FlagRow, PredictionRow, Recorded


class Flags(Database):
    """The part of the ledger that remembers flags and what they are about."""

    def add_flags(self, process: str, rows: Sequence[Flag], now: datetime) -> int:
        """Record flags; the same one twice is one. Returns how many were new."""
        with self._begin() as connection:
            lock_process(connection, process)  # flags are numbered in the order in which they can be seen
            return write_flags(connection, process, rows, now)

    def flags(
        self,
        process: str,
        *,
        kinds: Sequence[FlagKind] = (),
        since: datetime | None = None,
        limit: int | None = None,
    ) -> Sequence[FlagRow]:
        """Flags of these kinds (all by default) set at `since` or later, newest first."""
        wanted = select(flags).where(flags.c.process == process)
        if kinds:
            wanted = wanted.where(flags.c.kind.in_([str(kind) for kind in kinds]))
        if since is not None:
            wanted = wanted.where(flags.c.at >= since)
        with self._begin() as connection:
            rows = connection.execute(wanted.order_by(flags.c.id.desc()).limit(limit)).all()
        return [flag_row(row) for row in rows]

    def flag_rate(self, process: str, release: str) -> tuple[int, int]:
        """Of the samples that a release answered: how many its rules flagged, and how many there are."""
        answered = and_(
            predictions.c.process == process, predictions.c.release == release, predictions.c.role == "champion"
        )
        flagged = (
            select(flags.c.id)
            .where(
                flags.c.process == process,
                flags.c.sample_id == predictions.c.sample_id,
                flags.c.kind.not_in([str(kind) for kind in UNBUDGETED]),
                flags.c.release == release,
            )
            .exists()
        )
        with self._begin() as connection:
            count = connection.scalar(select(func.count()).select_from(predictions).where(answered)) or 0
            some = connection.scalar(select(func.count()).select_from(predictions).where(answered, flagged)) or 0
        return some, count

    def rejected(self, process: str, ids: Sequence[str]) -> set[str]:
        """Which of these samples a person rejected, and no reviewer took back since: they never train."""
        wanted = select(flags.c.sample_id).where(
            flags.c.process == process, stands_rejected(), flags.c.sample_id.in_(ids)
        )
        with self._begin() as connection:
            return set(connection.scalars(wanted))

    def answers(self, process: str, ids: Sequence[str]) -> dict[str, PredictionRow]:
        """The first answer that was acted on, by sample id."""
        wanted = (
            select(predictions)
            .where(predictions.c.process == process, predictions.c.role.in_(ACTING), predictions.c.sample_id.in_(ids))
            .distinct(predictions.c.sample_id)
            .order_by(predictions.c.sample_id, predictions.c.at, predictions.c.release)
        )
        with self._begin() as connection:
            rows = connection.execute(wanted).all()
        names = PredictionRow.__slots__
        return {row.sample_id: PredictionRow(**{name: getattr(row, name) for name in names}) for row in rows}

    def recorded(self, process: str, ids: Sequence[str]) -> dict[str, Recorded]:
        """Completed samples by id, and where their micro-batch lies."""
        wanted = (
            select(scores, batches.c.uri)
            .join(batches, and_(batches.c.process == scores.c.process, batches.c.batch_id == scores.c.batch_id))
            .where(scores.c.process == process, scores.c.scope == "completion", scores.c.sample_id.in_(ids))
        )
        with self._begin() as connection:
            rows = connection.execute(wanted).all()
        names = Recorded.__slots__
        return {row.sample_id: Recorded(**{name: getattr(row, name) for name in names}) for row in rows}


def flag_row(row: Row[Any]) -> FlagRow:
    """A flag as the table has it."""
    values = {name: getattr(row, name) for name in Flag.__slots__}
    return FlagRow(row.id, Flag(**{**values, "kind": FlagKind(row.kind)}), row.at)


def stands_rejected() -> ColumnElement[bool]:
    """Whether a flag rejects its sample, and no reviewer has accepted or corrected that since."""
    since = select(reviews.c.id).where(
        reviews.c.process == flags.c.process,
        reviews.c.sample_id == flags.c.sample_id,
        reviews.c.outcome.in_(("accept", "correct")),
        reviews.c.settled_at > flags.c.at,
        ~reviews.c.automatic,
    )
    return and_(flags.c.rejected, ~since.exists())


def write_flags(connection: Connection, process: str, rows: Sequence[Flag], now: datetime) -> int:
    """Append flags as part of the caller's transaction; returns how many were new."""
    values = [
        {"process": process, **{name: getattr(row, name) for name in Flag.__slots__}, "kind": str(row.kind), "at": now}
        for row in rows
    ]
    return write_rows(connection, flags, values, skip_known=True)
