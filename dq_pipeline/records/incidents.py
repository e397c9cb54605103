"""What went wrong that a person should know: its cause, what it was told by, what was done, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from dq_pipeline.records.alerts import Cause, Severity

WITHHELD = frozenset({Cause.CALIBRATION, Cause.DEAD_SENSOR, Cause.LATE_DATA, Cause.LABELS})
"""Causes whose samples are never learned."""


class Ending(StrEnum):
    """How an incident ends.

    recovered (found well again) and repaired (a person says so): what a fault showed meanwhile is never learned;
    accepted (a person says that what is seen now is right): it is learned after all; learned (the change was the
    process' own, and was adapted to).
    """

    RECOVERED = "recovered"
    REPAIRED = "repaired"
    ACCEPTED = "accepted"
    LEARNED = "learned"


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident.

    Attributes
    ----------
    event
        The drift event that it was seen by; None where alerts told of it, or where it has no cause.
    sensor
        The one at fault, None where none is.
    first, stop
        What it is about lies in the samples numbered first <= number < stop; `stop` is None while it lasts, and the
        first one that is corrected where a sensor's readings are turned back while its incident stays open.
    until
        Samples numbered when it was closed, or corrected.
    ending
        How it was closed, None while it is open.
    cause
        None for what the ledger records by itself: a parked range, data that was lost, an adaptation that failed.
    subject
        A sensor, a release, an annotator; empty for the process as a whole.
    confidence
        Of its cause, 0 to 1.
    record
        `hypotheses`, `slices` and `decided_by` of the verdict, the `action` that was taken, the `events` and the
        `timeline`.
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
    cause: Cause | None = None
    subject: str | None = None
    severity: Severity | None = None
    confidence: float | None = None
    record: Mapping[str, Any] = field(default_factory=dict)

    def withholds(self, sample: int) -> bool:
        """Whether nothing may be learned from the sample of this number."""
        if self.first is None or self.cause not in WITHHELD or self.ending is Ending.ACCEPTED:
            return False
        wrongly = self.record.get("corrected_in_vain")  # the sensor was well already
        if wrongly and wrongly[0] <= sample < wrongly[1]:
            return True
        return self.first <= sample and (self.stop is None or sample < self.stop)

    @property
    def lasts(self) -> bool:
        """Whether the newest samples are withheld: nothing adapts meanwhile."""
        return self.ending is None and self.stop is None and self.first is not None and self.cause in WITHHELD

    @property
    def well_from(self) -> int | None:
        """Number of the first sample since which what is read is right again, or turned back; None while it is not."""
        corrected = self.ending is not None and self.action.get("what") == "correct"
        return self.until if corrected else self.stop

    @property
    def action(self) -> Mapping[str, Any]:
        """What is done about it: `what`, `state` ("asked" or "done") and `detail`."""
        found: Mapping[str, Any] = self.record.get("action", {})
        return found


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What an incident is opened with, or joined by.

    Attributes
    ----------
    events, alerts
        Drift events and alerts (their ids) that it explains.
    explanation
        What is kept with the events.
    over
        The events end with it: nothing adapts to them.
    """

    cause: Cause
    subject: str
    severity: Severity
    confidence: float
    title: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    record: Mapping[str, Any] = field(default_factory=dict)
    first: int | None = None
    sensor: str | None = None
    events: Sequence[int] = ()
    alerts: Sequence[int] = ()
    explanation: Mapping[str, Any] = field(default_factory=dict)
    over: bool = False
