"""What a person should know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


def runbook(kind: str) -> str:
    """The page that says what to do about this: a kind of alert or of incident, a cause, a sign."""
    return f"docs/runbooks/{kind}.md"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a person should know."""

    process: str
    severity: Literal["info", "warning", "critical"]
    title: str
    detail: str
    runbook: str = ""
