"""What the ledger keeps of sensors: facts from a moment on, what audits said, and how readings are turned back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class SensorFacts:
    """What became known of a sensor: `facts` hold from `since` on, until later ones say otherwise."""

    sensor: str
    facts: Mapping[str, str]
    since: datetime
    who: str
    why: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Audited:
    """What an audit said of one sensor over the samples numbered first <= number < stop."""

    sensor: str
    release: str
    first: int
    stop: int
    verdict: str
    gain: float | None
    offset: float | None
    lag: float | None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Correction:
    """Readings of a sensor are turned back with ``(reading - offset) / gain``.

    It holds for the micro-batches whose sequence is above `after` and, once it ended, at most `until`.
    """

    id: int
    process: str
    sensor: str
    gain: float
    offset: float
    incident: int | None
    after: int
    until: int | None
    who: str
    why: str
    at: datetime
    ended_by: str | None = None
    ended_why: str | None = None
    ended_at: datetime | None = None
