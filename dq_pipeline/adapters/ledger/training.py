"""Training: versions of what models learned from, their samples, and the messages these came in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.engine import Row

from dq_pipeline.adapters.ledger.bulk import write_rows
from dq_pipeline.adapters.ledger.database import Database, know_process
from dq_pipeline.adapters.ledger.feedback_schema import training_batches, training_samples, training_uses
from dq_pipeline.adapters.ledger.schema import batches, ranges, scores
from dq_pipeline.errors import StateError
from dq_pipeline.records import Message, OffsetRange, TrainingSample, TrainingSet


class Trainings(Database):
    """The part of the ledger that knows what models learned from."""

    def add_training_set(self, process: str, version: TrainingSet, samples: Sequence[TrainingSample]) -> TrainingSet:
        """Record a version with its samples; the same content twice is one, and the first stands."""
        row = {"process": process, **{name: getattr(version, name) for name in TrainingSet.__slots__}}
        head = {"process": process, "hash": version.hash}
        rows = [head | {name: getattr(one, name) for name in TrainingSample.__slots__} for one in samples]
        with self._begin() as connection:
            know_process(connection, process)
            new = connection.execute(upsert(training_batches).values(row).on_conflict_do_nothing())
            if new.rowcount:
                write_rows(connection, training_samples, rows)
            wanted = select(training_batches).where(
                training_batches.c.process == process, training_batches.c.hash == version.hash
            )
            return _set(connection.execute(wanted).one())

    def use_training_set(self, process: str, key: str, content_hash: str) -> None:
        """The challenger with this key learned from this version; said again, the newest word stands."""
        row = {"process": process, "key": key, "hash": content_hash}
        with self._begin() as connection:
            know_process(connection, process)
            used = upsert(training_uses).values(row)
            connection.execute(used.on_conflict_do_update(index_elements=["process", "key"], set_=row))

    def training_set(self, process: str, content_hash: str) -> TrainingSet | None:
        """The version whose hash begins so.

        Raises
        ------
        StateError
            If several do.
        """
        begins = training_batches.c.hash.startswith(content_hash, autoescape=True)
        found = self._sets(process, begins)
        if len(found) > 1:
            raise StateError(
                f"{process}: one training batch expected that begins with {content_hash!r}, found {len(found)}"
            )
        return found[0] if found else None

    def training_set_of(self, process: str, key: str) -> TrainingSet | None:
        """What the challenger with this key learned from."""
        used = select(training_uses.c.hash).where(training_uses.c.process == process, training_uses.c.key == key)
        found = self._sets(process, training_batches.c.hash.in_(used))
        return found[0] if found else None

    def training_sets(self, process: str) -> Sequence[TrainingSet]:
        """All versions, oldest first."""
        return self._sets(process)

    def training_samples(
        self, process: str, content_hash: str, *, sample: str | None = None
    ) -> Sequence[TrainingSample]:
        """The samples of a version, by id and batch; with `sample` those of this id alone."""
        wanted = select(training_samples).where(
            training_samples.c.process == process, training_samples.c.hash == content_hash
        )
        if sample is not None:
            wanted = wanted.where(training_samples.c.sample_id == sample)
        with self._begin() as connection:
            rows = connection.execute(wanted.order_by(training_samples.c.sample_id, training_samples.c.batch_id)).all()
        return [TrainingSample(row.sample_id, row.batch_id, row.target, row.weight) for row in rows]

    def training_keys(self, process: str, content_hash: str) -> tuple[str, ...]:
        """The challengers that learned from a version."""
        wanted = select(training_uses.c.key).where(
            training_uses.c.process == process, training_uses.c.hash == content_hash
        )
        with self._begin() as connection:
            return tuple(connection.scalars(wanted.order_by(training_uses.c.key)))

    def learned_from(self, process: str, sample_id: str) -> Sequence[TrainingSet]:
        """The versions that a sample is in, oldest first."""
        holding = select(training_samples.c.hash).where(
            training_samples.c.process == process, training_samples.c.sample_id == sample_id
        )
        return self._sets(process, training_batches.c.hash.in_(holding))

    def messages(self, process: str, ids: Sequence[str]) -> Sequence[Message]:
        """The messages that samples came in."""
        wanted = (
            select(scores, batches.c.topic)
            .join(batches, and_(batches.c.process == scores.c.process, batches.c.batch_id == scores.c.batch_id))
            .where(scores.c.process == process, scores.c.sample_id.in_(ids))
            .order_by(scores.c.sample_id, scores.c.scope.desc())
        )
        with self._begin() as connection:
            rows = connection.execute(wanted).all()
        return [Message(**{name: getattr(row, name) for name in Message.__slots__}) for row in rows]

    def samples_at(self, process: str, partition: int, offset: int) -> tuple[str, ...]:
        """The samples that this message of the samples topic brought."""
        wanted = select(scores.c.sample_id).where(
            scores.c.process == process, scores.c.partition == partition, scores.c.offset == offset
        )
        with self._begin() as connection:
            return tuple(sorted(set(connection.scalars(wanted))))

    def batch_ranges(self, process: str, batch_ids: Sequence[str]) -> dict[str, tuple[str, tuple[OffsetRange, ...]]]:
        """Topic and offset ranges of micro-batches, by id."""
        wanted = select(ranges).where(ranges.c.process == process, ranges.c.batch_id.in_(batch_ids))
        found: dict[str, tuple[str, tuple[OffsetRange, ...]]] = {}
        with self._begin() as connection:
            for row in connection.execute(wanted.order_by(ranges.c.batch_id, ranges.c.partition)):
                one = OffsetRange(row.partition, row.start, row.stop)
                found[row.batch_id] = (row.topic, (*found.get(row.batch_id, ("", ()))[1], one))
        return found

    def _sets(self, process: str, *conditions: Any) -> list[TrainingSet]:
        wanted = select(training_batches).where(training_batches.c.process == process, *conditions)
        with self._begin() as connection:
            rows = connection.execute(wanted.order_by(training_batches.c.at, training_batches.c.hash)).all()
        return [_set(row) for row in rows]


def _set(row: Row[Any]) -> TrainingSet:
    return TrainingSet(**{name: getattr(row, name) for name in TrainingSet.__slots__})
