"""What tells a sick loop from a well one: times, scores and answers side by side."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import and_, func, select, true

from dq_pipeline.adapters.ledger.database import Database
from dq_pipeline.adapters.ledger.schema import batches, predictions, scores
from dq_pipeline.adapters.ledger.targets import truth_of
from dq_pipeline.records import BatchState, Both, OpenClaim, Scored


class Watching(Database):
    """The part of the ledger that the watch looks at."""

    def arrivals(self, process: str, *, last: int) -> Sequence[datetime]:
        """When the newest completed samples arrived, by the broker's clock, in time order."""
        wanted = select(scores.c.arrived_at).where(scores.c.process == process, scores.c.sample.is_not(None))
        with self._begin() as connection:
            found = connection.scalars(wanted.order_by(scores.c.sample.desc()).limit(last)).all()
        return sorted(at for at in found if at is not None)

    def latencies(self, process: str, *, last: int) -> Sequence[float]:
        """Seconds from a message's arrival to its answer: the median of each micro-batch that first answered one of
        the newest `last` completed samples, oldest first."""
        newest = (
            select(scores.c.sample_id)
            .where(scores.c.process == process, scores.c.sample.is_not(None))
            .order_by(scores.c.sample.desc())
            .limit(last)
            .subquery()
        )
        answer = and_(
            predictions.c.process == process,
            predictions.c.sample_id == newest.c.sample_id,
            predictions.c.role == "champion",
        )
        message = and_(  # the one that it answered: of a horizon and its completion in one batch, the horizon
            scores.c.process == process,
            scores.c.sample_id == newest.c.sample_id,
            scores.c.batch_id == predictions.c.batch_id,
        )
        each = (
            select(
                predictions.c.batch_id,
                predictions.c.at,
                func.min(scores.c.arrived_at).label("arrived_at"),
            )
            .select_from(newest.join(predictions, answer).join(scores, message))
            .where(scores.c.arrived_at.is_not(None))
            .group_by(predictions.c.batch_id, predictions.c.sample_id, predictions.c.at)
            .subquery()
        )
        waited = func.extract("epoch", each.c.at - each.c.arrived_at)
        wanted = select(func.percentile_cont(0.5).within_group(waited)).group_by(each.c.batch_id)
        with self._begin() as connection:
            return [float(found) for found in connection.scalars(wanted.order_by(func.min(each.c.at)))]

    def newest_scores(self, process: str, *, last: int) -> Sequence[Scored]:
        """Unified scores of the newest completed samples, in stream order."""
        wanted = (
            select(scores.c.sample_id, scores.c.unified, scores.c.release)
            .where(scores.c.process == process, scores.c.sample.is_not(None))
            .order_by(scores.c.sample.desc())
            .limit(last)
        )
        with self._begin() as connection:
            rows = connection.execute(wanted).all()
        return [
            Scored(row.sample_id, row.unified, row.release or "") for row in reversed(rows) if row.unified is not None
        ]

    def both(self, process: str, release: str, other: str, *, last: int) -> Sequence[Both]:
        """The newest samples that `release` answered while `other` answered in shadow, in stream order, without those
        that a fallback answered."""
        one, two = predictions.alias(), predictions.alias()
        ours = and_(
            one.c.process == two.c.process,
            one.c.sample_id == two.c.sample_id,
            one.c.release == release,
            one.c.role == "champion",
            one.c.fallback.is_(None),
            one.c.value.is_not(None),
        )
        sample = and_(
            scores.c.process == two.c.process, scores.c.sample_id == two.c.sample_id, scores.c.sample.is_not(None)
        )
        truth = truth_of(scores)
        wanted = (
            select(
                scores.c.sample,
                one.c.value,
                two.c.value.label("other"),
                (two.c.upper - two.c.lower).label("width"),
                truth.c.value.label("target"),
            )
            .select_from(two.join(one, ours).join(scores, sample).outerjoin(truth, true()))
            .where(
                two.c.process == process,
                two.c.release == other,
                two.c.role == "shadow",
                two.c.fallback.is_(None),
                two.c.value.is_not(None),
            )
            .order_by(scores.c.sample.desc())
            .limit(last)
        )
        with self._begin() as connection:
            rows = connection.execute(wanted).all()
        return [Both(row.sample, row.value, row.other, row.width, row.target) for row in reversed(rows)]

    def open_claims(self, process: str) -> Sequence[OpenClaim]:
        """Batches that are not committed, in line; those parked among them."""
        wanted = select(batches).where(batches.c.process == process, batches.c.committed_at.is_(None))
        with self._begin() as connection:
            rows = connection.execute(wanted.order_by(batches.c.sequence)).all()
        return [
            OpenClaim(row.batch_id, BatchState(row.state), row.holder, row.lease_until, row.attempts, row.error or "")
            for row in rows
        ]
