"""How a process is, in words, from what the ledger holds of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from dq_pipeline.records import Glance

Level = Literal["none", "well", "watch", "act"]
LEVELS: tuple[Level, ...] = ("none", "well", "watch", "act")
"""From nothing to say to somebody must act."""

MANY_FAILURES = 3
MOSTLY = 0.5
"""Share of the newest samples below the threshold that is said."""
FEWEST = 10
"""Samples from which on a share of them is said."""


@dataclass(frozen=True, slots=True)
class Health:
    """How a process is: the worst that was found gives the level, and comes first."""

    level: Level
    reasons: tuple[str, ...]

    @property
    def words(self) -> str:
        """All of it in one line."""
        return "; ".join(self.reasons)


def health(seen: Glance) -> Health:
    """What is wrong with a process, the worst first.

    Examples
    --------
    >>> health(Glance("pump", release="3", samples=100)).words
    'all is well'
    >>> found = health(Glance("pump", release="3", samples=100, incidents=2, critical=1, hold="worse than release 2"))
    >>> found.level, found.words
    ('act', '1 critical incident open; 1 incident open; on hold since a rollback')
    """
    if seen.release is None:
        return Health("none", ("no release answers yet: its initialization has to run",))
    found = sorted(_found(seen), key=lambda one: LEVELS.index(one[0]), reverse=True)
    if found:
        return Health(found[0][0], tuple(words for _, words in found))
    return Health("well", ("all is well" if seen.samples else "ready; no sample has come yet",))


def _found(seen: Glance) -> Iterator[tuple[Level, str]]:
    if seen.critical:
        yield "act", f"{_count(seen.critical, 'critical incident')} open"
    if seen.parked:
        yield "act", f"{_count(seen.parked, 'micro-batch', 'micro-batches')} parked"
    if seen.failures:
        worst: Level = "act" if seen.failures >= MANY_FAILURES else "watch"
        yield worst, f"{_count(seen.failures, 'run')} failed in a row"
    if milder := seen.incidents - seen.critical:
        yield "watch", f"{_count(milder, 'incident')} open"
    if seen.breaches:
        yield "watch", f"{_count(seen.breaches, 'contract')} broken"
    if seen.alerts:
        yield "watch", f"alert: {', '.join(kind.replace('_', ' ') for kind in seen.alerts)}"
    if seen.hold is not None:
        yield "watch", "on hold since a rollback"
    if seen.event is not None:
        yield "watch", "a new reference is collected after a drift" if seen.event_state == "rebuilding" else "drift"
    elif _beyond(seen):
        yield "watch", "the drift statistic is beyond its threshold"
    low = _share_low(seen)
    if low > MOSTLY:
        yield "watch", f"{low:.0%} of the newest samples score too low"


def _beyond(seen: Glance) -> bool:
    newest = next((value for value in reversed(seen.statistics) if value is not None), None)
    return newest is not None and seen.drift_threshold is not None and newest > seen.drift_threshold


def _share_low(seen: Glance) -> float:
    return 1.0 - sum(seen.accepted) / len(seen.accepted) if len(seen.accepted) >= FEWEST else 0.0


def _count(n: int, one: str, many: str = "") -> str:
    return f"{n} {one if n == 1 else many or one + 's'}"
