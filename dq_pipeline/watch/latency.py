"""Signature 1: answers come late because drift fires too often. Says which of both it is."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.watch.sign import Sign, spoken

ALPHA = 0.001
"""A detector within its budget opens so many events or more in one of a thousand windows."""
FEWEST_EVENTS = 3
NEWEST = 5
"""Micro-batches whose latency is held against those before them."""
EARLIER = 20
"""Micro-batches without which nothing is usual."""
SPIKE = 2.0
"""Times the usual latency at its worst, the 95 % quantile."""


def too_many(events: int, samples: int, per_1000: float) -> float:
    """Chance that a detector within its budget fires so often or more: the tail of the Poisson distribution.

    Parameters
    ----------
    events, samples
        Drift events among the newest samples.
    per_1000
        The budget.

    Examples
    --------
    >>> round(too_many(6, 1000, 1.0), 4), too_many(0, 1000, 1.0)
    (0.0006, 1.0)
    """
    mean = per_1000 * samples / 1000.0
    fewer = sum(math.exp(-mean + k * math.log(mean) - math.lgamma(k + 1)) for k in range(events))
    return min(max(1.0 - fewer, 0.0), 1.0)


def usual_latency(seconds: NDArray[np.float64]) -> tuple[float, float] | None:
    """Median latency of the newest micro-batches, and the 95 % quantile of those before them; None if these are few.

    Parameters
    ----------
    seconds : (b,)
        Decision latency of each micro-batch, oldest first.
    """
    if len(seconds) < EARLIER + NEWEST:
        return None
    return float(np.median(seconds[-NEWEST:])), float(np.quantile(seconds[:-NEWEST], 0.95))


def latency(
    events: int,
    adaptations: int,
    samples: int,
    seconds: NDArray[np.float64],
    *,
    per_1000: float,
    floor_s: float,
    limit_s: float | None,
) -> Sign:
    """Does drift fire more often than its budget allows, do answers take longer than usual, or both.

    Parameters
    ----------
    events, adaptations, samples
        Drift events and releases that they led to, among the newest samples.
    seconds : (b,)
        Decision latency of each micro-batch, oldest first, s: from the broker to the ledger.
    per_1000
        Events that the budget allows in 1,000 samples.
    floor_s
        A latency that is by design.
    limit_s
        A stated limit; None for what is usual.
    """
    chance = too_many(events, samples, per_1000)
    often = events >= FEWEST_EVENTS and chance < ALPHA
    rate = f"{events} drift events and {adaptations} adaptations in the newest {samples} samples"
    rate += f", {per_1000 * samples / 1000.0:.2g} events expected"
    found = usual_latency(seconds)
    newest = None if not len(seconds) else float(np.median(seconds[-NEWEST:]))
    limit = limit_s if limit_s is not None or found is None else max(SPIKE * found[1], floor_s)
    slow = limit is not None and newest is not None and newest > limit
    against = "nothing is usual yet" if limit is None else f"limit {spoken(limit)}"
    pace = "no answers yet" if newest is None else f"answers take {spoken(newest)}, {against}"
    said = {
        (True, True): "answers come late and drift fires too often",
        (True, False): "drift fires too often, answers come in time",
        (False, True): "answers come late, and drift is not why",
        (False, False): "neither",
    }[often, slow]
    known = samples > 0 and (limit is not None or newest is None)
    verdict = "sick" if often or slow else "well" if known else "unknown"
    return Sign(
        "latency",
        verdict,  # type: ignore[arg-type]
        f"{said}: {rate}; {pace}",
        newest if slow and not often else float(events),
        limit if slow and not often else per_1000 * samples / 1000.0,
        severity="critical" if often and slow else "warning",
        evidence={
            "which": [name for name, holds in (("drift", often), ("latency", slow)) if holds],
            "events": events,
            "adaptations": adaptations,
            "samples": samples,
            "budget_per_1000": per_1000,
            "chance": chance,
            "latency_s": newest,
            "limit_s": limit,
        },
    )
