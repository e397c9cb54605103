"""Divergences of two histograms over shared bins, along the last axis.

An empty histogram says nothing: its divergence is NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.number[Any]]

PSEUDO_COUNT = 0.5
"""Added to every bin of both histograms before a logarithm of a ratio is taken: an empty bin stays finite."""


def js_divergence(p: Counts, q: Counts) -> Floats:
    """Jensen-Shannon divergence in bits, in [0, 1]; SciPy's `jensenshannon` is its square root.

    Parameters
    ----------
    p, q : (..., bins)
        Counts over the same bins; leading axes broadcast.

    References
    ----------
    Lin (1991), Divergence measures based on the Shannon entropy, IEEE Trans. Inf. Theory 37(1), 145-151.

    Examples
    --------
    >>> float(js_divergence(np.array([5, 0]), np.array([0, 3])))
    1.0
    """
    a, b = _shares(p), _shares(q)
    middle = 0.5 * (a + b)
    bits = 0.5 * (_surprise(a, middle) + _surprise(b, middle)) / np.log(2.0)
    return np.asarray(np.clip(bits, 0.0, 1.0))


def kl_divergence(p: Counts, q: Counts) -> Floats:
    """Kullback-Leibler divergence of `p` from `q` in nats, both smoothed alike by `PSEUDO_COUNT`; not symmetric.

    References
    ----------
    Kullback & Leibler (1951), On information and sufficiency, Ann. Math. Statist. 22(1), 79-86.

    Examples
    --------
    >>> round(float(kl_divergence(np.array([8, 2]), np.array([5, 5]))), 4)
    0.1572
    """
    return np.asarray(np.maximum(_surprise(_smoothed(p), _smoothed(q)), 0.0))


def population_stability(p: Counts, q: Counts) -> Floats:
    """Population stability index: the sum of both Kullback-Leibler divergences, in nats, smoothed alike.

    References
    ----------
    Siddiqi (2006), Credit Risk Scorecards, Wiley.

    Examples
    --------
    >>> float(population_stability(np.array([4, 4]), np.array([4, 4])))
    0.0
    """
    a, b = _smoothed(p), _smoothed(q)
    return np.asarray(((a - b) * np.log(a / b)).sum(axis=-1))


def ks_distance(p: Counts, q: Counts) -> Floats:
    """Kolmogorov-Smirnov distance at the bins' edges, in [0, 1].

    Examples
    --------
    >>> float(ks_distance(np.array([3, 1, 0]), np.array([1, 1, 2])))
    0.5
    """
    return np.asarray(np.minimum(np.abs(np.cumsum(_shares(p) - _shares(q), axis=-1)).max(axis=-1), 1.0))


def wasserstein_distance(p: Counts, q: Counts) -> Floats:
    """Wasserstein-1 (earth mover's) distance in bins.

    Examples
    --------
    >>> float(wasserstein_distance(np.array([4, 0, 0]), np.array([0, 0, 2])))
    2.0
    """
    return np.asarray(np.abs(np.cumsum(_shares(p) - _shares(q), axis=-1))[..., :-1].sum(axis=-1))


def _shares(counts: Counts) -> Floats:
    values = np.asarray(counts, dtype=np.float64)
    total = values.sum(axis=-1, keepdims=True)
    return np.asarray(values / np.where(total > 0.0, total, np.nan))


def _smoothed(counts: Counts) -> Floats:
    values = np.asarray(counts, dtype=np.float64)
    total = values.sum(axis=-1, keepdims=True)
    smoothed = (values + PSEUDO_COUNT) / (total + PSEUDO_COUNT * values.shape[-1])
    return np.asarray(np.where(total > 0.0, smoothed, np.nan))


def _surprise(a: Floats, b: Floats) -> Floats:
    """Sum of ``a log(a / b)`` over the bins, of which an empty one adds nothing."""
    ratio = np.where(a > 0.0, a, 1.0) / np.where(a > 0.0, b, 1.0)
    terms = np.where(a > 0.0, a * np.log(ratio), 0.0 * a)
    return np.asarray(terms.sum(axis=-1))


DIVERGENCES: MappingProxyType[str, Callable[[Counts, Counts], Floats]] = MappingProxyType(
    {
        "jsd": js_divergence,
        "kl": kl_divergence,
        "psi": population_stability,
        "ks": ks_distance,
        "wasserstein": wasserstein_distance,
    }
)
"""Divergences by the name that a process file gives them."""
