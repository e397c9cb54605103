"""What a person should know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a person should know."""

    process: str
    severity: Literal["info", "warning", "critical"]
    title: str
    detail: str
    runbook: str = ""
