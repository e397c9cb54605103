"""Does a release keep in Production what it promised at its evaluation? A ratio of errors with its interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.feedback.governor import ErrorRatio
from dq_pipeline.model.evaluation import HIGHER_IS_BETTER, METRICS
from dq_pipeline.release.bootstrap import circular_blocks
from dq_pipeline.release.promotion import ENOUGH, LEVEL, LOOKS

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Promise:
    """How a release did when it was evaluated.

    Attributes
    ----------
    figure
        Its metric.
    judged_on
        Samples behind it.
    truth, value : (judged_on,)
        Truths and predictions in time order; None where they are no longer known, and the figure is taken for exact.
    """

    figure: float
    judged_on: int
    truth: Floats | None = None
    value: Floats | None = None


def error_ratio(
    metric: str, truth: Floats, value: Floats, promise: Promise, rng: np.random.Generator
) -> ErrorRatio | None:
    """The error seen over the error promised; None if fewer than 20 truths have come, or the promise is no error.

    Neighbouring samples resemble each other, so both sides are drawn in blocks, each by itself: what was promised on
    few samples is not taken for exact. The lower end leaves out 1.25 % of the draws, as a probation does, for it is
    looked at again and again. Errors are the metric itself, or 1 - metric where higher is better.

    Parameters
    ----------
    truth, value : (n,)
        What came true since the release is in Production and what it had said, in time order; NaN is left out.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> truth, noise = np.zeros(200), rng.normal(size=200)
    >>> found = error_ratio("mae", truth, 2.0 * noise, Promise(0.8, 200, truth, noise), rng)
    >>> f"{found.ratio:.1f}, at least {found.low:.1f}"
    '2.0, at least 1.7'
    """
    known = np.isfinite(truth) & np.isfinite(value)
    truth, value = truth[known], value[known]
    if len(truth) < ENOUGH:
        return None
    drawn = _drawn(metric, truth, value, rng)
    promised = _as_error(metric, promise.figure)
    under = np.full(len(drawn), promised)
    if promise.truth is not None and promise.value is not None and len(promise.truth):
        promised = _as_error(metric, METRICS[metric](promise.truth, promise.value))
        under = _drawn(metric, promise.truth, promise.value, rng)
    if not promised > 0.0:
        return None
    ratios = np.divide(drawn, under, out=np.full(len(drawn), np.inf), where=under > 0.0)
    ratios = ratios[~np.isnan(ratios)]  # a draw without spread has no R2
    if not len(ratios):
        return None
    seen = _as_error(metric, METRICS[metric](truth, value))
    low = float(np.quantile(ratios, LEVEL / LOOKS, method="lower"))
    return ErrorRatio(seen / promised, low, seen, promised, len(truth), promise.judged_on, metric)


def _drawn(metric: str, truth: Floats, value: Floats, rng: np.random.Generator) -> Floats:
    blocks = circular_blocks(len(truth), rng)
    return np.array([_as_error(metric, METRICS[metric](truth[index], value[index])) for index in blocks])


def _as_error(metric: str, figure: float) -> float:
    return 1.0 - figure if metric in HIGHER_IS_BETTER else figure
