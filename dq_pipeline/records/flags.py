"""Samples that a person should look at, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class FlagKind(StrEnum):
    """Why a sample is flagged."""

    WIDE_INTERVAL = "wide_interval"  # the model was often wrong about samples like this one
    UNUSUAL_PREDICTION = "unusual_prediction"  # the answer lies outside those given in the reference
    OUT_OF_DISTRIBUTION = "out_of_distribution"  # the horizon rows lie far from what was learned from
    LOW_SCORE = "low_score"  # few well recordings score as low
    DOUBTFUL_SCORE = "doubtful_score"  # the unified score lies in the band about the threshold
    BEYOND_INTERVAL = "beyond_interval"  # the truth lies far outside the interval
    CONFLICTING_LABELS = "conflicting_labels"  # two labels contradict each other, and no reviewer has spoken since
    REPORTED = "reported"  # by a person


UNBUDGETED = (FlagKind.CONFLICTING_LABELS, FlagKind.REPORTED)
"""Set by what people and other systems say; no rule of a release decides them."""


@dataclass(frozen=True, slots=True)
class Flag:
    """One reason to look at one sample.

    Attributes
    ----------
    release
        Whose thresholds decided; of a report the release that answered, of a conflict the one in Production, empty if
        there is none.
    p
        Share of the reference that is as unusual; None where no rule of a release decided.
    rejected
        A person says that the sample must never train.
    who
        Empty where no person set it.
    mark
        Tells apart what was said of the same sample; the same words twice are one report.
    """

    sample_id: str
    kind: FlagKind
    release: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    p: float | None = None
    rejected: bool = False
    who: str = ""
    mark: str = ""


@dataclass(frozen=True, slots=True)
class FlagRow:
    """A flag as it stands in the ledger."""

    id: int
    flag: Flag
    at: datetime


@dataclass(frozen=True, slots=True)
class Recorded:
    """Where a completed sample lies, and how it scored. `uri` names the folder of its micro-batch."""

    sample_id: str
    uri: str
    source: str
    start: datetime
    unified: float | None
    accepted: bool
    dimensions: Mapping[str, float]
    metadata: Mapping[str, str]
