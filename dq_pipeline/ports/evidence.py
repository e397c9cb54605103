"""What the ledger says around samples: what triage compares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from dq_pipeline.records import Delivered, SampleScore, TargetRow


class Evidence(Protocol):
    """The part of the ledger that tells what is known around samples."""

    def completions(self, process: str, ids: Sequence[str]) -> dict[str, SampleScore]:
        """Quality and arrival of completed samples by id."""

    def delivered(self, process: str, first: int) -> Sequence[Delivered]:
        """Completed samples from this number on, in stream order: how they came, answers and targets."""

    def sayings(self, process: str, ids: Sequence[str]) -> dict[str, tuple[TargetRow, ...]]:
        """Everything that was said of the targets of these samples, in the order it came."""

    def shadows(self, process: str, ids: Sequence[str]) -> dict[str, dict[str, float]]:
        """Answers that nobody acted on, by release and sample id."""

    def refused(self, process: str, sequence: int) -> dict[str, int]:
        """Messages quarantined in this batch and later ones, by reason."""
