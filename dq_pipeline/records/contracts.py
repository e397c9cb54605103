"""Contracts as the ledger keeps them: their versions, and what was found each time they were looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Verdict = Literal["breach", "watch", "hold", "not_enough_data"]


@dataclass(frozen=True, slots=True)
class ContractVersion:
    """One edit of a contract."""

    process: str
    name: str
    version: int
    state: Literal["in_force", "withdrawn"]
    definition: Mapping[str, Any]
    who: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ContractResult:
    """What was found of one version of a contract in one slice of the samples numbered first <= number < stop.

    `slice` is `key=value`, empty for all samples. `lower` and `upper` are the interval of `value`.
    """

    contract: str
    version: int
    slice: str
    release: str
    first: int
    stop: int
    samples: int
    value: float | None
    lower: float | None
    upper: float | None
    expected: float | None
    expected_lower: float | None
    expected_upper: float | None
    verdict: Verdict
    detail: Mapping[str, Any] = field(default_factory=dict)
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Observation:
    """A completed sample and the first answer to it, with all that is known of both.

    `came_at` is by the broker's clock, of the message that was answered; `whole_at` of the completed recording.
    """

    sample_id: str
    sample: int
    batch_id: str
    source: str
    start: datetime
    metadata: Mapping[str, str]
    unified: float | None
    came_at: datetime | None
    whole_at: datetime | None
    partition: int | None
    offset: int | None
    release: str | None
    value: float | None
    lower: float | None
    upper: float | None
    fallback: str | None
    alarm: bool | None
    expected_error: float | None
    answered_at: datetime | None
    target: float | None
    accepted: bool = True
    drift_statistic: float | None = None
