"""Drift: alarms, the detector's running state, and the events that alarms open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Base64Bytes


@dataclass(frozen=True, slots=True)
class DriftAlarm:
    """One alarm of the detector.

    `sample_id` raised it; `sample` and `change_point` are sample numbers in stream order.
    """

    detector: str
    release: str
    sample_id: str
    sample: int
    change_point: float
    statistic: float
    threshold: float
    sensors: tuple[str, ...]
    calibrated: bool
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DetectorState:
    """The running state of one fitted detector, after the batch `sequence` and `samples` samples of the stream."""

    detector: str
    sequence: int
    samples: int
    state: Base64Bytes


class EventState(StrEnum):
    """Life of a drift event.

    open (seen, to be acted on) -> rebuilding (model refitted, a new reference is being collected) -> closed;
    held (led to a release that was rolled back) and incident (a sensor's fault, never learned) end it too.
    """

    OPEN = "open"
    REBUILDING = "rebuilding"
    CLOSED = "closed"
    HELD = "held"
    INCIDENT = "incident"


@dataclass(frozen=True, slots=True)
class DriftEvent:
    """One change of the process as the ledger knows it; alarms join the event that is open."""

    id: int
    process: str
    state: EventState
    release: str
    sample: int
    change_point: float
    sensors: tuple[str, ...]
    statistic: float
    calibrated: bool
    opened_at: datetime
    alarms: int
    attempts: int
    outcome: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)

    @property
    def unexplained(self) -> bool:
        """Whether it is open and nobody has said yet what it is put down to."""
        return self.state is EventState.OPEN and "cause" not in self.evidence
