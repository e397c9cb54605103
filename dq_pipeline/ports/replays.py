"""What the ledger says of a period, so that it can be answered again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from dq_pipeline.records import Answered, PredictionRow


class Replays(Protocol):
    """The part of the ledger that knows periods of the past."""

    def period(
        self,
        process: str,
        *,
        first: int | None = None,
        stop: int | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        batches: Sequence[str] = (),
    ) -> Sequence[Answered]:
        """Answered samples in the order they were answered: by number, by their own start, or by micro-batch."""

    def answered_in(self, process: str, batches: Sequence[str]) -> Mapping[str, Sequence[PredictionRow]]:
        """All that was said in these micro-batches, by batch: acted on or not, without what a replay said."""

    def keep_replay(self, process: str, batch_id: str, rows: Sequence[PredictionRow], now: datetime) -> int:
        """Keep what a replay says, in the role `replay`; returns how many were new, each sample and release once."""
