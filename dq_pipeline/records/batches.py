"""Micro-batches: offset ranges, messages, claims and what retention took."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pydantic import Base64Bytes


@dataclass(frozen=True, slots=True)
class OffsetRange:
    """Messages `start` <= offset < `stop` of one partition."""

    partition: int
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True, slots=True)
class RawMessage:
    """One message as it stood on the topic; `timestamp_ms` is the broker's, UTC."""

    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to publish."""

    topic: str
    key: Base64Bytes
    value: Base64Bytes
    headers: tuple[tuple[str, Base64Bytes], ...] = ()


class BatchState(StrEnum):
    """Life of a micro-batch: claimed -> landed -> assessed -> committed, or parked at any point before."""

    CLAIMED = "claimed"
    LANDED = "landed"
    ASSESSED = "assessed"
    COMMITTED = "committed"
    PARKED = "parked"


@dataclass(frozen=True, slots=True)
class Claim:
    """A hold on one micro-batch. Every write names its `fence`; a later hold has a larger one and wins.

    `sequence` orders the batches of a process; `uri` is what the last finished state left in the lake.
    """

    process: str
    batch_id: str
    sequence: int
    topic: str
    ranges: tuple[OffsetRange, ...]
    state: BatchState
    fence: int
    attempts: int
    holder: str
    uri: str | None = None


@dataclass(frozen=True, slots=True)
class Loss:
    """Offsets that retention removed before they were read."""

    topic: str
    partition: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Quarantined:
    """One message that could not be used, with the reason code and what was expected and found."""

    partition: int
    offset: int
    reason: str
    detail: str
    sample_id: str | None
    scope: str | None = None


@dataclass(frozen=True, slots=True)
class CommittedBatch:
    """A committed micro-batch: where its samples are in the lake, and how many completed samples it numbered.

    Its completed samples have the numbers `first_sample` <= number < `first_sample + samples` in stream order.
    """

    batch_id: str
    sequence: int
    uri: str
    first_sample: int
    samples: int
