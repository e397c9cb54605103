"""Rollouts: every step of a release's way into Production, and what it said beside the release it is to replace."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, func, insert, select, true
from sqlalchemy.engine import Row

from dq_pipeline.adapters.ledger.database import Database, lock_process
from dq_pipeline.adapters.ledger.schema import batches, predictions, scores
from dq_pipeline.adapters.ledger.targets import truth_of
from dq_pipeline.adapters.ledger.trust_schema import rollouts
from dq_pipeline.records import LIVE, Pair, Rollout, Step

_CANDIDATE = ("shadow", "canary")
_CHAMPION = ("champion", "shadow")


class Rollouts(Database):
    """The part of the ledger that keeps the way of releases into Production."""

    def rollouts(self, process: str, *, before: int | None = None) -> Sequence[Rollout]:
        """The newest step of each version, in the order they began.

        With `before`, as they counted for the micro-batch claimed with this sequence.
        """
        with self._begin() as connection:
            return _newest(connection, process, before)

    def move_rollout(self, process: str, version: str, step: Step, now: datetime, *, was: int | None) -> Rollout | None:
        """Take a step; None if `was` is not the newest one any more, or another release is in the canary already.

        `was` is the step it is taken upon, None where the version had none. Taking the newest step again is no change.
        """
        with self._begin() as connection:
            head = lock_process(connection, process)
            standing = {row.version: row for row in _newest(connection, process, None)}
            newest = standing.get(version)
            if newest is not None and (newest.state, newest.champion, newest.who, newest.why) == (
                step.state,
                step.champion,
                step.who,
                step.why,
            ):
                return newest
            if (None if newest is None else newest.id) != was:
                return None
            if step.share > 0.0 and any(
                row.share > 0.0 and row.state in LIVE for name, row in standing.items() if name != version
            ):
                return None
            values = {name: getattr(step, name) for name in Step.__slots__}
            place = {"process": process, "version": version, "after": head.sequence, "sample": head.samples, "at": now}
            return _rollout(connection.execute(insert(rollouts).values(values | place).returning(rollouts)).one())

    def pairs(self, process: str, version: str, champion: str, *, after: int) -> Sequence[Pair]:
        """What both said of the samples of micro-batches claimed after a sequence, in the order they were answered.

        Samples that a fallback answered are left out.
        """
        one, other = predictions.alias("one"), predictions.alias("other")
        truth = truth_of(one)  # type: ignore[arg-type]
        same = and_(
            other.c.process == one.c.process,
            other.c.sample_id == one.c.sample_id,
            other.c.batch_id == one.c.batch_id,
            other.c.release == champion,
            other.c.role.in_(_CHAMPION),
            other.c.fallback.is_(None),
        )
        of_batch = and_(batches.c.process == one.c.process, batches.c.batch_id == one.c.batch_id)
        completed = and_(
            scores.c.process == one.c.process, scores.c.sample_id == one.c.sample_id, scores.c.scope == "completion"
        )
        wanted = (
            select(
                *(one.c[name] for name in ("sample_id", "role", "value", "lower", "upper", "alarm", "expected_error")),
                scores.c.sample,
                *(other.c[name].label(f"champion_{name}") for name in ("value", "lower", "upper", "alarm")),
                other.c.expected_error.label("champion_expected"),
                truth.c.value.label("target"),
            )
            .select_from(
                one.join(other, same).join(batches, of_batch).outerjoin(scores, completed).outerjoin(truth, true())
            )
            .where(
                one.c.process == process,
                one.c.release == version,
                one.c.role.in_(_CANDIDATE),
                batches.c.sequence > after,
            )
            .order_by(batches.c.sequence, scores.c.sample.nulls_last(), one.c.sample_id)
        )
        with self._begin() as connection:
            rows = connection.execute(wanted).all()
        return [Pair(**{name: getattr(row, name) for name in Pair.__slots__}) for row in rows]

    def canary_answers(self, process: str, version: str) -> int:
        """How many samples a release answered as a canary."""
        wanted = select(func.count()).where(
            predictions.c.process == process, predictions.c.release == version, predictions.c.role == "canary"
        )
        with self._begin() as connection:
            return connection.scalar(wanted) or 0


def _newest(connection: Connection, process: str, before: int | None) -> list[Rollout]:
    wanted = select(rollouts).where(rollouts.c.process == process)
    if before is not None:
        wanted = wanted.where(rollouts.c.after < before)
    newest: dict[str, Row[Any]] = {}
    for row in connection.execute(wanted.order_by(rollouts.c.id)):
        newest[row.version] = row
    return [_rollout(row) for row in newest.values()]


def _rollout(row: Row[Any]) -> Rollout:
    return Rollout(**{name: getattr(row, name) for name in Rollout.__slots__})
