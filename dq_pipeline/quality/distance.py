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
    _averaged_into(np.ascontiguousarray(counts, dtype=np.float64), np.ascontiguousarray(reference), entropic, out)
    return out


@njit(cache=True, nogil=True)
def _averaged_into(
    counts: Floats, reference: Floats, entropic: bool, out: Floats
) -> None:  # pragma: no cover - compiled
    n, sensors, phases, bins = counts.shape
    for i in range(n):
        for j in range(sensors):
            weighted = weight = 0.0
            for k in range(phases):
                seen = usual = 0.0
                for b in range(bins):
                    seen += counts[i, j, k, b]
                    usual += reference[j, k, b]
                if seen == 0.0 or usual == 0.0:
                    continue
                distance = lead = 0.0
                for b in range(bins):
                    q = reference[j, k, b] / usual
                    p = (counts[i, j, k, b] + PSEUDO_COUNTS * q) / (seen + PSEUDO_COUNTS)
                    if entropic:
                        m = 0.5 * (p + q)
                        if p > 0.0:
                            distance += 0.5 * p * np.log2(p / m)
                        if q > 0.0:
                            distance += 0.5 * q * np.log2(q / m)
                    else:
                        lead += p - q
                        distance = max(distance, abs(lead))
                weighted += seen * min(max(distance, 0.0), 1.0)
                weight += seen
            if weight > 0.0:
                out[i, j] = weighted / weight
