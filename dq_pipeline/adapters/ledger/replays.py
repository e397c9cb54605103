"""Periods of the past: what was answered in them, in which micro-batches, and what a replay says of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, select, true
from sqlalchemy.engine import Row

from dq_pipeline.adapters.ledger.bulk import write_rows
from dq_pipeline.adapters.ledger.database import Database
from dq_pipeline.adapters.ledger.schema import batches as _batches
from dq_pipeline.adapters.ledger.schema import predictions, scores
from dq_pipeline.adapters.ledger.targets import truth_of
from dq_pipeline.records import ACTING, Answered, BatchState, PredictionRow

_ANSWER = PredictionRow.__slots__


class Replays(Database):
    """The part of the ledger that knows periods of the past."""

    def period(
        self,
        process: str,
        *,
        first: int | None = None,
        stop: int | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        batches: Sequence[str] = (),
    ) -> Sequence[Answered]:
        """Answered samples in the order they were answered: by number, by their own start, or by micro-batch."""
        known, scored = scores.alias("known"), scores.alias("scored")
        truth = truth_of(predictions)
        champion = (
            select(func.max(scored.c.release))
            .where(scored.c.process == predictions.c.process, scored.c.batch_id == predictions.c.batch_id)
            .scalar_subquery()
        )
        completed = and_(
            known.c.process == predictions.c.process,
            known.c.sample_id == predictions.c.sample_id,
            known.c.scope == "completion",
        )
        wanted = (
            select(
                *(predictions.c[name] for name in (*_ANSWER, "batch_id")),
                _batches.c.sequence,
                _batches.c.raw_uri,
                _batches.c.uri,
                champion.label("champion"),
                known.c.sample,
                known.c.start,
                known.c.metadata,
                truth.c.value.label("target"),
            )
            .select_from(
                predictions.join(
                    _batches,
                    and_(_batches.c.process == predictions.c.process, _batches.c.batch_id == predictions.c.batch_id),
                )
                .outerjoin(known, completed)
                .outerjoin(truth, true())
            )
            .where(
                predictions.c.process == process,
                predictions.c.role.in_(ACTING),
                _batches.c.state == BatchState.COMMITTED,
                _batches.c.raw_uri.is_not(None),
            )
            .order_by(_batches.c.sequence, known.c.sample.nulls_last(), predictions.c.sample_id)
        )
        limits = (
            None if first is None else known.c.sample >= first,
            None if stop is None else known.c.sample < stop,
            None if since is None else known.c.start >= since,
            None if until is None else known.c.start < until,
            predictions.c.batch_id.in_(batches) if batches else None,
        )
        with self._begin() as connection:
            rows = connection.execute(wanted.where(*(limit for limit in limits if limit is not None))).all()
        return [_answered(row) for row in rows]

    def answered_in(self, process: str, batches: Sequence[str]) -> Mapping[str, Sequence[PredictionRow]]:
        """All that was said in these micro-batches, by batch: acted on or not, without what a replay said."""
        wanted = select(predictions).where(
            predictions.c.process == process, predictions.c.batch_id.in_(batches), predictions.c.role != "replay"
        )
        found = defaultdict(list)
        with self._begin() as connection:
            for row in connection.execute(wanted):
                found[row.batch_id].append(_prediction(row))
        return dict(found)

    def keep_replay(self, process: str, batch_id: str, rows: Sequence[PredictionRow], now: datetime) -> int:
        """Keep what a replay says, in the role `replay`; returns how many were new, each sample and release once."""
        values: list[dict[str, Any]] = [
            {"process": process, "batch_id": batch_id, **{name: getattr(row, name) for name in _ANSWER}, "at": now}
            for row in rows
        ]
        with self._begin() as connection:
            return write_rows(connection, predictions, values, skip_known=True)


def _prediction(row: Row[Any]) -> PredictionRow:
    return PredictionRow(**{name: getattr(row, name) for name in _ANSWER})


def _answered(row: Row[Any]) -> Answered:
    own = {name: getattr(row, name) for name in Answered.__slots__ if name != "answer"}
    return Answered(**own | {"metadata": row.metadata or {}}, answer=_prediction(row))
