"""Detectors judged: each tuned on streams in which nothing changes, then watched on others and on what changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.experiments.detection.kinds import EIGHT, KINDS, Kind, case, quiet_case
from dq_pipeline.experiments.detection.protocol import Contender, Raised, Watched, delay, tuned
from dq_pipeline.experiments.detection.streams import BEFORE

TUNED_ON = 10_000
"""First seed of the streams that thresholds are found on; those that are reported begin at 0."""
NEAR = 10
"""Samples within which a change point is right."""
Mapper = Callable[[Callable[[int], Any], Sequence[int]], Iterable[Any]]


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is watched.

    Attributes
    ----------
    tuning, runs
        References to tune on, and to report on.
    quiet
        Samples after each of them in which nothing changes.
    more
        Of the runs, those that the longer list of faults and drifts is made on too.
    """

    tuning: int
    runs: int
    quiet: int
    more: int


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """What one detector made of one kind: (runs,) each; NaN where there is no alarm, or it says nothing of the matter.

    Attributes
    ----------
    delays
        300 where it was missed.
    missed, named, dated
        0 or 1: no alarm; the changed sensor (either of two) named first; the change point within 10 samples.
    """

    delays: NDArray[np.float64]
    missed: NDArray[np.float64]
    named: NDArray[np.float64]
    dated: NDArray[np.float64]

    @staticmethod
    def of(kind: Kind, first: Sequence[Raised | None]) -> Verdict:
        """From the first alarm of each run."""
        return Verdict(
            np.array([float(delay(one)) for one in first]),
            np.array([float(one is None) for one in first]),
            np.array([_named(one, kind) for one in first]),
            np.array([_dated(one) for one in first]),
        )


def _named(one: Raised | None, kind: Kind) -> float:
    return float("nan") if one is None or one.sensor is None or not kind.sensors else float(one.sensor in kind.sensors)


def _dated(one: Raised | None) -> float:
    return float("nan") if one is None or one.change_point is None else float(abs(one.change_point - BEFORE) <= NEAR)


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """One detector.

    Attributes
    ----------
    threshold
        That was found; `tuned` tells whether it was sought.
    alarms : (runs,)
        Where nothing changes, over so many `quiet` samples each.
    verdicts
        By title of the kind.
    seconds
        For 1,000 samples.
    """

    name: str
    threshold: float
    tuned: bool
    alarms: NDArray[np.int64]
    quiet: int
    verdicts: Mapping[str, Verdict]
    seconds: float

    @property
    def rate(self) -> float:
        """False alarms per 1,000 samples."""
        return float(1000.0 * self.alarms.mean() / self.quiet)

    @property
    def rate_error(self) -> float:
        """Its standard error, over references."""
        return 1000.0 * standard_error(self.alarms) / self.quiet


def standard_error(values: NDArray[Any]) -> float:
    """Of the mean of independent values; NaN for fewer than two."""
    return float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")


def judge(contenders: Sequence[Contender], effort: Effort, mapped: Mapper) -> list[Judged]:
    """Tune each to 1 false alarm per 1,000 on the same streams, then watch.

    Parameters
    ----------
    mapped
        Does a function for every seed, in order: `map`, or that of a pool.
    """
    seeds = [TUNED_ON + k for k in range(effort.tuning)]
    counts = list(mapped(partial(count, contenders, effort.quiet), seeds))
    samples = effort.quiet * effort.tuning
    thresholds = [
        tuned(one.thresholds, np.sum([of_seed[c] for of_seed in counts], axis=0).tolist(), samples)
        for c, one in enumerate(contenders)
    ]
    found: list[list[Watched]] = list(mapped(partial(watch, contenders, thresholds, effort), range(effort.runs)))
    return [_judged(one, thresholds[c], effort, [of_seed[c] for of_seed in found]) for c, one in enumerate(contenders)]


def count(contenders: Sequence[Contender], quiet: int, seed: int) -> list[list[int]]:
    """Alarms of each detector at each of its thresholds, where nothing changes; none where there is one threshold."""
    made = quiet_case(seed, quiet)
    return [
        [one.alarms for one in contender.watch(made, contender.thresholds)] if len(contender.thresholds) > 1 else [0]
        for contender in contenders
    ]


def watch(contenders: Sequence[Contender], thresholds: Sequence[float], effort: Effort, seed: int) -> list[Watched]:
    """What each detector makes of one case at its threshold."""
    made = case(seed, effort.quiet, KINDS if seed < effort.more else EIGHT)
    return [one.watch(made, [threshold])[0] for one, threshold in zip(contenders, thresholds, strict=True)]


def _judged(contender: Contender, threshold: float, effort: Effort, found: Sequence[Watched]) -> Judged:
    verdicts = {
        title: Verdict.of(kind, first)
        for k, (title, kind) in enumerate(KINDS.items())
        if (first := [one.first[k] for one in found if k < len(one.first)])
    }
    return Judged(
        contender.name,
        threshold,
        len(contender.thresholds) > 1,
        np.array([one.alarms for one in found]),
        effort.quiet,
        verdicts,
        float(np.mean([one.seconds for one in found])),
    )
