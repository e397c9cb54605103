"""Reviews: samples that wait for a person, opinions, and settling them together with the label or flag they make."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, literal, select, update
from sqlalchemy.engine import Row

from dq_pipeline.adapters.ledger.bulk import write_rows
from dq_pipeline.adapters.ledger.database import Database, lock_process
from dq_pipeline.adapters.ledger.feedback_schema import flags, opinions, reviews
from dq_pipeline.adapters.ledger.flags import flag_row, write_flags
from dq_pipeline.adapters.ledger.targets import write_targets
from dq_pipeline.errors import StateError
from dq_pipeline.records import Candidate, FlagRow, Opinion, Review, Ruling, State

Decide = Callable[[Review, Sequence[Opinion]], Ruling]
Said = tuple[int, Sequence[Opinion], Decide]


class Reviews(Database):
    """The part of the ledger that holds the review queue."""

    def enqueue(self, process: str, rows: Sequence[Candidate], now: datetime) -> Sequence[tuple[Review, bool]]:
        """Put samples into the queue; each row's review, and whether it is new.

        A sample waits once: a further row replaces the reasons of the review that waits. One whose recording is that
        of another sample, waiting or settled, is refused.
        """
        with self._begin() as connection:
            lock_process(connection, process)
            return [_enter(connection, process, row, now) for row in rows]

    def judge(self, process: str, said: Sequence[Said], now: datetime) -> Sequence[tuple[Review, int]]:
        """Append opinions and settle, with the targets and flags: all or nothing; each review, and how many were new.

        Opinions whose token stands there already are passed over; where all are, nothing changes, whatever the state.

        Raises
        ------
        StateError
            If there is no such review, or it does not wait any more.
        """
        with self._begin() as connection:
            lock_process(connection, process)
            return [_judge(connection, process, *one, now) for one in said]

    def reviews(
        self,
        process: str,
        *,
        state: State = "waiting",
        limit: int | None = None,
        offset: int = 0,
        unseen_by: str | None = None,
    ) -> Sequence[Review]:
        """Waiting reviews by priority, the others the newest first; without those that a person has judged."""
        wanted = select(reviews).where(reviews.c.process == process, reviews.c.state == state)
        if unseen_by is not None:
            mine = select(opinions.c.id).where(
                opinions.c.review == reviews.c.id, opinions.c.who == unseen_by, opinions.c.action != "skip"
            )
            wanted = wanted.where(~mine.exists())
        first: Any = reviews.c.opened_at.desc()
        if state != "refused":
            first = reviews.c.priority.desc() if state == "waiting" else reviews.c.settled_at.desc()
        last: Any = reviews.c.id if state == "waiting" else reviews.c.id.desc()
        with self._begin() as connection:
            rows = connection.execute(wanted.order_by(first, last).limit(limit).offset(offset)).all()
        return [_review(row) for row in rows]

    def review(self, process: str, review: int) -> Review | None:
        """One review by its number."""
        wanted = select(reviews).where(reviews.c.process == process, reviews.c.id == review)
        with self._begin() as connection:
            row = connection.execute(wanted).one_or_none()
        return None if row is None else _review(row)

    def reviews_of(self, process: str, ids: Sequence[str]) -> dict[str, tuple[Review, ...]]:
        """All reviews by sample id, oldest first."""
        wanted = select(reviews).where(reviews.c.process == process, reviews.c.sample_id.in_(ids))
        with self._begin() as connection:
            return _by(connection.execute(wanted.order_by(reviews.c.id)).all(), "sample_id", _review)

    def review_counts(self, process: str) -> dict[str, int]:
        """How many reviews there are in each state."""
        wanted = select(reviews.c.state, func.count()).where(reviews.c.process == process).group_by(reviews.c.state)
        with self._begin() as connection:
            found = {state: int(count) for state, count in connection.execute(wanted)}
        return {"waiting": 0, "settled": 0, "refused": 0} | found

    def rule_record(self, process: str) -> dict[str, dict[str, int]]:
        """By rule: how many it settled, how many a person saw in its place, and in how many of these both agreed."""
        alone = select(func.substr(opinions.c.who, 6), func.count(), literal(0), literal(0))
        alone = alone.where(opinions.c.process == process, opinions.c.automatic).group_by(opinions.c.who)
        rule = reviews.c.reasons["rule"]
        alike = func.count().filter(rule["action"].astext == reviews.c.outcome)
        seen = select(rule["name"].astext, literal(0), func.count(), alike)
        seen = seen.where(reviews.c.process == process, reviews.c.state == "settled", rule.is_not(None))
        found: dict[str, dict[str, int]] = {}
        with self._begin() as connection:
            for name, *counts in connection.execute(alone.union_all(seen.group_by(rule["name"].astext))):
                known = found.setdefault(name, {"settled": 0, "seen": 0, "agreed": 0})
                found[name] = {key: known[key] + more for key, more in zip(known, counts, strict=True)}
        return found

    def opinions(self, process: str, reviews: Sequence[int]) -> dict[int, tuple[Opinion, ...]]:
        """What was said, by review, oldest first."""
        with self._begin() as connection:
            return _opinions(connection, process, reviews)

    def flags_after(self, process: str, after: int, limit: int) -> Sequence[FlagRow]:
        """Flags with a larger id, oldest first."""
        wanted = select(flags).where(flags.c.process == process, flags.c.id > after).order_by(flags.c.id).limit(limit)
        with self._begin() as connection:
            return [flag_row(row) for row in connection.execute(wanted)]

    def flags_of(self, process: str, ids: Sequence[str]) -> dict[str, tuple[FlagRow, ...]]:
        """All flags by sample id, oldest first."""
        wanted = select(flags).where(flags.c.process == process, flags.c.sample_id.in_(ids)).order_by(flags.c.id)
        with self._begin() as connection:
            return _by(connection.execute(wanted).all(), "sample_id", flag_row)


def _judge(
    connection: Connection, process: str, number: int, said: Sequence[Opinion], decide: Decide, now: datetime
) -> tuple[Review, int]:
    wanted = select(reviews).where(reviews.c.process == process, reviews.c.id == number).with_for_update()
    row = connection.execute(wanted).one_or_none()
    if row is None:
        raise StateError(f"{process}: a review expected, found no {number}. `dq reviews {process}`.")
    before = _opinions(connection, process, [number]).get(number, ())
    known = {one.token for one in before}
    fresh = [replace(one, at=now) for one in said if one.token not in known]
    if not fresh:
        return _review(row), 0
    if row.state != "waiting":
        raise StateError(_over(process, row, before))
    ruling = decide(_review(row), (*before, *fresh))
    _write_opinions(connection, process, number, (*fresh, *ruling.opinions), now)
    write_targets(connection, process, ruling.targets, now)
    write_flags(connection, process, ruling.flags, now)
    change: dict[str, Any] = {"rounds": ruling.rounds}
    if ruling.outcome is not None:
        change |= {"state": "settled", "settled_at": now, "outcome": ruling.outcome}
        change |= {"value": ruling.value, "automatic": ruling.automatic}
    changed = update(reviews).where(reviews.c.id == number).values(change).returning(reviews)
    return _review(connection.execute(changed).one()), len(fresh)


def _enter(connection: Connection, process: str, row: Candidate, now: datetime) -> tuple[Review, bool]:
    own = (reviews.c.process == process, reviews.c.sample_id == row.sample_id, reviews.c.state == "waiting")
    if not row.refused:
        again = update(reviews).where(*own).values(priority=row.priority, reasons=row.reasons)
        waiting = connection.execute(again.returning(reviews)).one_or_none()
        if waiting is not None:
            return _review(waiting), False
        twin = select(reviews.c.id, reviews.c.sample_id).where(
            reviews.c.process == process,
            reviews.c.content == row.content,
            reviews.c.content != "",
            reviews.c.sample_id != row.sample_id,
        )
        other = connection.execute(twin.order_by(reviews.c.id).limit(1)).one_or_none()
        if other is not None:
            row = replace(row, refused=f"duplicate: its recording is that of {other.sample_id}, review {other.id}")
    refused = bool(row.refused)
    values = {
        "process": process,
        "sample_id": row.sample_id,
        "state": "refused" if refused else "waiting",
        "priority": row.priority,
        "reasons": {**row.reasons, "refused": row.refused} if refused else row.reasons,
        "rounds": row.rounds,
        "opened_at": now,
        "automatic": False,
        "content": "" if refused else row.content,
    }
    return _review(connection.execute(insert(reviews).values(values).returning(reviews)).one()), True


def _write_opinions(connection: Connection, process: str, review: int, said: Sequence[Opinion], now: datetime) -> None:
    rows = [{name: getattr(one, name) for name in Opinion.__slots__} for one in said]
    write_rows(connection, opinions, [{**row, "process": process, "review": review, "at": now} for row in rows])


def _opinions(connection: Connection, process: str, numbers: Sequence[int]) -> dict[int, tuple[Opinion, ...]]:
    wanted = select(opinions).where(opinions.c.process == process, opinions.c.review.in_(numbers))
    names = Opinion.__slots__
    rows = connection.execute(wanted.order_by(opinions.c.id)).all()
    return _by(rows, "review", lambda row: Opinion(**{name: getattr(row, name) for name in names}))


def _over(process: str, row: Row[Any], said: Sequence[Opinion]) -> str:
    if row.state == "refused":
        return f"{process}: review {row.id} never entered the queue: {row.reasons.get('refused')}"
    by = ", ".join(dict.fromkeys(one.who for one in said if one.action != "skip"))
    return (
        f"{process}: a review that waits expected; {row.id} of {row.sample_id} was settled ({row.outcome}) by {by} "
        f"at {row.settled_at:%Y-%m-%d %H:%M:%S} UTC. `dq report {process} {row.sample_id}` opens it again."
    )


def _review(row: Row[Any]) -> Review:
    return Review(**{name: getattr(row, name) for name in Review.__slots__})


def _by(rows: Sequence[Row[Any]], name: str, made: Callable[[Row[Any]], Any]) -> dict[Any, tuple[Any, ...]]:
    found = defaultdict(list)
    for row in rows:
        found[getattr(row, name)].append(made(row))
    return {key: tuple(values) for key, values in found.items()}
