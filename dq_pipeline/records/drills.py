"""Drills: a fault injected into a copy of a stream, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Outcome = Literal["running", "passed", "missed", "misnamed", "undetermined", "unalerted", "inconclusive", "skipped"]


@dataclass(frozen=True, slots=True)
class DrillRow:
    """One drill as the ledger keeps it.

    Attributes
    ----------
    key
        The same key twice is one drill.
    fault, sensor, severity
        What was injected; `sensor` is empty where every one was hit.
    found_at, named_at, alerted_at
        When the platform noticed it, put it down to the right cause, and would have told a person; None: it did not.
    verdict
        "passed": all three; "missed": not found; "misnamed": put down to another cause, or to none; "undetermined": its
        cause was said to be undetermined; "unalerted": nobody would have been told; "inconclusive": something was found
        before the fault was there; "skipped": the process was not in a state to drill it.
    """

    id: int
    process: str
    key: str
    fault: str
    sensor: str
    severity: float
    began_at: datetime
    verdict: Outcome
    found_at: datetime | None = None
    named_at: datetime | None = None
    alerted_at: datetime | None = None
    ended_at: datetime | None = None
    record: Mapping[str, Any] = field(default_factory=dict)
