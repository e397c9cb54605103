"""What the ledger knows of reviews: the queue, opinions, and how samples were settled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from dq_pipeline.records import Candidate, FlagRow, Opinion, Review, Ruling, State

Decide = Callable[[Review, Sequence[Opinion]], Ruling]
"""What all opinions on a review come to, the newest last."""
Said = tuple[int, Sequence[Opinion], Decide]
"""A review's number, new opinions, and what decides."""


class Reviews(Protocol):
    """The part of the ledger that holds the review queue."""

    def enqueue(self, process: str, rows: Sequence[Candidate], now: datetime) -> Sequence[tuple[Review, bool]]:
        """Put samples into the queue; each row's review, and whether it is new.

        A sample waits once: a further row replaces the reasons of the review that waits. One whose recording is that
        of another sample, waiting or settled, is refused.
        """

    def judge(self, process: str, said: Sequence[Said], now: datetime) -> Sequence[tuple[Review, int]]:
        """Append opinions and settle, with the targets and flags: all or nothing; each review, and how many were new.

        Opinions whose token stands there already are passed over; where all are, nothing changes, whatever the state.
        Raises StateError if there is no such review, or it does not wait any more.
        """

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

    def review(self, process: str, review: int) -> Review | None:
        """One review by its number."""

    def reviews_of(self, process: str, ids: Sequence[str]) -> dict[str, tuple[Review, ...]]:
        """All reviews by sample id, oldest first."""

    def review_counts(self, process: str) -> dict[str, int]:
        """How many reviews there are in each state."""

    def rule_record(self, process: str) -> dict[str, dict[str, int]]:
        """By rule: how many it settled, how many a person saw in its place, and in how many of these both agreed."""

    def opinions(self, process: str, reviews: Sequence[int]) -> dict[int, tuple[Opinion, ...]]:
        """What was said, by review, oldest first."""

    def flags_after(self, process: str, after: int, limit: int) -> Sequence[FlagRow]:
        """Flags with a larger id, oldest first."""

    def flags_of(self, process: str, ids: Sequence[str]) -> dict[str, tuple[FlagRow, ...]]:
        """All flags by sample id, oldest first."""
