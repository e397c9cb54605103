"""Committing a micro-batch: everything it decided, in one transaction."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update
from sqlalchemy.exc import IntegrityError

from dq_pipeline.adapters.ledger.bulk import write_rows
from dq_pipeline.adapters.ledger.claims import refuse
from dq_pipeline.adapters.ledger.database import Database, lock_process
from dq_pipeline.adapters.ledger.drift import raise_alarm, save_state
from dq_pipeline.adapters.ledger.flags import write_flags
from dq_pipeline.adapters.ledger.outbox import enqueue
from dq_pipeline.adapters.ledger.schema import batches, predictions, processes, quarantine, scores
from dq_pipeline.adapters.ledger.targets import write_targets
from dq_pipeline.errors import StateError
from dq_pipeline.records import BatchOutcome, BatchState, Claim, PredictionRow, Quarantined, SampleScore

_DETAIL_CHARACTERS = 2000
_ID_CHARACTERS = 500


class Outcomes(Database):
    """The part of the ledger that commits."""

    def commit(self, claim: Claim, outcome: BatchOutcome, now: datetime) -> None:
        """Write everything the batch decided, with its outbox, and commit its ranges: all or nothing.

        Its completed samples are numbered in the order of `outcome.scores`. Repeating a commit changes nothing.

        Raises
        ------
        LostClaimError
            Another attempt has taken the batch over since.
        StateError
            The batch is not assessed, or a sample of it stands in the ledger already.
        """
        with self._begin() as connection:
            head = lock_process(connection, claim.process)
            completed = sum(score.scope == "completion" for score in outcome.scores)
            done = connection.execute(
                update(batches)
                .where(
                    batches.c.process == claim.process,
                    batches.c.batch_id == claim.batch_id,
                    batches.c.fence == claim.fence,
                    batches.c.state == BatchState.ASSESSED,
                )
                .values(
                    state=BatchState.COMMITTED,
                    committed_at=now,
                    counts=dict(outcome.counts),
                    first_sample=head.samples,
                    samples=completed,
                    uri=outcome.assessed_uri or batches.c.uri,
                )
            )
            if done.rowcount == 0:
                if _committed_by(connection, claim):
                    return
                refuse(connection, claim, (BatchState.ASSESSED,))
            _write_scores(connection, claim, outcome.scores, head.samples)
            _write_rest(connection, claim, outcome, now)
            connection.execute(
                update(processes)
                .where(processes.c.process == claim.process)
                .values(samples=head.samples + completed, failures=0)
            )


def _committed_by(connection: Connection, claim: Claim) -> bool:
    wanted = select(batches.c.state, batches.c.fence)
    wanted = wanted.where(batches.c.process == claim.process, batches.c.batch_id == claim.batch_id)
    row = connection.execute(wanted).one_or_none()
    return row is not None and row.state == BatchState.COMMITTED and row.fence == claim.fence


def _write_scores(connection: Connection, claim: Claim, rows: tuple[SampleScore, ...], first: int) -> None:
    values, number = [], first
    for score in rows:
        completed = score.scope == "completion"
        values.append(_row(claim, score, sample=number if completed else None))
        number += completed
    try:
        write_rows(connection, scores, values)
    except IntegrityError as error:
        raise StateError(
            f"{claim.process}: batch {claim.batch_id}: every sample once per scope expected, "
            f"found one that stands in the ledger already: {str(error.orig).strip()}. Assess the batch again."
        ) from error


def _write_rest(connection: Connection, claim: Claim, outcome: BatchOutcome, now: datetime) -> None:
    answers = [_row(claim, row, at=now) for row in outcome.predictions]
    write_rows(connection, predictions, answers, skip_known=True)
    write_targets(connection, claim.process, outcome.targets, now)
    write_flags(connection, claim.process, outcome.flags, now)
    refused = [_row(claim, _cut(row), at=now) for row in outcome.quarantined]
    write_rows(connection, quarantine, refused, skip_known=True)
    for alarm in outcome.alarms:
        raise_alarm(connection, claim.process, claim.batch_id, alarm, now)
    if outcome.detector is not None:
        save_state(connection, claim.process, outcome.detector, now)
    enqueue(connection, claim.process, outcome.outbox, now)


def _row(claim: Claim, record: SampleScore | PredictionRow | Quarantined, **more: Any) -> dict[str, Any]:
    """The record's fields are the table's columns."""
    own = {name: getattr(record, name) for name in record.__slots__}
    return {"process": claim.process, "batch_id": claim.batch_id, **own, **more}


def _cut(row: Quarantined) -> Quarantined:
    """What a hostile message put into its id or its error, no longer than a person reads."""
    known = None if row.sample_id is None else row.sample_id[:_ID_CHARACTERS]
    return replace(row, detail=row.detail[:_DETAIL_CHARACTERS], sample_id=known)
