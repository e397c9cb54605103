"""What few readings do to a distance: the deficit that a clean sample shows because it was seen so rarely."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.profile.kernel import BINS, COUNTERS
from dq_pipeline.profile.profile import Profile

Floats = NDArray[np.float64]

LEVELS = (1.0, 0.5, 0.25, 0.125)
"""Shares of the readings at which the deficits of the reference are known."""
DISTANCES = ("timeliness", "skewness")
"""Dimensions made of a distance between histograms, which grows as readings get fewer; the others are shares."""
_QUANTILE = 0.95


def thinned(profile: Profile, share: float, rng: np.random.Generator) -> Profile:
    """The profile as if each reading had arrived with probability `share`: only seen counts and histograms are.

    Parameters
    ----------
    share
        In (0, 1].
    """
    histogram = profile.histogram.astype(np.int64)
    histogram[..., :BINS] = rng.binomial(histogram[..., :BINS], share)
    counters = profile.counters.copy()
    counters[:, :, COUNTERS.index("seen")] = histogram[..., :BINS].sum(axis=(2, 3))
    return replace(profile, histogram=histogram, counters=counters)


def excess(full: Floats, rare: Floats) -> Floats:
    """How far the 95th percentile of the deficit rises as readings get fewer; (n, d, f) each to (d, f), at least 0."""
    rise = np.quantile(1.0 - rare, _QUANTILE, axis=0) - np.quantile(1.0 - full, _QUANTILE, axis=0)
    risen: Floats = np.maximum(rise, 0.0)
    return risen


def at_share(curve: Floats, share: Floats) -> Floats:
    """The excess at any share of readings: linear in its logarithm between `LEVELS`, held beyond the last.

    Parameters
    ----------
    curve : (levels, d, f)
        Excess at `LEVELS`.
    share : (n, f)
        Observed share of the readings that the reference usually has.

    Returns
    -------
    (n, d, f)
    """
    known = np.log2(np.array(LEVELS[::-1]))
    where = np.log2(np.clip(share, LEVELS[-1], LEVELS[0]))
    above = np.clip(np.searchsorted(known, where, side="right"), 1, len(known) - 1)
    part = (where - known[above - 1]) / (known[above] - known[above - 1])
    sensors = np.arange(share.shape[1])
    rising = curve[::-1]
    low, high = (rising[index, :, sensors[None, :]] for index in (above - 1, above))
    found: Floats = np.moveaxis(low + (high - low) * part[..., None], 2, 1)
    return found
