"""What the ledger tells monitoring."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from dq_pipeline.records import Reading


class Gauges(Protocol):
    """The part of the ledger that monitoring reads: all processes at once, in a few bounded queries."""

    def gauges(self, names: Sequence[str], now: datetime) -> tuple[list[Reading], int]:
        """What is shown of these processes, all of one moment, and how many queries failed."""

    def all_positions(self, names: Sequence[str]) -> dict[str, dict[str, dict[int, int]]]:
        """Per process and topic, and partition, the offset that the next claim starts at."""
