"""Distances between a sample's phase histograms and the reference's, from counts alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]

PSEUDO_COUNTS = 10.0
"""Readings of the reference mixed into every histogram: takes the small-sample bias of both distances away."""


def kolmogorov_smirnov(counts: NDArray[Any], reference: Floats) -> Floats:
    """Kolmogorov-Smirnov statistic over the bins, per phase, averaged with the observed counts as weights.

    Parameters
    ----------
    counts : (n, f, K, B)
        Cells per bin; the histograms of n samples.
    reference : (f, K, B)
        The reference's cells per bin. A phase without any is left out.

    Returns
    -------
    (n, f)
        In [0, 1]; 0 where nothing can be compared.
    """
    return _averaged(counts, reference, False)


def jensen_shannon(counts: NDArray[Any], reference: Floats) -> Floats:
    """Jensen-Shannon divergence (base 2, not its root) over the bins; see :func:`kolmogorov_smirnov`.

    References
    ----------
    Lin (1991), Divergence measures based on the Shannon entropy, IEEE Trans. Inf. Theory 37(1), 145-151.
    """
    return _averaged(counts, reference, True)


def _averaged(counts: NDArray[Any], reference: Floats, entropic: bool) -> Floats:
    out = np.zeros(counts.shape[:2])
    usual = reference.sum(axis=-1, keepdims=True)
    shares = np.ascontiguousarray(reference / np.where(usual > 0.0, usual, 1.0))
    _averaged_into(counts, shares, entropic, out)
    return out


@njit(cache=True, nogil=True)
def _averaged_into(
    counts: NDArray[Any], shares: Floats, entropic: bool, out: Floats
) -> None:  # pragma: no cover - compiled
    n, sensors, phases, _ = counts.shape
    for i in range(n):
        for j in range(sensors):
            weighted = weight = 0.0
            for k in range(phases):
                seen = usual = 0.0
                for b in range(counts.shape[3]):
                    seen += counts[i, j, k, b]
                    usual += shares[j, k, b]
                if seen == 0.0 or usual == 0.0:
                    continue
                if entropic:
                    distance = _entropic(counts[i, j, k], shares[j, k], seen, usual)
                else:
                    distance = _leading(counts[i, j, k], shares[j, k], seen)
                weighted += seen * min(max(distance, 0.0), 1.0)
                weight += seen
            if weight > 0.0:
                out[i, j] = weighted / weight


@njit(cache=True, nogil=True)
def _leading(counts: NDArray[Any], shares: Floats, seen: float) -> float:  # pragma: no cover - compiled
    """Of one histogram: how far its cumulated shares lie from the reference's."""
    distance = lead = 0.0
    for b in range(counts.shape[0]):
        q = shares[b]
        lead += (counts[b] + PSEUDO_COUNTS * q) / (seen + PSEUDO_COUNTS) - q
        distance = max(distance, abs(lead))
    return distance


@njit(cache=True, nogil=True)
def _entropic(counts: NDArray[Any], shares: Floats, seen: float, usual: float) -> float:  # pragma: no cover - compiled
    """Most bins of a phase hold no reading, and of those one logarithm is enough: their p is in proportion to q."""
    per_reading = 1.0 / (seen + PSEUDO_COUNTS)
    distance, empty = 0.0, usual
    for b in range(counts.shape[0]):
        if counts[b] == 0:
            continue
        q = shares[b]
        p = (counts[b] + PSEUDO_COUNTS * q) * per_reading
        m = 0.5 * (p + q)
        distance += 0.5 * p * np.log2(p / m)
        if q > 0.0:
            distance += 0.5 * q * np.log2(q / m)
            empty -= q
    share = PSEUDO_COUNTS * per_reading
    middle = 0.5 * (share + 1.0)
    return float(distance + max(empty, 0.0) * 0.5 * (share * np.log2(share / middle) - np.log2(middle)))
