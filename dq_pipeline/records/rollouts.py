"""Rollouts: the way of a release from Staging into Production, one row a step of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from dq_pipeline.records.samples import Role

RolloutState = Literal["shadow", "canary", "paused", "waiting", "promoted", "aborted", "ended"]

LIVE: tuple[RolloutState, ...] = ("shadow", "canary", "paused", "waiting")
"""In these a release answers beside the one in Production."""


@dataclass(frozen=True, slots=True)
class Rollout:
    """One step of a release's way; the newest one of a version says how it stands.

    Attributes
    ----------
    champion
        The release in Production that it is measured against.
    share
        Of the samples, the part that it answers; 0 where nobody acts on what it says.
    after
        It counts for micro-batches claimed after this sequence: a retry of an earlier one finds the step before.
    sample
        Completed samples when it was taken.
    record
        `began`, the sample the rollout began at, `need`, and the figures the step was taken upon.
    """

    id: int
    process: str
    version: str
    state: RolloutState
    champion: str
    share: float
    after: int
    sample: int
    record: Mapping[str, Any]
    who: str
    why: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Step:
    """What a rollout is moved to."""

    state: RolloutState
    champion: str
    share: float
    why: str
    who: str = "dq"
    record: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pair:
    """What a candidate and the release in Production said of the same sample; `role` is the candidate's.

    `sample` is None until the recording completed, `target` until its truth is known.
    """

    sample_id: str
    sample: int | None
    role: Role
    value: float | None
    lower: float | None
    upper: float | None
    alarm: bool
    expected_error: float | None
    champion_value: float | None
    champion_lower: float | None
    champion_upper: float | None
    champion_alarm: bool
    champion_expected: float | None
    target: float | None
