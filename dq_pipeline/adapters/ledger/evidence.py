"""What is known around samples: quality, arrival, sayings of the target, answers beside the acted-on one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import case, func, select, true

from dq_pipeline.adapters.ledger.database import Database
from dq_pipeline.adapters.ledger.schema import batches, predictions, quarantine, scores, targets
from dq_pipeline.adapters.ledger.targets import truth_of
from dq_pipeline.records import ACTING, Delivered, SampleScore, TargetRow

_SAID = ("sample_id", "value", "origin", "annotator", "determined_at", "at", "lag")


class Evidence(Database):
    """The part of the ledger that tells what is known around samples."""

    def completions(self, process: str, ids: Sequence[str]) -> dict[str, SampleScore]:
        """Quality and arrival of completed samples by id."""
        wanted = select(scores).where(
            scores.c.process == process, scores.c.scope == "completion", scores.c.sample_id.in_(ids)
        )
        with self._begin() as connection:
            rows = connection.execute(wanted).all()
        found = [SampleScore(**{n: getattr(row, n) for n in SampleScore.__slots__}) for row in rows]
        return {one.sample_id: replace(one, lost=None if one.lost is None else tuple(one.lost)) for one in found}

    def delivered(self, process: str, first: int) -> Sequence[Delivered]:
        """Completed samples from this number on, in stream order: how they came, answers and targets."""
        said = select(predictions.c.release, predictions.c.value, predictions.c.fallback).where(
            predictions.c.process == scores.c.process,
            predictions.c.sample_id == scores.c.sample_id,
            predictions.c.role.in_(ACTING),
        )
        own = said.order_by(predictions.c.at, predictions.c.release).limit(1).correlate(scores).lateral("own")
        truth = truth_of(scores)
        answer = case((own.c.fallback.is_(None), own.c.value)).label("value")
        came = [scores.c[name] for name in ("sample", "start", "arrived_at", "lost")]
        wanted = select(*came, own.c.release, answer, truth.c.value.label("target"), truth.c.lag)
        wanted = wanted.select_from(scores.join(own, true(), isouter=True).join(truth, true(), isouter=True))
        wanted = wanted.where(scores.c.process == process, scores.c.sample >= first).order_by(scores.c.sample)
        with self._begin() as connection:
            return [Delivered(*row) for row in connection.execute(wanted)]

    def sayings(self, process: str, ids: Sequence[str]) -> dict[str, tuple[TargetRow, ...]]:
        """Everything that was said of the targets of these samples, in the order it came."""
        wanted = (
            select(targets).where(targets.c.process == process, targets.c.sample_id.in_(ids)).order_by(targets.c.id)
        )
        found: dict[str, tuple[TargetRow, ...]] = {}
        with self._begin() as connection:
            for row in connection.execute(wanted):
                said = TargetRow(**{name: getattr(row, name) for name in _SAID})
                found[row.sample_id] = (*found.get(row.sample_id, ()), said)
        return found

    def shadows(self, process: str, ids: Sequence[str]) -> dict[str, dict[str, float]]:
        """Answers that nobody acted on, by release and sample id."""
        wanted = select(predictions.c.release, predictions.c.sample_id, predictions.c.value).where(
            predictions.c.process == process,
            predictions.c.sample_id.in_(ids),
            predictions.c.role == "shadow",
            predictions.c.value.is_not(None),
        )
        found: dict[str, dict[str, float]] = {}
        with self._begin() as connection:
            for row in connection.execute(wanted):
                found.setdefault(row.release, {})[row.sample_id] = row.value
        return found

    def refused(self, process: str, sequence: int) -> dict[str, int]:
        """Messages quarantined in this batch and later ones, by reason."""
        batch = (batches.c.process == quarantine.c.process) & (batches.c.batch_id == quarantine.c.batch_id)
        wanted = select(quarantine.c.reason, func.count()).join(batches, batch)
        wanted = wanted.where(quarantine.c.process == process, batches.c.sequence >= sequence)
        with self._begin() as connection:
            rows = connection.execute(wanted.group_by(quarantine.c.reason)).all()
        return {row[0]: row[1] for row in rows}
