"""A budget of flags: p-values against a reference, and the level at which all kinds together keep the budget."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def p_values(statistic: Floats, reference: Floats) -> Floats:
    """Conformal p-values (n,) of statistics that are large where something is unusual.

    Parameters
    ----------
    statistic : (n,)
        NaN is not unusual: its p-value is 1.
    reference : (m,)
        Statistics of samples in which nothing is wrong, none of them seen by what gave it; NaN where it is not known,
        minus infinity where a sample cannot be flagged by it.

    Returns
    -------
    (n,)
        ``(1 + how many of the reference are as large) / (m + 1)``: of fresh exchangeable samples no more than a
        share p has a p-value of p or less. Vovk, Gammerman & Shafer (2005), Algorithmic Learning in a Random World.

    Examples
    --------
    >>> p_values(np.array([0.0, 3.0, 9.0, np.nan]), np.array([1.0, 2.0, 3.0, 4.0])).tolist()
    [1.0, 0.6, 0.2, 1.0]
    """
    ordered = np.sort(reference[~np.isnan(reference)])
    as_large = len(ordered) - np.searchsorted(ordered, statistic, side="left")
    p = (1.0 + as_large) / (len(ordered) + 1.0)
    return np.where(np.isnan(statistic), 1.0, p)


def joint_level(references: Sequence[Floats], budget: float) -> float:
    """The p-value that flags a sample, one for all kinds, found from samples in which nothing is wrong.

    Parameters
    ----------
    references
        One array (m,) for each kind, of the same m samples, as in :func:`p_values`.
    budget
        Share of the samples that may be flagged by one kind or another, in (0, 1).

    Returns
    -------
    float
        The largest level that keeps the budget, each sample against the others; kinds that agree cost once. 0, so that
        nothing is flagged, where the samples are too few.

    Examples
    --------
    >>> same = np.arange(100.0)
    >>> joint_level([same], 0.05), joint_level([same, same], 0.05), joint_level([same, -same], 0.05)
    (0.05, 0.05, 0.02)
    >>> joint_level([same[:10]], 0.05)
    0.0
    """
    m = len(references[0])
    p = np.min([_against_others(kind) for kind in references], axis=0)
    allowed = int(budget * (m + 1) + 1e-9)
    for level in np.unique(p[p < 1.0])[::-1]:
        if int(np.sum(p <= level)) <= allowed:
            return float(level)
    return 0.0


def _against_others(kind: Floats) -> Floats:
    """The p-value of each sample with the others as its reference."""
    known = kind[~np.isnan(kind)]
    ordered = np.sort(known)
    as_large = len(known) - np.searchsorted(ordered, kind, side="left")  # itself among them
    return np.where(np.isnan(kind), 1.0, as_large / max(len(known), 1))
