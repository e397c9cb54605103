"""What the ledger knows of training: versions of what models learned from, down to the message."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from dq_pipeline.records import Message, OffsetRange, TrainingSample, TrainingSet


class Trainings(Protocol):
    """The part of the ledger that knows what models learned from."""

    def add_training_set(self, process: str, version: TrainingSet, samples: Sequence[TrainingSample]) -> TrainingSet:
        """Record a version with its samples; the same content twice is one, and the first stands."""

    def use_training_set(self, process: str, key: str, content_hash: str) -> None:
        """The challenger with this key learned from this version; said again, the newest word stands."""

    def training_set(self, process: str, content_hash: str) -> TrainingSet | None:
        """The version whose hash begins so. Raises StateError if several do."""

    def training_set_of(self, process: str, key: str) -> TrainingSet | None:
        """What the challenger with this key learned from."""

    def training_sets(self, process: str) -> Sequence[TrainingSet]:
        """All versions, oldest first."""

    def training_samples(
        self, process: str, content_hash: str, *, sample: str | None = None
    ) -> Sequence[TrainingSample]:
        """The samples of a version, by id and batch; with `sample` those of this id alone."""

    def training_keys(self, process: str, content_hash: str) -> tuple[str, ...]:
        """The challengers that learned from a version."""

    def learned_from(self, process: str, sample_id: str) -> Sequence[TrainingSet]:
        """The versions that a sample is in, oldest first."""

    def messages(self, process: str, ids: Sequence[str]) -> Sequence[Message]:
        """The messages that samples came in."""

    def samples_at(self, process: str, partition: int, offset: int) -> tuple[str, ...]:
        """The samples that this message of the samples topic brought."""

    def batch_ranges(self, process: str, batch_ids: Sequence[str]) -> dict[str, tuple[str, tuple[OffsetRange, ...]]]:
        """Topic and offset ranges of micro-batches, by id."""
