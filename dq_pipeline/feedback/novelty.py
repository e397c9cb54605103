"""How far a sample lies from what a release learned from: a distance to neighbours, whatever the correlations.

Features are standardised robustly and whitened with a shrunk covariance, so that a hundred features that say the same
count once; the score is the mean distance to the nearest reference samples, so that several regimes may be usual.
A sensor that shows nothing is one more feature: usual where it was so in the reference, far away where it was not.

References
----------
Ramaswamy, Rastogi & Shim (2000), Efficient Algorithms for Mining Outliers, SIGMOD; Chen, Wiesel, Eldar & Hero (2010),
Shrinkage Algorithms for MMSE Covariance Estimation, IEEE TSP 58(10), arXiv 0907.4698 (OAS).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import oas

from dq_pipeline.errors import DataError

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

NEIGHBOURS = 5
MOST_POINTS = 500
"""The newest of the reference that distances are taken to."""
_FAR = 20.0
"""Standard deviations beyond which a feature lies no farther."""
_MISSING_FLOOR = 0.1
_Q90_TO_SD = 2.563
_RIDGE = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Novelty:
    """A reference in feature space.

    Attributes
    ----------
    sensor : (k,)
        Which of the f sensors each feature is of.
    centre, scale : (k,)
        Median and robust sd of the features.
    missing, missing_scale : (f,)
        Share of a sensor's features that is missing in the reference, and its sd, at least 0.1.
    whiten : (k + f, k + f)
        From standardised features to white ones.
    precision : (k + f, k + f)
        Inverse of the shrunk covariance.
    points : (N, k + f)
        The reference, standardised; `white` the same after whitening.
    """

    sensor: Indices
    centre: Floats
    scale: Floats
    missing: Floats
    missing_scale: Floats
    whiten: Floats
    precision: Floats
    points: Floats
    white: Floats

    @classmethod
    def fit(cls, features: Floats, sensor: Indices) -> Novelty:
        """Take features (N, k), NaN where missing, of samples in time order as the reference.

        Raises
        ------
        DataError
            If there are fewer than 20.
        """
        if len(features) < 20:
            raise DataError(f"at least 20 samples expected as a reference of novelty, found {len(features)}")
        features = features[-MOST_POINTS:]
        seen = np.isfinite(features)
        filled = np.where(seen, features, np.nan)
        known = seen.any(axis=0)
        low, centre, high = np.zeros((3, features.shape[1]))
        low[known], centre[known], high[known] = np.nanquantile(filled[:, known], (0.1, 0.5, 0.9), axis=0)
        spread = np.zeros(features.shape[1])
        spread[known] = np.nanstd(filled[:, known], axis=0)
        scale = np.where(high > low, (high - low) / _Q90_TO_SD, spread)
        scale = np.where(scale > 1e-9, scale, 1.0)
        gone = _missing(seen, sensor)
        missing, missing_scale = gone.mean(axis=0), np.maximum(gone.std(axis=0), _MISSING_FLOOR)
        points = _standardised(features, sensor, centre, scale, missing, missing_scale)
        values, vectors = np.linalg.eigh(oas(points)[0])
        whiten = vectors / np.sqrt(values + _RIDGE)
        return cls(
            sensor=sensor.astype(np.int64),
            centre=centre,
            scale=scale,
            missing=missing,
            missing_scale=missing_scale,
            whiten=whiten,
            precision=whiten @ whiten.T,
            points=points,
            white=points @ whiten,
        )

    def standardised(self, features: Floats) -> Floats:
        """Features (n, k) and missing shares as the distances see them: (n, k + f)."""
        return _standardised(features, self.sensor, self.centre, self.scale, self.missing, self.missing_scale)

    def distances(self, standardised: Floats) -> Floats:
        """Distances (n, N) to every reference sample."""
        white = standardised @ self.whiten
        squares = (white**2).sum(axis=1)[:, None] + (self.white**2).sum(axis=1) - 2.0 * (white @ self.white.T)
        return np.asarray(np.sqrt(np.maximum(squares, 0.0)), dtype=np.float64)

    def score(self, features: Floats) -> Floats:
        """Mean distance (n,) to the nearest reference samples; see :func:`nearest`."""
        return nearest(self.distances(self.standardised(features)))[1]

    def drivers(self, standardised: Floats, neighbours: Indices) -> Floats:
        """Share (n, f) of each sensor in what sets samples apart from their neighbours; sums to 1.

        A feature's part in the squared distance is its difference times what the others do not explain of it: a sensor
        that moved alone is named, and not those it is correlated with, which stayed.
        """
        apart = standardised - self.points[neighbours].mean(axis=1)
        parts = np.maximum(apart * (apart @ self.precision), 0.0)
        f, n = len(self.missing), len(apart)
        found = parts[:, len(self.sensor) :].copy()
        for j in range(f):
            found[:, j] += parts[:, : len(self.sensor)][:, self.sensor == j].sum(axis=1)
        total = found.sum(axis=1, keepdims=True)
        shares = np.divide(found, total, out=np.full((n, f), 1.0 / f), where=total > 0.0)
        return np.asarray(shares, dtype=np.float64)


def nearest(distances: Floats, count: int = NEIGHBOURS) -> tuple[Indices, Floats]:
    """The `count` nearest of N reference samples (n, count), and the mean distance (n,) to them."""
    count = min(count, distances.shape[1])
    chosen = np.argpartition(distances, count - 1, axis=1)[:, :count]
    return chosen, np.take_along_axis(distances, chosen, axis=1).mean(axis=1)


def _standardised(
    features: Floats, sensor: Indices, centre: Floats, scale: Floats, missing: Floats, missing_scale: Floats
) -> Floats:
    seen = np.isfinite(features)
    z = np.clip(np.where(seen, (features - centre) / scale, 0.0), -_FAR, _FAR)
    gone = (_missing(seen, sensor, len(missing)) - missing) / missing_scale
    return np.concatenate([z, gone], axis=1)


def _missing(seen: NDArray[np.bool_], sensor: Indices, count: int | None = None) -> Floats:
    f = int(sensor.max()) + 1 if count is None else count
    member = np.equal.outer(sensor, np.arange(f)).astype(np.float64)
    return np.asarray((~seen) @ member / np.maximum(member.sum(axis=0), 1.0), dtype=np.float64)
