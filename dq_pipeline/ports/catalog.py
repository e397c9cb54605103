"""What the ledger says of itself, and of who looked at the catalog."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from dq_pipeline.catalog.entry import Review


class Catalog(Protocol):
    """The part of the ledger that describes its tables and keeps reviews of the catalog."""

    def tables(self) -> Mapping[str, Mapping[str, str]]:
        """Table -> column -> type."""

    def review_entry(self, review: Review) -> None:
        """Keep that somebody looked at an entry; nothing is ever replaced."""

    def entry_reviews(self) -> Sequence[Review]:
        """All reviews, oldest first."""
