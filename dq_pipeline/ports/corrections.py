"""What the ledger says of corrections."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from dq_pipeline.records import Correction


class Corrections(Protocol):
    """The part of the ledger that keeps what readings are turned back with."""

    def correct(
        self,
        process: str,
        sensor: str,
        gain: float,
        offset: float,
        incident: int | None,
        who: str,
        why: str,
        now: datetime,
    ) -> Correction:
        """Turn a sensor's readings back in every micro-batch claimed from now on; another correction of it ends.

        The same gain and offset twice is one correction. Raises StateError if nothing can be turned back with it.
        """

    def uncorrect(self, process: str, sensor: str, who: str, why: str, now: datetime) -> Correction | None:
        """Micro-batches claimed from now on are left as they read; None if nothing was corrected."""

    def corrections(self, process: str, sequence: int | None = None) -> Sequence[Correction]:
        """Corrections that hold for the micro-batch of this sequence; all that there were, oldest first, without."""
