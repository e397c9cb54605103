"""Which labels a model may learn from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

NEIGHBOURS = 25


def label_guard(target: Floats) -> NDArray[np.bool_]:
    """Which labels of a regression are believable: within the quartiles -+ 3 interquartile ranges.

    A label is dropped only if it lies outside the fences of all labels AND outside those of the 25 nearest in time:
    a corrupted label stands alone, a process that has moved takes its neighbours along. Labels without spread fence
    nothing.

    Parameters
    ----------
    target : (n,)
        In time order; NaN is no label and not believed.

    References
    ----------
    Tukey (1977), Exploratory Data Analysis: the outer fences.
    """
    believed = np.isfinite(target)
    known = np.flatnonzero(believed)
    labels = target[known]
    if not len(labels) or _spread(labels) <= 0.0:
        return believed
    for i in np.flatnonzero(~_inside(labels, labels)):
        first = int(np.clip(i - NEIGHBOURS // 2, 0, max(0, len(labels) - NEIGHBOURS)))
        believed[known[i]] = _inside(labels[i : i + 1], labels[first : first + NEIGHBOURS])[0]
    return believed


def _spread(labels: Floats) -> float:
    return float(np.subtract(*np.quantile(labels, [0.75, 0.25])))


def _inside(labels: Floats, beside: Floats) -> NDArray[np.bool_]:
    low, high = np.quantile(beside, [0.25, 0.75])
    reach = 3.0 * (high - low)
    return np.asarray((labels >= low - reach) & (labels <= high + reach), dtype=np.bool_)
