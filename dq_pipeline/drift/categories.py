"""Another mix of categories: of recipes, shifts or products in the samples' metadata."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc


@dataclass(frozen=True, slots=True)
class CategoryDrift:
    """Chi-squared of one category.

    Attributes
    ----------
    statistic, degrees
        Pearson's, and its degrees of freedom: one less than the values seen on either side.
    p
        As if samples were independent; values that come in runs, such as shifts, make it smaller than it should be.
    new
        Values that the reference does not have.
    """

    name: str
    statistic: float
    degrees: int
    p: float
    new: tuple[str, ...]


def category_drift(name: str, reference: Sequence[str], current: Sequence[str]) -> CategoryDrift:
    """Pearson's chi-squared of two sets of samples over the values of a category.

    References
    ----------
    Pearson (1900), On the criterion..., Philosophical Magazine 50(302), 157-175.

    Examples
    --------
    >>> found = category_drift("recipe", ["a"] * 30 + ["b"] * 30, ["a"] * 5 + ["b"] * 25)
    >>> round(found.statistic, 3), found.degrees, found.p < 0.01
    (9.351, 1, True)
    """
    usual, now = Counter(reference), Counter(current)
    values = sorted(usual | now)
    table = np.array([[side[value] for value in values] for side in (usual, now)], dtype=np.float64)
    degrees = max(len(values) - 1, 0)
    if degrees == 0 or not table.sum(axis=1).all():
        return CategoryDrift(name, 0.0, degrees, 1.0, tuple(value for value in values if not usual[value]))
    statistic = pearson(table)
    new = tuple(value for value in values if not usual[value])
    return CategoryDrift(name, statistic, degrees, float(chdtrc(degrees, statistic)), new)


def pearson(table: NDArray[np.float64]) -> float:
    """Pearson's statistic of counts (2, K), none of whose rows and columns is all zeros."""
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    return float(((table - expected) ** 2 / expected).sum())
