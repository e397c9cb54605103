"""Reviews: a sample that waits for a person, what was said of it, and how it was settled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from dq_pipeline.records.flags import Flag
from dq_pipeline.records.samples import TargetRow

Action = Literal["accept", "correct", "reject", "skip"]
"""The label is right; another is right; the recording is defective and must never train; I cannot tell."""
State = Literal["waiting", "settled", "refused"]
WHY_CHARACTERS = 2000
"""Of a reason that a person gives, at most."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A flagged sample on its way into the queue.

    Attributes
    ----------
    content
        Hash of the recording; empty where it could not be read.
    refused
        Why it may not enter; empty where it may.
    """

    sample_id: str
    priority: float
    reasons: Mapping[str, Any]
    rounds: int = 1
    content: str = ""
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Review:
    """One sample in the queue; a sample that is settled may come back as another review.

    Attributes
    ----------
    state
        What was refused never waited; `reasons` says why.
    priority
        The largest comes first.
    reasons
        Why it is here, and how its priority is made up.
    rounds
        How many opinions that agree are wanted: 1, and 2 once two reviewers disagreed.
    outcome, value
        How it was settled, and the label that is believed since.
    automatic
        A rule settled it.
    """

    id: int
    sample_id: str
    state: State
    priority: float
    reasons: Mapping[str, Any]
    rounds: int
    opened_at: datetime
    settled_at: datetime | None = None
    outcome: Action | None = None
    value: float | None = None
    automatic: bool = False


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one person, or a rule, said of one sample. Never changed.

    Attributes
    ----------
    before, after
        The label as the reviewer found it, and as it should be; in the target's unit or the index of a class.
    confidence
        From 0 to 1; None where it was not asked.
    token
        The form's: sent twice it counts once.
    evidence
        What came with it, such as regions of the curves that were marked.
    """

    review: int
    sample_id: str
    who: str
    action: Action
    before: float | None
    after: float | None
    confidence: float | None = None
    why: str = ""
    automatic: bool = False
    token: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    at: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the opinions on a review come to, and all that is written with it.

    Attributes
    ----------
    rounds
        How many opinions that agree are wanted from here on.
    outcome
        None while it goes on waiting.
    opinions
        What a rule adds to those of the people.
    """

    rounds: int
    outcome: Action | None = None
    value: float | None = None
    automatic: bool = False
    opinions: tuple[Opinion, ...] = ()
    targets: tuple[TargetRow, ...] = ()
    flags: tuple[Flag, ...] = ()
