"""Samples that are there already, and samples that have nothing in common with any other."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.feedback.novelty import Novelty

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

NEARER = 0.1
"""Of the quantile: closer than usual samples ever are."""
ALONE = 10.0
"""Times the usual distance to the nearest, from which nothing is like a sample."""
LEAST = 40
"""Samples below which there is no usual distance."""


def exact(values: Floats) -> NDArray[np.int64]:
    """Position of the first sample with the same readings (n,); its own where it is the first.

    Parameters
    ----------
    values : (n, T, f)
        Horizon rows; NaN is missing, and the same as any other NaN.

    Examples
    --------
    >>> exact(np.array([[[1.0]], [[np.nan]], [[1.0]], [[-np.nan]]])).tolist()
    [0, 1, 0, 1]
    """
    first: dict[bytes, int] = {}
    canonical = np.where(np.isnan(values), np.nan, values) + 0.0
    return np.array(
        [first.setdefault(hashlib.sha256(one.tobytes()).digest(), i) for i, one in enumerate(canonical)], np.int64
    )


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """Distances within n samples in standardised, whitened feature space.

    Attributes
    ----------
    all : (n, n)
        Distances; infinite to itself.
    distance : (n,)
        To the nearest other sample.
    before_distance : (n,)
        The distance to the nearest earlier one; infinite for the first.
    usual : (3,)
        Distance to the nearest of any sample: the asked quantile, the 95 % and the 99 % one.
    """

    all: Floats
    distance: Floats
    before_distance: Floats
    usual: Floats

    @property
    def same(self) -> float:
        """Distance below which a sample counts as one that is there."""
        return NEARER * float(self.usual[0])

    def to(self, these: Mask, others: Mask) -> Floats:
        """Distance from each of these to the nearest of the others."""
        return np.asarray(self.all[np.ix_(these, others)].min(axis=1), dtype=np.float64)

    @property
    def alone(self) -> float:
        """Distance beyond which a sample has nothing in common with any other."""
        return ALONE * float(self.usual[2])


def neighbours(features: Floats, sensor: NDArray[np.int64], quantile: float) -> Neighbours | None:
    """Who is near to whom among features (n, k) in time order; None for fewer than 40 samples.

    Parameters
    ----------
    sensor : (k,)
        Which sensor each feature is of.
    quantile
        Of the distances to the nearest that counts as close.
    """
    n = len(features)
    if n < LEAST:
        return None
    space = Novelty.fit(features, sensor)
    white = space.standardised(features) @ space.whiten
    squares = (white**2).sum(axis=1)
    between = squares[:, None] + squares - 2.0 * (white @ white.T)
    np.fill_diagonal(between, np.inf)
    distances = np.sqrt(np.maximum(between, 0.0))
    earlier = np.where(np.tri(n, k=-1, dtype=np.bool_), distances, np.inf)
    distance = distances.min(axis=1)
    apart = distance[distance > 1e-6]  # copies say nothing of how near samples usually lie
    usual = np.quantile(apart, (quantile, 0.95, 0.99)) if len(apart) else np.zeros(3)
    return Neighbours(distances, distance, earlier.min(axis=1), usual)
