"""What the ledger tells the watch."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from dq_pipeline.records import Both, OpenClaim, Scored


class Watching(Protocol):
    """The part of the ledger that counts what tells a sick loop from a well one."""

    def arrivals(self, process: str, *, last: int) -> Sequence[datetime]:
        """When the newest completed samples arrived, by the broker's clock, in time order."""

    def latencies(self, process: str, *, last: int) -> Sequence[float]:
        """Seconds from a message's arrival to its answer: the median of each micro-batch that first answered one of
        the newest `last` completed samples, oldest first."""

    def newest_scores(self, process: str, *, last: int) -> Sequence[Scored]:
        """Unified scores of the newest completed samples, in stream order."""

    def both(self, process: str, release: str, other: str, *, last: int) -> Sequence[Both]:
        """The newest samples that `release` answered while `other` answered in shadow, in stream order, without those
        that a fallback answered."""

    def open_claims(self, process: str) -> Sequence[OpenClaim]:
        """Batches that are not committed, in line; those parked among them."""
