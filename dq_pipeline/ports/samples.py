"""What the ledger knows of samples: scores, answers, targets, flags."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from dq_pipeline.records import (
    ACTING,
    CommittedBatch,
    DriftAlarm,
    Flag,
    FlagKind,
    FlagRow,
    Judged,
    PredictionRow,
    Recorded,
    Role,
)


class Samples(Protocol):
    """The part of the ledger that knows samples."""

    def seen(self, process: str, scope: str, ids: Sequence[str], *, except_batch: str) -> set[str]:
        """Which of these samples were accepted in this scope before, by another batch."""

    def answered(self, process: str, ids: Sequence[str], *, except_batch: str) -> set[str]:
        """Which of these samples were answered already, by another batch."""

    def last_good(self, process: str) -> float | None:
        """Newest known target of an accepted sample."""

    def committed(
        self, process: str, *, after: int = 0, first_sample: int = 0, last: int | None = None
    ) -> Sequence[CommittedBatch]:
        """Committed batches in order: those with a sequence above `after` and samples numbered `first_sample` or
        above (0: also those without completed samples), and of these the newest `last`."""

    def scores(self, process: str, ids: Sequence[str]) -> dict[str, tuple[float | None, bool]]:
        """Unified score and acceptance of completed samples by id.

        One that a fallback answered, or that a person rejected, is not accepted.
        """

    def judged(
        self,
        process: str,
        *,
        last: int | None = None,
        release: str | None = None,
        role: Role | Sequence[Role] = ACTING,
        first_sample: int = 0,
        stop_sample: int | None = None,
    ) -> Sequence[Judged]:
        """Predictions whose target is known, in stream order: the newest `last` of first <= sample number < stop."""

    def drift_alarms(self, process: str, *, first_sample: int, stop_sample: int) -> Sequence[DriftAlarm]:
        """Alarms raised by the samples numbered first <= number < stop, in stream order; those held or of a sensor's
        fault are left out."""

    def sample_count(self, process: str) -> int:
        """Completed samples numbered so far: the next one's number."""

    def answers(self, process: str, ids: Sequence[str]) -> dict[str, PredictionRow]:
        """The first answer that was acted on, by sample id."""

    def recorded(self, process: str, ids: Sequence[str]) -> dict[str, Recorded]:
        """Completed samples by id, and where their micro-batch lies."""

    # --- flags
    def add_flags(self, process: str, rows: Sequence[Flag], now: datetime) -> int:
        """Record flags; the same one twice is one. Returns how many were new."""

    def flags(
        self,
        process: str,
        *,
        kinds: Sequence[FlagKind] = (),
        since: datetime | None = None,
        limit: int | None = None,
    ) -> Sequence[FlagRow]:
        """Flags of these kinds (all by default) set at `since` or later, newest first."""

    def flag_rate(self, process: str, release: str) -> tuple[int, int]:
        """Of the samples that a release answered: how many its rules flagged, and how many there are."""

    def rejected(self, process: str, ids: Sequence[str]) -> set[str]:
        """Which of these samples a person rejected, and no reviewer took back since: they never train."""
