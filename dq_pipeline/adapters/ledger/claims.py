"""Claims: who works on which micro-batch, held by a lease and guarded by a fence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, false, select, update
from sqlalchemy.engine import Row

from dq_pipeline.adapters.ledger.cursors import advance, read_cursors, set_sequence, write_batch
from dq_pipeline.adapters.ledger.database import Database, lock_process
from dq_pipeline.adapters.ledger.incidents import record_incident
from dq_pipeline.adapters.ledger.ranges import batch_id, plan
from dq_pipeline.adapters.ledger.schema import OPEN_STATES, batches, processes, ranges
from dq_pipeline.errors import LostClaimError, StateError
from dq_pipeline.records import BatchState, Claim, OffsetRange


class Claims(Database):
    """The part of the ledger that hands out micro-batches."""

    def claim(
        self,
        process: str,
        topic: str,
        watermarks: Mapping[int, tuple[int, int]],
        *,
        max_messages: int,
        max_attempts: int,
        holder: str,
        lease_s: float,
        now: datetime,
    ) -> Claim | None:
        """Adopt the oldest open batch or claim the next offsets; None if there is nothing or another holds it.

        A batch that was tried `max_attempts` times without getting on is parked, and the one after it considered.

        Raises
        ------
        StreamError
            The topic ends before what was read already.
        """
        with self._begin() as connection:
            head = lock_process(connection, process)
            for row in connection.execute(_open(process).with_for_update()).all():
                if row.lease_until > now and row.holder != holder:
                    return None
                if row.attempts >= max_attempts:
                    _park(connection, row, now)
                    continue
                return _hold(connection, row, holder, lease_s, now, attempts=row.attempts + 1, untried=True)
            known = read_cursors(connection, process, topic)
            planned = plan(topic, watermarks, known, max_messages)
            advance(connection, process, topic, planned, known, now)
            if not planned.ranges:
                return None
            new = Claim(
                process,
                batch_id(process, topic, planned.ranges),
                head.sequence + 1,
                topic,
                planned.ranges,
                BatchState.CLAIMED,
                fence=1,
                attempts=1,
                holder=holder,
            )
            write_batch(connection, new, lease_s, now)
            return new

    def take(self, process: str, batch_id: str, *, holder: str, lease_s: float, now: datetime) -> Claim:
        """Take over a batch for the next step or a retry: raises its fence. A committed one is returned as it is.

        Raises
        ------
        StateError
            No such batch, or it is parked.
        LostClaimError
            Another holder's lease still runs, or an older batch is in line first.
        """
        with self._begin() as connection:
            row = connection.execute(select(batches).where(_this(process, batch_id)).with_for_update()).one_or_none()
            if row is None:
                raise StateError(f"{process}: no batch {batch_id!r} in the ledger. `dq status` lists its batches.")
            if row.state == BatchState.COMMITTED:
                return _claim(connection, row)
            if row.state == BatchState.PARKED:
                raise StateError(
                    f"{process}: batch {batch_id} is parked after {row.attempts} attempts ({row.error}). "
                    "Remove the cause, then `dq redrive`."
                )
            if row.lease_until > now and row.holder != holder:
                raise LostClaimError(
                    f"{process}: batch {batch_id} is held by {row.holder!r} until {row.lease_until:%Y-%m-%d %H:%M:%S} "
                    f"UTC, not by {holder!r}."
                )
            older = connection.execute(_open(process).where(batches.c.sequence < row.sequence)).first()
            if older is not None:
                raise LostClaimError(f"{process}: batch {older.batch_id} is in line before {batch_id}.")
            # the step that an adopter goes on to is one attempt with its adoption, not a second one
            attempts = row.attempts if row.untried and row.holder == holder else row.attempts + 1
            return _hold(connection, row, holder, lease_s, now, attempts=attempts, untried=False)

    def mark_landed(self, claim: Claim, uri: str, messages: int, now: datetime) -> Claim:
        """The raw messages are in the lake. Raises LostClaimError if the fence is not the newest."""
        values = {"raw_uri": uri, "uri": uri, "messages": messages, "landed_at": now}
        return self._mark(claim, BatchState.LANDED, (BatchState.CLAIMED, BatchState.LANDED), values)

    def mark_assessed(self, claim: Claim, uri: str, now: datetime) -> Claim:
        """The assessment is in the lake. Raises LostClaimError if the fence is not the newest."""
        values = {"uri": uri, "assessed_at": now}
        return self._mark(claim, BatchState.ASSESSED, (BatchState.LANDED, BatchState.ASSESSED), values)

    def _mark(self, claim: Claim, state: BatchState, before: tuple[BatchState, ...], values: dict[str, Any]) -> Claim:
        with self._begin() as connection:
            marked = connection.execute(
                update(batches)
                .where(
                    _this(claim.process, claim.batch_id), batches.c.fence == claim.fence, batches.c.state.in_(before)
                )
                .values(state=state, attempts=0, untried=false(), error=None, **values)
            )
            if marked.rowcount == 0:
                refuse(connection, claim, before)
        return replace(claim, state=state, attempts=0, uri=values["uri"])

    def let_go(self, process: str, holder: str, error: str, now: datetime) -> None:
        """A run gives up: its lease ends now, so that the next run adopts its batch without waiting."""
        with self._begin() as connection:
            head = lock_process(connection, process)
            connection.execute(
                update(batches)
                .where(batches.c.process == process, batches.c.state.in_(OPEN_STATES), batches.c.holder == holder)
                .values(lease_until=now, error=error, untried=false())
            )
            connection.execute(
                update(processes)
                .where(processes.c.process == process)
                .values(failures=head.failures + 1, failed_at=now, error=error)
            )

    def unpark(self, process: str, now: datetime, *, batch_id: str | None = None) -> int:
        """Put parked batches, or this one, back in line, to be read again from the start; returns how many.

        They go to the end of the line with new sequence numbers: batches are committed in the order of these numbers.
        """
        with self._begin() as connection:
            head = lock_process(connection, process)
            wanted = select(batches.c.batch_id).where(
                batches.c.process == process, batches.c.state == BatchState.PARKED
            )
            if batch_id is not None:
                wanted = wanted.where(batches.c.batch_id == batch_id)
            parked = connection.scalars(wanted.order_by(batches.c.sequence)).all()
            for place, name in enumerate(parked, start=1):
                connection.execute(
                    update(batches)
                    .where(_this(process, name))
                    .values(
                        state=BatchState.CLAIMED,
                        sequence=head.sequence + place,
                        fence=batches.c.fence + 1,
                        attempts=0,
                        holder="",
                        lease_until=now,
                        uri=None,
                        raw_uri=None,
                    )
                )
            set_sequence(connection, process, head.sequence + len(parked))
            return len(parked)

    def positions(self, process: str, topic: str) -> dict[int, int]:
        """Per partition the offset that the next claim starts at."""
        with self._begin() as connection:
            return read_cursors(connection, process, topic)

    def open_batch(self, process: str, now: datetime) -> tuple[Claim, bool] | None:
        """The oldest batch that is neither committed nor parked, and whether its lease still runs."""
        with self._begin() as connection:
            row = connection.execute(_open(process).limit(1)).one_or_none()
            return None if row is None else (_claim(connection, row), row.lease_until > now)

    def failures(self, process: str) -> tuple[int, datetime | None]:
        """How many runs have failed in a row, and when the last did."""
        with self._begin() as connection:
            wanted = select(processes.c.failures, processes.c.failed_at).where(processes.c.process == process)
            row = connection.execute(wanted).one_or_none()
            return (0, None) if row is None else (row.failures, row.failed_at)


def refuse(connection: Connection, claim: Claim, expected: tuple[BatchState, ...]) -> None:
    """Say why a conditional write met no row: the fence has moved on, or the batch is not that far."""
    row = connection.execute(select(batches).where(_this(claim.process, claim.batch_id))).one_or_none()
    if row is None:
        raise StateError(f"{claim.process}: no batch {claim.batch_id!r} in the ledger.")
    if row.fence != claim.fence:
        raise LostClaimError(
            f"{claim.process}: batch {claim.batch_id} was taken over by {row.holder!r} "
            f"(fence {row.fence}, this attempt holds {claim.fence}). This attempt changes nothing more."
        )
    if row.state in (BatchState.COMMITTED, BatchState.PARKED):
        raise LostClaimError(f"{claim.process}: batch {claim.batch_id} is {row.state} already.")
    names = " or ".join(expected)
    raise StateError(f"{claim.process}: batch {claim.batch_id} expected to be {names}, found {row.state}.")


def _this(process: str, name: str) -> ColumnElement[bool]:
    return and_(batches.c.process == process, batches.c.batch_id == name)


def _open(process: str) -> Any:
    found = select(batches).where(batches.c.process == process, batches.c.state.in_(OPEN_STATES))
    return found.order_by(batches.c.sequence)


def _claim(connection: Connection, row: Row[Any]) -> Claim:
    wanted = select(ranges).where(ranges.c.process == row.process, ranges.c.batch_id == row.batch_id)
    return Claim(
        process=row.process,
        batch_id=row.batch_id,
        sequence=row.sequence,
        topic=row.topic,
        ranges=tuple(
            OffsetRange(r.partition, r.start, r.stop) for r in connection.execute(wanted.order_by(ranges.c.partition))
        ),
        state=BatchState(row.state),
        fence=row.fence,
        attempts=row.attempts,
        holder=row.holder,
        uri=row.uri,
    )


def _hold(
    connection: Connection, row: Row[Any], holder: str, lease_s: float, now: datetime, *, attempts: int, untried: bool
) -> Claim:
    held = {"fence": row.fence + 1, "holder": holder, "attempts": attempts}
    connection.execute(
        update(batches)
        .where(_this(row.process, row.batch_id))
        .values(lease_until=now + timedelta(seconds=lease_s), untried=untried, **held)
    )
    return replace(_claim(connection, row), fence=row.fence + 1, holder=holder, attempts=attempts)


def _park(connection: Connection, row: Row[Any], now: datetime) -> None:
    error = row.error or "no error was recorded: its runs were killed"
    connection.execute(
        update(batches)
        .where(_this(row.process, row.batch_id))
        .values(state=BatchState.PARKED, fence=row.fence + 1, error=error)
    )
    title = f"Batch {row.batch_id} parked after {row.attempts} attempts"
    evidence = {"batch_id": row.batch_id, "state": row.state, "error": error}
    record_incident(connection, row.process, "parked", title, evidence, now)
