"""What the watch looks at: batches that are not committed, scores, and two releases' answers of the same samples."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dq_pipeline.records.batches import BatchState


@dataclass(frozen=True, slots=True)
class OpenClaim:
    """A batch that is not committed: open, or parked."""

    batch_id: str
    state: BatchState
    holder: str
    lease_until: datetime
    attempts: int
    error: str


@dataclass(frozen=True, slots=True)
class Both:
    """What the release in Production and another one in shadow said of a sample; `width` is of the other's interval."""

    sample: int
    value: float
    other: float
    width: float | None
    target: float | None


@dataclass(frozen=True, slots=True)
class Scored:
    """A completed sample's unified score, and the release that scored it."""

    sample_id: str
    unified: float
    release: str
