"""From five dimensions a sensor to one score a sample."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.errors import DataError

Floats = NDArray[np.float64]

_EXPLAINED = 0.8
_LARGEST_ALLOWANCE = 0.95


def over_sensors(u: Floats, known: NDArray[np.bool_]) -> Floats:
    """Mean of the average and of the worst sensor.

    Parameters
    ----------
    u : (n, d, f)
        Dimensions per sensor in [0, 1].
    known : (f,)
        Sensors that can be judged; if there is none, everything is 0.

    Returns
    -------
    (n, d)
        In [0, 1].
    """
    if not known.any():
        return np.zeros(u.shape[:2])
    judged = u[:, :, known]
    pooled: Floats = (judged.mean(axis=2) + judged.min(axis=2)) / 2
    return pooled


def fit_allowances(pooled: Floats) -> Floats:
    """What clean samples miss by themselves: 95th percentile of 1 - D per dimension, at most 0.95; (n, d) to (d,)."""
    return np.minimum(np.quantile(1.0 - pooled, 0.95, axis=0), _LARGEST_ALLOWANCE)


def beyond_allowance(pooled: Floats, allowances: Floats) -> Floats:
    """D*: 1 within the allowance, then falling steeply at first. (n, d) in [0, 1]."""
    beyond = (1.0 - pooled - allowances) / (1.0 - allowances)
    return 1.0 - np.sqrt(np.clip(beyond, 0.0, 1.0))


def pca_weights(dimensions: Floats) -> Floats:
    """Weights by the variance each dimension takes part in: sum over leading components of eigenvalue x loading^2.

    As many components as reach 80 % of the variance of the standardised dimensions. Never negative, so that the score
    cannot fall when a dimension improves; equal if nothing varies.

    Parameters
    ----------
    dimensions : (n, d)

    Returns
    -------
    (d,)
        Summing to 1.
    """
    count = dimensions.shape[1]
    sd = dimensions.std(axis=0)
    varies = sd > 1e-9
    if not varies.any():
        return np.full(count, 1.0 / count)
    z = np.where(varies, (dimensions - dimensions.mean(axis=0)) / np.where(varies, sd, 1.0), 0.0)
    values, vectors = np.linalg.eigh(z.T @ z / len(z))
    values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
    share = np.cumsum(values) / values.sum()
    leading = int(np.searchsorted(share, _EXPLAINED - 1e-12)) + 1
    weights = (vectors[:, :leading] ** 2) @ values[:leading]
    weighted: Floats = weights / weights.sum()
    return weighted


def first_component(dimensions: Floats) -> Floats:
    """Weights of the plain first principal component of the standardised dimensions; (n, d) to (d,).

    The sign is the one with which the weights add up to something positive, but single weights may be negative: a
    score made of them can fall when a dimension improves. Kept to reproduce arXiv 2512.19723.
    """
    sd = dimensions.std(axis=0)
    varies = sd > 1e-9
    if not varies.any():
        return _equal(dimensions)
    z = np.where(varies, (dimensions - dimensions.mean(axis=0)) / np.where(varies, sd, 1.0), 0.0)
    loadings = np.linalg.eigh(z.T @ z / len(z))[1][:, -1]
    weights: Floats = np.where(varies, loadings / np.where(varies, sd, 1.0), 0.0)
    return -weights if weights.sum() < 0 else weights


def _equal(dimensions: Floats) -> Floats:
    return np.full(dimensions.shape[1], 1.0 / dimensions.shape[1])


def _weighted(dimensions: Floats, weights: Floats) -> Floats:
    united: Floats = dimensions @ weights
    return united


def _worst(dimensions: Floats, _weights: Floats) -> Floats:
    united: Floats = dimensions.min(axis=1)
    return united


@dataclass(frozen=True, slots=True)
class Unifier:
    """How D* (n, d) becomes one number a sample.

    Attributes
    ----------
    weights
        Fits weights (d,) on D*.
    unite
        Maps D* and weights to (n,).
    monotone
        Whether it never falls when a dimension improves.
    """

    weights: Callable[[Floats], Floats]
    unite: Callable[[Floats, Floats], Floats]
    monotone: bool = True


UNIFIERS: Mapping[str, Unifier] = MappingProxyType(
    {
        "pca": Unifier(pca_weights, _weighted),
        "mean": Unifier(_equal, _weighted),
        "min": Unifier(_equal, _worst),
        "pc1": Unifier(first_component, _weighted, monotone=False),
    }
)


@dataclass(frozen=True, slots=True, eq=False)
class Unified:
    """How D* becomes the unified score: a unifier, its weights, and the two values mapped to 0 and 1."""

    unifier: str
    weights: Floats
    low: float
    high: float

    @classmethod
    def fit(cls, dimensions: Floats, unifier: str = "pca") -> Unified:
        """Fit on D* (n, d) of reference samples of which a fifth carry faults.

        Raises
        ------
        DataError
            If the unifier is not registered or there is no sample.
        """
        if unifier not in UNIFIERS:
            raise DataError(f"Unknown unifier {unifier!r}. Registered: {', '.join(UNIFIERS)}.")
        if len(dimensions) == 0:
            raise DataError("Expected at least one sample to fit the unified score on, found none")
        weights = UNIFIERS[unifier].weights(dimensions)
        low, high = np.quantile(UNIFIERS[unifier].unite(dimensions, weights), (0.005, 0.995))
        return cls(unifier, weights, float(low), float(high))

    def __call__(self, dimensions: Floats) -> Floats:
        """Unified score (n,) in [0, 1] of D* (n, d)."""
        united = UNIFIERS[self.unifier].unite(dimensions, self.weights)
        if self.high - self.low < 1e-9:
            return np.clip(united, 0.0, 1.0)
        return np.clip((united - self.low) / (self.high - self.low), 0.0, 1.0)
