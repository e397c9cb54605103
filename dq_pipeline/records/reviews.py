"""Reviews: a sample that waits for a person, what was said of it, and how it was settled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Action = Literal["accept", "correct", "reject", "skip"]
"""The label is right; another is right; the recording is defective and must never train; I cannot tell."""


@dataclass(frozen=True, slots=True)
class Review:
    """One sample in the queue; a sample that is settled may come back as another review.

    Attributes
    ----------
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
    state: Literal["waiting", "settled"]
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
    at: datetime | None = field(default=None, compare=False)
