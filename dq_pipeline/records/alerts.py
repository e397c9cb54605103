"""Alerts: something measured is beyond its limit. Triage folds them into incidents, one for each cause."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

Severity = Literal["info", "warning", "critical"]


class Cause(StrEnum):
    """What an incident is put down to; each has a page in docs/runbooks."""

    LATE_DATA = "late_data"
    """Samples or rows come late, twice, out of order or not at all."""
    CALIBRATION = "calibration"
    """A sensor's unit, gain, offset, sign or place (channels swapped) is wrong."""
    DEAD_SENSOR = "dead_sensor"
    """A sensor is stuck, dead, clipped or noisy."""
    OPERATING_MODE = "operating_mode"
    """The plant was switched: another recipe, material or set point."""
    PROCESS_DRIFT = "process_drift"
    """The plant changes: wear, fouling, a leak."""
    CONCEPT_DRIFT = "concept_drift"
    """The same inputs mean another target."""
    MODEL_REGRESSION = "model_regression"
    """The release, or the code that runs it, became worse."""
    LABELS = "labels"
    """Labels are wrong, swapped or missing."""
    UNDETERMINED = "undetermined"
    """What was measured fits several causes, and nothing that is measured tells them apart."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert.

    Attributes
    ----------
    kind
        Who raised it: `drift`, `contract`, `parity`, `audit`, `rollout`, `labels`, `monitor`, or one of `watch`'s.
    key
        Tells two alerts apart: the same key twice is one.
    subject
        What it is about: a sensor, a release, a contract; empty for the process as a whole.
    sample
        Number of the first sample it speaks of, None where it speaks of none.
    """

    kind: str
    key: str
    severity: Severity
    title: str
    subject: str = ""
    sample: int | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AlertRow:
    """An alert as the ledger keeps it; `incident` is the one it was folded into."""

    id: int
    process: str
    alert: Alert
    at: datetime
    incident: int | None = None
    cleared_at: datetime | None = None
