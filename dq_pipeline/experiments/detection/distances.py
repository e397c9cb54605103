"""Distances of other libraries between a window's rows and the reference's, sensor by sensor, as they define them.

Each is computed here from a reference sorted once, since at the libraries' own pace a full run would take hours; that
the numbers are theirs is checked against the libraries themselves in every run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.spatial.distance import jensenshannon

from dq_pipeline.experiments.detection.protocol import Series, Watched, first_after
from dq_pipeline.experiments.detection.streams import BEFORE, LONGEST, Case

WINDOW, STRIDE = 25, 5
"""As our window detector looks."""
Floats = NDArray[np.float64]
Distance = Callable[[Floats], float]
"""From a window's rows (w,) of one sensor to a distance; NaN are left out before."""
Prepared = Callable[[Floats], Distance]
"""From the reference's rows (r,) of one sensor."""


def kolmogorov_smirnov(reference: Floats) -> Distance:
    """SciPy's two-sample statistic D.

    All windows hold as many rows, so that the largest D of the sensors is the smallest p-value, with Bonferroni's
    correction or without: a threshold on the one is a threshold on the other. alibi-detect's `KSDrift` is this test.
    """
    known = np.sort(reference)

    def distance(rows: Floats) -> float:
        rows = np.sort(rows)
        n = len(rows)
        right = np.searchsorted(known, rows, "right") / len(known)
        left = np.searchsorted(known, rows, "left") / len(known)
        rank = np.arange(n + 1) / n
        return float(max((rank[1:] - right).max(), (left - rank[:-1]).max(), 0.0))

    return distance


def wasserstein(reference: Floats) -> Distance:
    """Evidently's default for numbers where the reference holds more than 1,000 rows: Wasserstein over sd."""
    known, norm = np.sort(reference), max(float(np.std(reference)), 0.001)

    def distance(rows: Floats) -> float:
        times, rest = divmod(len(known), len(rows))
        if rest:
            return float(stats.wasserstein_distance(known, rows)) / norm
        return float(np.abs(known - np.repeat(np.sort(rows), times)).mean()) / norm

    return distance


def jensen_shannon(reference: Floats) -> Distance:
    """Frouros' `JS` with its default of 10 edges, of histograms whose bins NumPy chooses."""
    before = _cumulated(reference)
    low, high = float(reference.min()), float(reference.max())

    def distance(rows: Floats) -> float:
        edges = np.linspace(min(low, float(rows.min())), max(high, float(rows.max())), 10)
        shares = [np.diff(np.interp(edges, at, share)) for at, share in (before, _cumulated(rows))]
        return float(jensenshannon(*shares))

    return distance


def _cumulated(rows: Floats) -> tuple[Floats, Floats]:
    counts, edges = np.histogram(rows, bins="auto")
    return edges, np.concatenate([[0.0], np.cumsum(counts) / counts.sum()])


@dataclass(frozen=True, slots=True)
class Distances:
    """A detector on one such distance: the mean or the largest over the sensors of windows of 25 samples, every 5."""

    name: str
    prepare: Prepared
    mean: bool
    thresholds: tuple[float, ...]

    def watch(self, case: Case, thresholds: Sequence[float]) -> list[Watched]:
        """See :class:`dq_pipeline.experiments.detection.protocol.Contender`."""
        found, seconds = _found(self.prepare, case)
        series = [self._series(one) for one in found]
        answers = []
        for threshold in thresholds:
            alarms, *firsts = (one.alarms(threshold, WINDOW) for one in series)
            answers.append(Watched(len(alarms), tuple(first_after(raised) for raised in firsts), seconds))
        return answers

    def _series(self, found: Floats) -> Series:
        statistic = found.mean(axis=1) if self.mean else found.max(axis=1)
        sample = WINDOW - 1 + STRIDE * np.arange(len(found))
        return Series(sample, statistic, found.argmax(axis=1), np.full(len(found), np.nan))


@lru_cache(maxsize=1)
def _found(prepare: Prepared, case: Case) -> tuple[tuple[Floats, ...], float]:
    """Distances (m, f) of the windows of the quiet stream and of each changed one, and the seconds for 1,000 samples.

    Kept for the next detector on the same distance.
    """
    fitted = [prepare(_rows(case.reference[:, :, j])) for j in range(case.reference.shape[2])]
    began = time.process_time()
    tail = BEFORE - WINDOW + STRIDE
    known = distances(fitted, case.quiet[:BEFORE])
    rest = distances(fitted, case.quiet[tail:])
    followed = [distances(fitted, np.concatenate([case.quiet[tail:BEFORE], one])) for one in case.changed]
    seconds = 1000.0 * (time.process_time() - began) / (len(case.quiet) + LONGEST * len(case.changed))
    return tuple(np.concatenate([known, one]) for one in (rest, *followed)), seconds


def distances(fitted: Sequence[Distance], values: Floats) -> Floats:
    """Of every window (m, f) of samples (n, T, f); 1 where a sensor shows nothing at all."""
    ends = range(WINDOW, len(values) + 1, STRIDE)
    found = np.ones((len(ends), len(fitted)))
    for i, end in enumerate(ends):
        for j, distance in enumerate(fitted):
            rows = _rows(values[end - WINDOW : end, :, j])
            if rows.size:
                found[i, j] = distance(rows)
    return found


def _rows(values: Floats) -> Floats:
    flat = values.ravel()
    return flat[~np.isnan(flat)]


def _grid(low: float, high: float) -> tuple[float, ...]:
    return tuple(np.geomspace(low, high, 60).tolist())


UNTUNED = "evidently, untuned"
"""Alarms where any column is over evidently's default; its delays say little, as it knows no rate of false alarms."""
DISTANCES = (
    Distances("SciPy KS, Bonferroni", kolmogorov_smirnov, False, _grid(0.03, 0.6)),
    Distances("frouros JS, mean", jensen_shannon, True, _grid(0.01, 0.5)),
    Distances("frouros JS, largest", jensen_shannon, False, _grid(0.02, 0.8)),
    Distances("evidently, largest", wasserstein, False, _grid(0.05, 1.5)),
    Distances(UNTUNED, wasserstein, False, (0.1,)),
)
