"""Labels that contradict what other samples say: large residuals against neighbours in feature space and in time.

The residual is that of a model that had not seen the label. What the residuals of the samples nearest in time have in
common is a drift, and taken off; what they scatter by is what a label may lie off.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from dq_pipeline.errors import DataError

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

WINDOW = 25
LIMIT = 2.2
"""Robust standard deviations from which a label is in doubt."""
FALSE = 0.5
"""Of the labels refused, the share that may be right by chance."""
SUSPECT = 0.1
UNLIKELY = 0.1
"""Probability of a class below which it is."""
_MAD_TO_SD = 1.4826


def robust_z(residual: Floats) -> Floats:
    """How far residuals (n,), in time order, lie from those of the 25 nearest in time, in robust standard deviations.

    The deviation is the larger one of that among these 25 and that among all.

    References
    ----------
    Rousseeuw & Croux (1993), Alternatives to the Median Absolute Deviation, JASA 88(424).

    Raises
    ------
    DataError
        If one is not finite.

    Examples
    --------
    >>> shifted = np.r_[np.tile([0.0, 0.1, -0.1], 20), 5.0 + np.tile([0.0, 0.1, -0.1], 20)]
    >>> bool(robust_z(shifted)[80:].max() < 3.0)
    True
    >>> shifted[100] += 1.0
    >>> int(robust_z(shifted)[80:].argmax()) + 80
    100
    """
    if not np.isfinite(residual).all():
        raise DataError("finite residuals expected, found others; judge labelled samples only")
    n = len(residual)
    if n < 3:
        return np.zeros(n)
    width = min(WINDOW, n)
    first = np.clip(np.arange(n) - width // 2, 0, n - width)
    near = residual[first[:, None] + np.arange(width)]
    middle = np.median(near, axis=1)
    off = residual - middle
    beside = np.median(np.abs(near - middle[:, None]), axis=1)
    spread = _MAD_TO_SD * np.maximum(beside, np.median(np.abs(off)))
    floor = max(1e-12, 1e-9 * float(np.abs(residual).max()))
    return np.asarray(np.abs(off) / np.maximum(spread, floor), dtype=np.float64)


def inconsistent(z: Floats, trusted: Mask, per_100: float, limit: float = LIMIT) -> Mask:
    """Which labels (n,) are refused: those beyond the limit, the largest first, within the budget.

    Right labels have tails too, and a model that is never shown them promises too narrow an interval. So no more are
    refused than that, were all labels right and their residuals normal, half as many would lie there at most.

    Parameters
    ----------
    z : (n,)
        Large where a label contradicts others.
    trusted : (n,)
        Labels that a person has looked at; they are never refused.
    per_100
        Of 100 labels at most so many are refused. Where more contradict each other, it is not for a rule to say which.

    Examples
    --------
    >>> z = np.array([9.0, 0.5, 3.0, 8.0])
    >>> inconsistent(z, np.array([False, False, False, True]), 25.0).tolist()
    [True, False, False, False]
    >>> tail = np.abs(norm.ppf(np.arange(1, 1000) / 1000))
    >>> int(inconsistent(tail, np.zeros(999, bool), 5.0).sum())
    0

    References
    ----------
    Benjamini & Hochberg (1995), Controlling the False Discovery Rate, JRSS B 57(1), at a rate of one half.
    """
    most = int(per_100 / 100.0 * len(z) + 1e-9)
    in_doubt = np.where(trusted, -np.inf, z)
    order = np.argsort(-in_doubt, kind="stable")
    chance = 2.0 * len(z) * norm.sf(in_doubt[order])
    found = np.flatnonzero((chance <= FALSE * np.arange(1, len(z) + 1)) & (in_doubt[order] > limit))
    chosen = np.zeros(len(z), np.bool_)
    chosen[order[: min(most, int(found[-1]) + 1 if len(found) else 0)]] = True
    return chosen


def suspects(z: Floats, trusted: Mask) -> Mask:
    """Labels (n,) that are in doubt, a tenth of all at most: nothing is to be learned of others from them."""
    doubted = np.where(trusted, -np.inf, z)
    least = np.sort(doubted)[::-1][min(int(SUSPECT * len(z)), len(z) - 1)]
    return (doubted > LIMIT) & (doubted > least)


def doubt_of_class(probability: Floats) -> Floats:
    """Doubt (n,) about classes of which models that had not seen them give the probability.

    On the scale of :func:`inconsistent`: :data:`LIMIT` at :data:`UNLIKELY`, more below it.

    References
    ----------
    Northcutt, Jiang & Chuang (2021), Confident Learning, JAIR 70, arXiv 1911.00068: what counts is the probability of
    the given label by a model that was not shown it.

    Examples
    --------
    >>> doubt_of_class(np.array([1.0, 0.1, 0.01])).round(2).tolist()
    [0.0, 2.2, 4.4]
    """
    return np.asarray(LIMIT * np.abs(np.log(np.clip(probability, 1e-12, 1.0)) / np.log(UNLIKELY)), dtype=np.float64)
