"""When samples began against when they came: clocks that are off, and samples out of order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

REAL_TIME = (0.5, 2.0)
"""Seconds of starts for a second of arrivals: outside of it the stream is replayed, and its delays say nothing."""
ENOUGH = 10
"""Samples of a source below which nothing is said of its clock."""


@dataclass(frozen=True, slots=True)
class Clock:
    """What was found of one source's clock: median delay from a recording's end to its arrival, s, and what it means.

    `off` is 0 where nothing is wrong, else by how many seconds its clock is off: ahead if negative.
    """

    source: str
    samples: int
    delay_s: float
    usual_s: float
    off: float
    why: str


def pace(start: NDArray[np.datetime64], came_s: Floats) -> float:
    """Seconds that starts advance for each second of arrivals; NaN where fewer than ten are known.

    Examples
    --------
    >>> start = np.datetime64("2026-01-01", "us") + np.arange(20) * np.timedelta64(60, "s")
    >>> pace(start, np.arange(20.0))
    60.0
    """
    known = np.isfinite(came_s)
    if known.sum() < ENOUGH:
        return float("nan")
    began, came = seconds(start[known]), came_s[known]
    span = float(np.quantile(came, 0.9) - np.quantile(came, 0.1))
    return float(np.quantile(began, 0.9) - np.quantile(began, 0.1)) / span if span > 0 else float("inf")


def clocks(
    source: NDArray[np.object_],
    start: NDArray[np.datetime64],
    came_s: Floats,
    length_s: float,
    usual: dict[str, float],
    limit_s: float,
) -> tuple[Clock, ...]:
    """The clock of every source with enough samples.

    A clock is ahead where recordings come before they can have ended, and off where the delay is another than it was
    before, by more than the limit. Where nothing is known of before, the other sources say what is usual.

    Parameters
    ----------
    came_s : (n,)
        Arrivals by the broker's clock, seconds since 1970; NaN where it gave none.
    length_s
        From a recording's start to its end.
    usual
        Source -> its median delay before, s.
    limit_s
        What a delay may change by.
    """
    delay = came_s - seconds(start) - length_s
    named = sorted(set(source.tolist()))
    known = {name: delay[(source == name) & np.isfinite(delay)] for name in named}
    medians = {name: float(np.median(own)) for name, own in known.items() if len(own) >= ENOUGH}
    found = []
    for name, median in medians.items():
        others = [value for other, value in medians.items() if other != name]
        before = usual.get(name, float(np.median(others)) if len(others) > 1 else median)
        if median < -limit_s:
            off, why = median, f"recordings come {-median:.0f} s before they can have ended: its clock is ahead"
        elif abs(median - before) > limit_s:
            off = median - before
            why = f"recordings come {abs(off):.0f} s {'later' if off > 0 else 'sooner'} than usual, against their times"
        else:
            off, why = 0.0, f"recordings come {median:.0f} s after their end, {before:.0f} s is usual"
        found.append(Clock(name, len(known[name]), median, before, off, why))
    return tuple(found)


def overtaken(source: NDArray[np.object_], start: NDArray[np.datetime64], came_s: Floats, slack_s: float) -> Floats:
    """1 where a sample of the same source that began later had come before, (n,); NaN where the arrival is unknown.

    Parameters
    ----------
    slack_s
        By so much it had to come before, s: partitions of a topic overtake each other.
    """
    found = np.full(len(start), np.nan)
    for name in sorted(set(source.tolist())):
        own = np.flatnonzero((source == name) & np.isfinite(came_s))
        order = own[np.argsort(came_s[own], kind="stable")]
        began, came = seconds(start[order]), came_s[order]
        latest = np.concatenate([[-np.inf], np.maximum.accumulate(began)])
        found[order] = began < latest[np.searchsorted(came, came - slack_s, side="left")]
    return found


def seconds(moment: NDArray[np.datetime64]) -> Floats:
    """Seconds since 1970."""
    return np.asarray(moment.astype("datetime64[us]").astype(np.int64) / 1e6, dtype=np.float64)
