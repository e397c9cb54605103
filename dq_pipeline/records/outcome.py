"""What a micro-batch decided, as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dq_pipeline.records.batches import Outgoing, Quarantined
from dq_pipeline.records.drift import DetectorState, DriftAlarm
from dq_pipeline.records.flags import Flag
from dq_pipeline.records.samples import PredictionRow, SampleScore, TargetRow


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
    flags: tuple[Flag, ...] = ()
