"""What a micro-batch decided, as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dq_pipeline.records.batches import Outgoing, Quarantined
from dq_pipeline.records.drift import DetectorState, DriftAlarm
from dq_pipeline.records.flags import Flag
from dq_pipeline.records.samples import PredictionRow, SampleScore, TargetRow


@dataclass(frozen=True, slots=True)
class AsOf:
    """What the answers depended on beyond the recordings and the releases: with it they can be made again.

    Attributes
    ----------
    radius
        By release, the half-width of its interval as its answers so far had made it.
    last_good
        The fallback's value, where it was asked for.
    previous
        The release that answered in the fallback's place.
    """

    radius: Mapping[str, float] = field(default_factory=dict)
    last_good: float | None = None
    previous: str | None = None


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
    counts: Mapping[str, int | float] = field(default_factory=dict)
    assessed_uri: str = ""
    flags: tuple[Flag, ...] = ()
    as_of: AsOf | None = None
    """None where it was assessed before this was kept."""
