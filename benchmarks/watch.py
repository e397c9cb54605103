"""How often the watch is wrong where nothing is, and how soon it is right: the figures of docs/watch.md.

Made-up streams, seeded. No bar was stated beforehand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.evidence import row
from dq_pipeline.release.bootstrap import circular_blocks
from dq_pipeline.release.promotion import LEVEL, LOOKS
from dq_pipeline.watch.arrival import LEAST_S, LONGER, lag
from dq_pipeline.watch.erratic import erratic, volatility
from dq_pipeline.watch.latency import ALPHA, FEWEST_EVENTS, SPIKE, too_many, usual_latency
from dq_pipeline.watch.stuck_scores import narrowest, spread, stuck_scores

Floats = NDArray[np.float64]
EVERY = 25
"""Samples from one look to the next."""


def episodes(alarms: Sequence[bool]) -> int:
    """Alarms that stand for a while count once."""
    said = np.asarray(alarms, dtype=np.bool_)
    return int(said[0]) + int((said[1:] & ~said[:-1]).sum())


def correlated(n: int, by: float, rng: np.random.Generator) -> Floats:
    """A normal series (n,) of unit variance, each value correlated with the one before."""
    drawn = rng.normal(size=n)
    for i in range(1, n):
        drawn[i] = by * drawn[i - 1] + np.sqrt(1.0 - by**2) * drawn[i]
    return drawn


def events(rng: np.random.Generator, n: int = 2_000_000) -> dict[str, Any]:
    """A detector within its budget: episodes in 1,000 samples."""
    found = {}
    for per_1000 in (0.2, 1.0, 5.0):
        at = np.sort(rng.integers(0, n, rng.poisson(per_1000 * n / 1000)))
        looks = np.arange(1000, n, EVERY)
        seen = np.searchsorted(at, looks) - np.searchsorted(at, looks - 1000)
        sick = {int(k): k >= FEWEST_EVENTS and too_many(int(k), 1000, per_1000) < ALPHA for k in np.unique(seen)}
        found[f"budget {per_1000}"] = episodes([sick[int(k)] for k in seen]) / n * 1000
    return found


def slow(rng: np.random.Generator, n: int = 100_000) -> dict[str, Any]:
    """Latencies of micro-batches as ever: episodes in 1,000 of them."""
    found = {}
    for sd in (0.3, 0.6, 1.0):
        seconds = np.exp(sd * correlated(n, 0.7, rng))
        pairs = [usual_latency(seconds[i - 200 : i]) for i in range(225, n, 5)]
        found[f"sd {sd}"] = episodes([p is not None and p[0] > SPIKE * p[1] for p in pairs]) / n * 1000
    return found


def quiet(rng: np.random.Generator, n: int = 200_000) -> dict[str, Any]:
    """Pauses as ever: alarms in 1,000 arrivals."""
    drawn = {
        "exponential": rng.exponential(60, n),
        "lognormal": 60 * np.exp(2 * rng.normal(size=n)),
        "pareto": 60 * rng.pareto(1.2, n),
    }
    found = {}
    for name, pauses in drawn.items():
        longest = np.lib.stride_tricks.sliding_window_view(pauses, 499).max(axis=1)[:-1]
        found[name] = float(np.mean(pauses[499:] > np.maximum(LONGER * longest, LEAST_S)) * 1000)
    return found


def unread(rng: np.random.Generator, days: int = 200) -> dict[str, Any]:
    """A deployment that answers 100 messages a minute: episodes a day by its load."""
    found = {}
    for load in (0.5, 0.8, 0.95):
        waiting, looks, said = 0, [], []
        for minute in range(60 * 24 * days):
            waiting += int(rng.poisson(load * 100))
            waiting -= min(waiting, 100)
            if minute % 5 == 0:
                looks.append(waiting)
                sign = lag(looks[-4:], 60.0 * waiting / (load * 100), limit_s=900.0, many=100, topic="made up")
                said.append(sign.verdict == "sick")
        found[f"load {load}"] = episodes(said) / days
    return found


def errors(rng: np.random.Generator, streams: int = 40) -> dict[str, Any]:
    """Share of the streams with an alarm, and samples until it: errors as promised, or larger from the 300th on."""

    def low(window: Floats, under: Floats) -> float:
        drawn = np.abs(window)[circular_blocks(len(window), np.random.default_rng(len(window)))].mean(axis=1)
        return float(np.quantile(drawn / under, LEVEL / LOOKS, method="lower"))

    def noise(n: int, heavy: bool) -> Floats:
        return correlated(n, 0.3, rng) * (np.abs(rng.standard_t(5, n)) if heavy else 1.0)

    found = {}
    for heavy, promised, ratio in [
        (h, m, r) for h in (False, True) for m in (50, 100, 300) for r in (1.0, 1.5, 2.0, 3.0)
    ]:
        begin, stop = (0, 1000) if ratio == 1.0 else (300, 600)
        delays = []
        for _ in range(streams):
            under = np.abs(noise(promised, heavy))[circular_blocks(promised, np.random.default_rng(0))].mean(axis=1)
            error = noise(1000, heavy)
            error[begin:] *= ratio
            for n in range(begin + EVERY, stop + 1, EVERY):
                if max(low(error[max(n - last, 0) : n], under) for last in (200, 50)) > 1.25:
                    delays.append(n - begin)
                    break
        middle = float(np.median(delays)) if delays else None
        found[f"{'heavy' if heavy else 'normal'}, promise on {promised}, {ratio} times"] = (
            len(delays) / streams,
            middle,
        )
    return found


def volatile(rng: np.random.Generator, releases: int = 150) -> dict[str, Any]:
    """Share of the releases called erratic by how volatile they are, truths known."""
    found = {}
    for ratio in (1.0, 1.2, 1.5, 2.0, 3.0):
        said = 0
        for _ in range(releases):
            truth = correlated(100, 0.5, rng)
            old, new = (truth + 0.3 * correlated(100, 0.3, rng) for _ in range(2))
            new = new + rng.normal(size=100) * np.sqrt(max((ratio * volatility(old)) ** 2 - volatility(new) ** 2, 0.0))
            seen = new if ratio > 1.0 else truth + 0.3 * correlated(100, 0.3, rng)
            looks = [
                erratic(seen[:n], old[:n], np.ones(n), truth[:n], limit=1.5, release="2", replaced="1", rng=rng)
                for n in range(EVERY, 101, EVERY)
            ]
            said += any(one.verdict == "sick" for one in looks)
        found[f"{ratio} times"] = said / releases
    return found


def scores(rng: np.random.Generator, n: int = 20_000) -> dict[str, Any]:
    """Scores as ever: episodes in 1,000 samples."""
    drawn: dict[str, Callable[[], Floats]] = {
        "wide": lambda: rng.beta(20, 3, n),
        "narrow": lambda: rng.beta(80, 2, n),
        "12 of 100 bad": lambda: np.where(rng.random(n) < 0.12, rng.uniform(0, 0.5, n), rng.normal(0.98, 0.005, n)),
        "correlated": lambda: 1 / (1 + np.exp(-2 - 0.7 * correlated(n, 0.9, rng))),
        "85 of 100 at 1": lambda: np.where(rng.random(n) < 0.85, 1.0, rng.uniform(0.7, 1, n)),
        "calm after wild": lambda: np.where(np.arange(n) // 500 % 2 == 0, rng.beta(5, 2, n), rng.beta(60, 2, n)),
    }
    found = {}
    for name, draw in drawn.items():
        series, said = draw(), []
        for i in range(2050, n, EVERY):
            newest = series[i - 50 : i]
            usual = narrowest(series[i - 2050 : i - 50], spread(newest))
            said.append(stuck_scores(newest, usual, limit=0.1).verdict == "sick")
        found[name] = episodes(said) / n * 1000
    return found


TRIALS: tuple[tuple[str, str, Callable[..., dict[str, Any]], int, int], ...] = (
    ("latency/drift_events", "episodes in 1,000 samples", events, 2_000_000, 20_000),
    ("latency/answers", "episodes in 1,000 micro-batches", slow, 100_000, 3_000),
    ("silence", "alarms in 1,000 arrivals", quiet, 200_000, 5_000),
    ("lag", "episodes a day", unread, 200, 2),
    ("unnoticed_error", "of the streams", errors, 40, 1),
    ("erratic", "of the releases", volatile, 150, 2),
    ("stuck_scores", "episodes in 1,000 samples", scores, 20_000, 3_000),
)
"""Sign, unit, trial, and how much of it: in full and for a look."""


def measure(short: bool) -> list[dict[str, Any]]:
    """A row for each sign and case; of errors beside it the median of the samples until the alarm."""
    rows = []
    for sign, unit, trial, full, look in TRIALS:
        for case, found in trial(np.random.default_rng(0), look if short else full).items():
            value, delay = found if isinstance(found, tuple) else (found, None)
            after = None if delay is None else f"median {delay:.0f} samples until it"
            rows.append(row(f"watch/{sign}/{case.replace(' ', '_').replace(',', '')}", round(value, 4), unit, after))
    return rows
