"""Samples: their scores, answers and targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Role = Literal["champion", "shadow", "canary", "replay"]

ACTING: tuple[Role, ...] = ("champion", "canary")
"""Roles whose answer is the sample's answer: it was sent, and people act on it. Each sample has one such answer."""


@dataclass(frozen=True, slots=True)
class SampleScore:
    """Quality of one sample in one scope, by the release that scored it, and the message that it came in.

    `arrived_at` is by the broker's clock. `lost` holds the share of its rows lost in most sensors, of those that came
    late, then of each sensor's readings lost: empty where there are none, None where they were not counted.
    """

    sample_id: str
    scope: Literal["horizon", "completion"]
    source: str
    start: datetime
    release: str | None
    dimensions: Mapping[str, float]
    unified: float | None
    accepted: bool
    drift_statistic: float | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    partition: int | None = None
    offset: int | None = None
    arrived_at: datetime | None = None
    lost: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class Delivered:
    """A completed sample as the monitors see it: how it came, what was answered, and what counts as the truth.

    `value` is None where no model answered, `lag` counts the samples that completed before its target came.
    """

    sample: int
    start: datetime
    arrived_at: datetime | None
    lost: Sequence[float] | None
    release: str | None
    value: float | None
    target: float | None
    lag: int | None


@dataclass(frozen=True, slots=True)
class PredictionRow:
    """One answer. `fallback` names what answered in the model's place, None where the model did.

    `expected_error` is what the error is thought to be before the truth is known, in the target's unit.
    """

    sample_id: str
    release: str
    role: Role
    value: float | None
    lower: float | None
    upper: float | None
    unified: float | None
    fallback: str | None
    alarm: bool
    expected_error: float | None = None


@dataclass(frozen=True, slots=True)
class TargetRow:
    """The truth about one sample and where it came from (`completion`, `labels`, `file`, `http`, `review`).

    `determined_at` is by the sender's clock, None where it did not say. The ledger says when it came, `at`, and `lag`:
    how many samples completed between this one and its label, None while the sample has not completed, or of history.
    """

    sample_id: str
    value: float
    origin: str
    annotator: str = ""
    determined_at: datetime | None = None
    at: datetime | None = None
    lag: int | None = None


@dataclass(frozen=True, slots=True)
class Expected:
    """An answer of the model with the error that was expected of it, and its truth where that has come, `known_at`."""

    sample_id: str
    at: datetime
    value: float
    expected_error: float
    target: float | None
    known_at: datetime | None


@dataclass(frozen=True, slots=True)
class Judged:
    """A prediction beside its truth, in stream order."""

    sample_id: str
    sample: int
    release: str
    role: Role
    value: float | None
    lower: float | None
    upper: float | None
    target: float
    accepted: bool
    fallback: str | None
