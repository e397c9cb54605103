"""Samples: which were seen, how they scored, and what was predicted beside what was true."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, select, true

from dq_pipeline.adapters.ledger.database import Database
from dq_pipeline.adapters.ledger.feedback_schema import flags
from dq_pipeline.adapters.ledger.flags import stands_rejected
from dq_pipeline.adapters.ledger.schema import batches, predictions, processes, scores
from dq_pipeline.adapters.ledger.targets import truth_of
from dq_pipeline.records import ACTING, BatchState, CommittedBatch, Judged, Role


class Samples(Database):
    """The part of the ledger that knows samples."""

    def seen(self, process: str, scope: str, ids: Sequence[str], *, except_batch: str) -> set[str]:
        """Which of these samples passed the form gate in this scope before, in another batch."""
        wanted = select(scores.c.sample_id).where(
            scores.c.process == process,
            scores.c.scope == scope,
            scores.c.sample_id.in_(ids),
            scores.c.batch_id != except_batch,
        )
        with self._begin() as connection:
            return set(connection.scalars(wanted))

    def answered(self, process: str, ids: Sequence[str], *, except_batch: str) -> set[str]:
        """Which of these samples were answered already, by another batch."""
        wanted = select(predictions.c.sample_id).where(
            predictions.c.process == process,
            predictions.c.role.in_(ACTING),
            predictions.c.sample_id.in_(ids),
            predictions.c.batch_id != except_batch,
        )
        with self._begin() as connection:
            return set(connection.scalars(wanted))

    def last_good(self, process: str) -> float | None:
        """What is known of the newest accepted sample with a target, in stream order."""
        truth = truth_of(scores)
        wanted = (
            select(truth.c.value)
            .select_from(scores)
            .join(truth, true())
            .where(scores.c.process == process, scores.c.sample.is_not(None), scores.c.accepted)
            .order_by(scores.c.sample.desc())
            .limit(1)
        )
        with self._begin() as connection:
            return connection.scalar(wanted)

    def committed(
        self, process: str, *, after: int = 0, first_sample: int = 0, last: int | None = None
    ) -> Sequence[CommittedBatch]:
        """Committed batches in order: sequence above `after`, samples numbered `first_sample` or above, newest `last`.

        With `first_sample` 0 batches without completed samples count too.
        """
        wanted = select(batches).where(
            batches.c.process == process, batches.c.state == BatchState.COMMITTED, batches.c.sequence > after
        )
        if first_sample > 0:
            wanted = wanted.where(batches.c.first_sample + batches.c.samples > first_sample)
        with self._begin() as connection:
            rows = connection.execute(wanted.order_by(batches.c.sequence.desc()).limit(last)).all()
        return [
            CommittedBatch(row.batch_id, row.sequence, row.uri, row.first_sample, row.samples) for row in reversed(rows)
        ]

    def scores(self, process: str, ids: Sequence[str]) -> dict[str, tuple[float | None, bool]]:
        """Unified score and acceptance of completed samples by id.

        One that a fallback answered, or that a person rejected, is not accepted.
        """
        doubtful = (
            select(predictions.c.sample_id)
            .where(
                predictions.c.process == scores.c.process,
                predictions.c.sample_id == scores.c.sample_id,
                predictions.c.role.in_(ACTING),
                predictions.c.fallback.is_not(None),
            )
            .exists()
        )
        refused = (
            select(flags.c.id)
            .where(flags.c.process == scores.c.process, flags.c.sample_id == scores.c.sample_id, stands_rejected())
            .exists()
        )
        good = and_(scores.c.accepted, ~doubtful, ~refused).label("accepted")
        wanted = select(scores.c.sample_id, scores.c.unified, good).where(
            scores.c.process == process, scores.c.scope == "completion", scores.c.sample_id.in_(ids)
        )
        with self._begin() as connection:
            return {row.sample_id: (row.unified, row.accepted) for row in connection.execute(wanted)}

    def judged(
        self,
        process: str,
        *,
        last: int | None = None,
        release: str | None = None,
        role: Role | Sequence[Role] = ACTING,
        first_sample: int = 0,
        stop_sample: int | None = None,
    ) -> Sequence[Judged]:
        """Predictions whose target is known, in stream order: the newest `last` of first <= sample number < stop.

        Each sample stands once, with its first prediction in this role (one of these; the answers acted on by default).
        """
        matching = and_(
            predictions.c.process == scores.c.process,
            predictions.c.sample_id == scores.c.sample_id,
            predictions.c.role.in_([role] if isinstance(role, str) else role),
        )
        if release is None:
            first = select(predictions).where(matching).order_by(predictions.c.at, predictions.c.release).limit(1)
            answer: Any = first.correlate(scores).lateral("answer")
            answered = scores.join(answer, true())
        else:  # one answer a sample, and few of them where the release is young: a plain join finds these first
            answer = predictions
            answered = scores.join(answer, and_(matching, predictions.c.release == release))
        truth = truth_of(scores)
        wanted = (
            select(answer, truth.c.value.label("target"), scores.c.sample, scores.c.accepted)
            .select_from(answered.join(truth, true()))
            .where(scores.c.process == process, scores.c.sample >= first_sample)
            .order_by(scores.c.sample.desc())
            .limit(last)
        )
        if stop_sample is not None:
            wanted = wanted.where(scores.c.sample < stop_sample)
        with self._begin() as connection:
            rows = connection.execute(wanted).all()
        return [
            Judged(
                sample_id=row.sample_id,
                sample=row.sample,
                release=row.release,
                role=row.role,
                value=row.value,
                lower=row.lower,
                upper=row.upper,
                target=row.target,
                accepted=row.accepted,
                fallback=row.fallback,
            )
            for row in reversed(rows)
        ]

    def sample_count(self, process: str) -> int:
        """Completed samples numbered so far: the next one's number."""
        with self._begin() as connection:
            return connection.scalar(select(processes.c.samples).where(processes.c.process == process)) or 0
