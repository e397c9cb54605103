"""One thing that was looked at: a figure, the limit beside it, and what it says in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from dq_pipeline.records import Severity

Kind = Literal[
    "latency",
    "unnoticed_error",
    "erratic",
    "stuck_scores",
    "silence",
    "lag",
    "stale_claim",
    "failing",
    "parked",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""Each has a page in docs/runbooks of its name."""

Verdict = Literal["sick", "well", "unknown"]


@dataclass(frozen=True, slots=True)
class Sign:
    """What one look found.

    Attributes
    ----------
    verdict
        `unknown`: too little is known to say either.
    text
        The figure and what it is held against, in words.
    figure, limit
        Sick is above the limit, or at most it where `below`; None where nothing could be measured.
    subject
        What it is about, where a process may have several: a topic, a batch, a release.
    """

    kind: Kind
    verdict: Verdict
    text: str
    figure: float | None = None
    limit: float | None = None
    subject: str = ""
    severity: Severity = "warning"
    below: bool = False
    evidence: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Tells two alerts apart.

        Examples
        --------
        >>> Sign("erratic", "well", "", subject="7").key, Sign("silence", "well", "").key
        ('erratic:7', 'silence')
        """
        return f"{self.kind}:{self.subject}" if self.subject else self.kind


def spoken(seconds: float) -> str:
    """A length of time as people say it.

    Examples
    --------
    >>> spoken(4.26), spoken(300.0), spoken(9000.0), spoken(200_000.0)
    ('4.3 s', '5 min', '2.5 h', '2.3 days')
    """
    for unit, size in (("days", 86_400.0), ("h", 3_600.0), ("min", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.2g} {unit}"
    return f"{seconds:.2g} s"
