"""What the ledger keeps, as plain records: the language that steps and adapters share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import Base64Bytes

Stage = Literal["None", "Staging", "Production", "Archived"]
Role = Literal["champion", "shadow", "canary", "replay"]


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
class SampleScore:
    """Quality of one sample in one scope, by the release that scored it."""

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


@dataclass(frozen=True, slots=True)
class PredictionRow:
    """One answer. `fallback` names what answered in the model's place, None where the model did."""

    sample_id: str
    release: str
    role: Role
    value: float | None
    lower: float | None
    upper: float | None
    unified: float | None
    fallback: str | None
    alarm: bool


@dataclass(frozen=True, slots=True)
class TargetRow:
    """The truth about one sample and where it came from (`completion`, `labels`, `file`)."""

    sample_id: str
    value: float
    origin: str
    annotator: str = ""


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


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """Everything a committed micro-batch leaves in the ledger, written in one transaction."""

    scores: tuple[SampleScore, ...] = ()
    predictions: tuple[PredictionRow, ...] = ()
    targets: tuple[TargetRow, ...] = ()
    quarantined: tuple[Quarantined, ...] = ()
    alarms: tuple[DriftAlarm, ...] = ()
    detector: DetectorState | None = None
    outbox: tuple[Outgoing, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    assessed_uri: str = ""


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


@dataclass(frozen=True, slots=True)
class ReleaseRow:
    """One release of a process: a version in the registry and where it stands."""

    process: str
    version: str
    run_id: str
    stage: Stage
    key: str
    event: int | None
    kind: str
    metrics: Mapping[str, float]
    samples: int
    created_at: datetime
    settings_hash: str
    promoted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One row of the append-only ledger of promotions and rollbacks."""

    id: int
    process: str
    action: Literal["stage", "promote", "reject", "rollback", "resume"]
    version: str
    previous: str | None
    who: str
    why: str
    at: datetime
    sample: int


@dataclass(frozen=True, slots=True)
class Hold:
    """After a rollback nothing adapts, until somebody resumes or a change after `sample` is found."""

    process: str
    version: str
    sample: int
    why: str
    since: datetime


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


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a person should know."""

    process: str
    severity: Literal["info", "warning", "critical"]
    title: str
    detail: str
    runbook: str = ""
