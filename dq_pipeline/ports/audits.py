"""What the ledger says of sensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from dq_pipeline.records import Audited, SensorFacts


class Audits(Protocol):
    """The part of the ledger that keeps what is known of sensors, and what audits said of them."""

    def note_sensor(
        self, process: str, sensor: str, facts: Mapping[str, str], since: datetime, who: str, why: str, now: datetime
    ) -> None:
        """Add facts of a sensor that hold from a moment on; nothing is ever changed."""

    def inventory(self, process: str) -> Sequence[SensorFacts]:
        """All that was noted, oldest first."""

    def add_audits(self, process: str, audits: Sequence[Audited], now: datetime) -> int:
        """Keep what an audit said; the same sensor, release and samples twice is one. Returns how many were new."""

    def audits(self, process: str, *, last: int | None = None) -> Sequence[Audited]:
        """What was said, oldest first; of the newest `last` audits of each sensor."""
