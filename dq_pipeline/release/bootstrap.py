"""Is one set of predictions worse than another? A paired bootstrap over blocks of neighbouring samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.model.evaluation import HIGHER_IS_BETTER, METRICS

Floats = NDArray[np.float64]

DRAWS = 1000


@dataclass(frozen=True, slots=True)
class Comparison:
    """A pair of figures and how sure their order is.

    Attributes
    ----------
    one, other
        The metric's figures.
    worse
        Share of the draws in which the one's error exceeds the other's by more than the tolerance, in [0, 1].
    samples
        Pairs compared.
    """

    one: float
    other: float
    worse: float
    samples: int


def compare(
    metric: str, truth: Floats, one: Floats, other: Floats, tolerance: float, rng: np.random.Generator
) -> Comparison:
    """Compare two predictions of the same samples.

    Neighbouring samples resemble each other, so circular blocks of n^(1/3) are drawn, the same for both. Errors are
    the metric itself, or 1 - metric where higher is better.

    Parameters
    ----------
    truth, one, other : (n,)
        In time order; samples with a NaN in any of them are left out.
    tolerance
        Relative: the one's error may be (1 + tolerance) times the other's.

    References
    ----------
    Politis & Romano (1992), A Circular Block-Resampling Procedure for Stationary Data.
    """
    known = np.isfinite(truth) & np.isfinite(one) & np.isfinite(other)
    truth, one, other = truth[known], one[known], other[known]
    n, figure = len(truth), METRICS[metric]
    if not n:
        return Comparison(float("nan"), float("nan"), float("nan"), 0)

    def excess(index: NDArray[np.int64]) -> float:
        a, b = figure(truth[index], one[index]), figure(truth[index], other[index])
        if metric in HIGHER_IS_BETTER:
            a, b = 1.0 - a, 1.0 - b
        return a - (1.0 + tolerance) * b

    excesses = np.array([excess(index) for index in circular_blocks(n, rng)])
    # a draw without spread has no R2: it speaks for neither
    worse = float(np.mean(excesses[np.isfinite(excesses)] > 0.0)) if np.isfinite(excesses).any() else float("nan")
    return Comparison(figure(truth, one), figure(truth, other), worse, n)


def circular_blocks(n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draws (1000, n) of the indices of n neighbouring samples, in circular blocks of n^(1/3)."""
    length = int(np.ceil(n ** (1 / 3)))
    starts = rng.integers(n, size=(DRAWS, -(-n // length)))
    drawn: NDArray[np.int64] = ((starts[:, :, None] + np.arange(length)) % n).reshape(DRAWS, -1)[:, :n]
    return drawn
