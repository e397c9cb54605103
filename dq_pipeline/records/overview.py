"""One process at a glance: what the ledger holds of it now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Glance:
    """What is asked of all processes at once; a process that the ledger does not know has zeros and Nones.

    Attributes
    ----------
    samples
        Completed samples so far.
    failures
        Runs that failed in a row.
    released_at, promoted_at
        When the release in Production was made, and when it began to answer.
    threshold
        The score from which that release takes a recording for good enough.
    drift_threshold
        Above it the drift statistic is an alarm.
    hold
        Why nothing adapts since a rollback.
    event, event_state
        The drift event that is open or rebuilding.
    waiting
        Flagged samples that wait for a person.
    incidents, critical
        Open incidents with a cause, and how many of them are critical.
    breaches
        Contracts broken now, a contract's slices counted each.
    alerts
        Kinds of the other alerts that stand and are in no incident.
    parked
        Micro-batches that were given up.
    newest_at
        When the newest completed sample arrived.
    scores, statistics, accepted
        Of the newest completed samples, oldest first.
    """

    process: str
    samples: int = 0
    failures: int = 0
    release: str | None = None
    released_at: datetime | None = None
    promoted_at: datetime | None = None
    settings_hash: str | None = None
    threshold: float | None = None
    drift_threshold: float | None = None
    hold: str | None = None
    event: int | None = None
    event_state: str | None = None
    waiting: int = 0
    incidents: int = 0
    critical: int = 0
    breaches: int = 0
    alerts: tuple[str, ...] = ()
    parked: int = 0
    newest_at: datetime | None = None
    scores: tuple[float | None, ...] = ()
    statistics: tuple[float | None, ...] = ()
    accepted: tuple[bool, ...] = ()
