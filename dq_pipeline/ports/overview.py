"""What the ledger says to pages: all processes at a glance, one batch with its samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from dq_pipeline.records import Glance


class Overview(Protocol):
    """The part of the ledger that is asked by who only looks."""

    def glances(self, processes: Sequence[str], *, newest: int) -> Sequence[Glance]:
        """Each of these processes at a glance, in their order, with its `newest` samples; asked for at once."""

    def batch_list(self, process: str, *, before: int | None = None, limit: int = 50) -> Sequence[Mapping[str, Any]]:
        """Micro-batches of a sequence below `before`, newest first, with how many messages each has in quarantine."""

    def batch(self, process: str, batch_id: str) -> Mapping[str, Any] | None:
        """One micro-batch: its row, the `ranges` it read, its `samples` with answers and truths, its `quarantine`."""

    def place_of(self, process: str, sample_id: str) -> tuple[str, int]:
        """The micro-batch and the number of a completed sample. Raises StateError if there is none such."""

    def configurations(self, process: str, hashes: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        """The settings that decided, by their hash."""
