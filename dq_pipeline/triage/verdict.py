"""What a case is put down to: causes in the order of how well they explain it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dq_pipeline.records import Cause


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One cause that was considered.

    Attributes
    ----------
    subject
        A sensor, a release, an annotator; empty for the process as a whole.
    confidence
        Share of like cases in which it is right, 0 to 1; those of a verdict add up to at most 1.
    why
        What speaks for it and against it, for people.
    onset
        Number of the first sample it explains.
    figures
        What was compared, ready for JSON.
    """

    cause: Cause
    subject: str
    confidence: float
    why: str
    onset: int
    figures: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Hypotheses, the likeliest first; `waiting` says what has to come before anything can be said."""

    hypotheses: tuple[Hypothesis, ...] = ()
    waiting: str = ""
    decided_by: str = ""
    slices: tuple[Mapping[str, Any], ...] = ()

    @property
    def first(self) -> Hypothesis | None:
        """The likeliest; None if nothing is found or it waits."""
        return self.hypotheses[0] if self.hypotheses else None
