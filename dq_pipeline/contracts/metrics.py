"""The metrics of contracts: what each sample adds, and one figure of many samples. They measure; nothing is judged.

A metric is one function and one line in :data:`METRICS`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.contracts.observed import Observed, share_missing
from dq_pipeline.sections.contract import Tolerance

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Attributes
    ----------
    parts
        (observed, group of sensors, all sensors) -> (n, k): what each sample adds; NaN where it says nothing.
    figure
        (..., n, k), quantile -> (...): the metric of samples along the last axis but one.
    worse
        1 where more is worse, -1 where less is, 0 where either way is.
    tolerance
        Where a contract states none.
    binary
        The first part is 0 or 1.
    ratio
        An error that is never negative: judged as a ratio, whose logarithm is nearer to normal.
    quantile
        Where a contract states none; None for what is no quantile.
    """

    parts: Callable[[Observed, tuple[str, ...], tuple[str, ...]], Floats]
    figure: Callable[[Floats, float], Floats]
    worse: int
    tolerance: Tolerance
    binary: bool = False
    ratio: bool = False
    quantile: float | None = None


def figure(metric: Metric, parts: Floats, quantile: float = 0.5) -> float | None:
    """The metric of some samples; None where they give none."""
    parts = known(parts)
    found = float(metric.figure(parts, quantile)) if len(parts) else float("nan")
    return found if math.isfinite(found) else None


def known(parts: Floats) -> Floats:
    """The rows that say something."""
    return parts[np.isfinite(parts).all(axis=1)]


def mean(parts: Floats, _quantile: float) -> Floats:
    """Of the first part."""
    return np.asarray(parts[..., 0].mean(axis=-1), dtype=np.float64)


def _quantile(parts: Floats, quantile: float) -> Floats:
    return np.asarray(np.quantile(parts[..., 0], quantile, axis=-1), dtype=np.float64)


def _over(parts: Floats, _quantile: float) -> Floats:
    above, below = parts[..., 0].mean(axis=-1), parts[..., 1].mean(axis=-1)
    return np.asarray(np.divide(above, below, out=np.full_like(above, np.nan), where=below > 0), dtype=np.float64)


def _lift(parts: Floats, _quantile: float) -> Floats:
    shares = parts[..., 1:].mean(axis=-2)
    return np.asarray(parts[..., 0].mean(axis=-1) - shares.max(axis=-1), dtype=np.float64)


def _error(observed: Observed, *_: tuple[str, ...]) -> Floats:
    return np.abs(observed.value - observed.truth)[:, None]


def _signed(observed: Observed, *_: tuple[str, ...]) -> Floats:
    return (observed.value - observed.truth)[:, None]


def _held(observed: Observed, *_: tuple[str, ...]) -> Floats:
    held = (observed.lower <= observed.truth) & (observed.truth <= observed.upper)
    known = np.isfinite(observed.lower) & np.isfinite(observed.upper) & np.isfinite(observed.truth)
    return np.where(known, held, np.nan)[:, None]


def _error_over_expected(observed: Observed, *_: tuple[str, ...]) -> Floats:
    both = np.stack([np.abs(observed.value - observed.truth), observed.expected_error], axis=1)
    return np.where(np.isfinite(both).all(axis=1, keepdims=True), both, np.nan)


def _right_and_classes(observed: Observed, *_: tuple[str, ...]) -> Floats:
    known = np.isfinite(observed.value) & np.isfinite(observed.truth)
    classes = int(observed.truth[known].max()) + 1 if known.any() else 1
    ones = np.eye(classes)[np.where(known, observed.truth, 0.0).astype(np.int64)]
    parts = np.concatenate([(observed.value == observed.truth)[:, None], ones], axis=1)
    return np.where(known[:, None], parts, np.nan)


def _score(observed: Observed, *_: tuple[str, ...]) -> Floats:
    return observed.unified[:, None]


def _missing(observed: Observed, group: tuple[str, ...], sensors: tuple[str, ...]) -> Floats:
    return share_missing(observed, group, sensors)[:, None]


def _latency(observed: Observed, *_: tuple[str, ...]) -> Floats:
    return observed.latency_s[:, None]


def _alarm(observed: Observed, *_: tuple[str, ...]) -> Floats:
    return observed.alarm[:, None]


METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        "mae": Metric(_error, mean, 1, Tolerance(relative=0.25), ratio=True),
        "bias": Metric(_signed, mean, 0, Tolerance(relative=0.5)),
        "coverage": Metric(_held, mean, -1, Tolerance(absolute=0.05), binary=True),
        "calibration": Metric(_error_over_expected, _over, 0, Tolerance(relative=0.5), ratio=True),
        "lift": Metric(_right_and_classes, _lift, -1, Tolerance(absolute=0.05)),
        "score": Metric(_score, _quantile, -1, Tolerance(absolute=0.1), quantile=0.5),
        "null_rate": Metric(_missing, mean, 1, Tolerance(absolute=0.05)),
        "decision_latency": Metric(_latency, _quantile, 1, Tolerance(relative=0.25), quantile=0.95),
        "alarm_rate": Metric(_alarm, mean, 0, Tolerance(absolute=0.05), binary=True),
    }
)
"""Name -> metric. The relative tolerance of `bias` is a share of the error that was expected, not of the bias."""
