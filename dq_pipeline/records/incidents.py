"""What went wrong that a person should know, and, where a sensor is at fault, from when to when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class Ending(StrEnum):
    """How a sensor's incident ends.

    recovered (found back where it was) and repaired (a person says so): what it showed meanwhile is never learned;
    accepted (a person says the new level is the right one): it is learned after all.
    """

    RECOVERED = "recovered"
    REPAIRED = "repaired"
    ACCEPTED = "accepted"


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident.

    Attributes
    ----------
    event
        The drift event that a sensor's fault was seen by; None for every other kind, as the five that follow.
    sensor
        The one at fault.
    first, stop
        Its fault lies in the samples numbered first <= number < stop; `stop` is None while it lasts.
    until
        Samples numbered when it was closed.
    ending
        How it was closed, None while it is open.
    """

    id: int
    process: str
    kind: str
    title: str
    at: datetime
    event: int | None = None
    sensor: str | None = None
    first: int | None = None
    stop: int | None = None
    until: int | None = None
    ending: Ending | None = None
    closed_by: str | None = None
    closed_at: datetime | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)

    def withholds(self, sample: int) -> bool:
        """Whether nothing may be learned from the sample of this number."""
        if self.first is None or self.ending is Ending.ACCEPTED:
            return False
        return self.first <= sample and (self.stop is None or sample < self.stop)
