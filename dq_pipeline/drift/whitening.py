"""Prewhitening: an autoregression per feature, so that what is left can be treated as independent."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

Floats = NDArray[np.float64]

ORDER = 5
_STILL = 1e-9


@dataclass(frozen=True, slots=True)
class Whitening:
    """Fitted autoregressions.

    Attributes
    ----------
    coefficients : (5, c)
        Of the lags 1 to 5; zero beyond the order chosen.
    mean, sd : (c,)
        Standardisation of the innovations.
    alike : (sensors,)
        Sensors of one label share their coefficients; empty in detectors fitted before there were any.
    """

    coefficients: Floats
    mean: Floats
    sd: Floats
    alike: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))


def fit_whitening(
    z: Floats, sensors: int, sd_floor: float, rests: NDArray[np.bool_], alike: NDArray[np.int64]
) -> tuple[Whitening, Floats, Floats]:
    """Fit the autoregressions of the reference's scores.

    Parameters
    ----------
    z : (n, c)
        Scores of the reference, columns type-major: c is a multiple of `sensors`.
    sensors
        Over how many neighbouring columns the autocorrelations of a type are pooled.
    sd_floor
        Smallest scale of an innovation.
    rests : (c,)
        Columns that hardly ever moved: they keep the scale of their scores, and of what is rare nothing is remembered.
    alike : (sensors,)
        Those of one label remember alike, see :func:`determined`.

    Returns
    -------
    Whitening
    (n, c)
        Standardised innovations, filtered from zero lags: the first five are warming up.
    (n, c)
        The innovations before standardising.
    """
    r = shared(pooled(autocorrelations(z), z.shape[0], sensors), alike)
    coefficients = autoregression(r, z.shape[0])
    coefficients[:, rests] = 0.0
    residual = z.copy()
    for lag in range(1, ORDER + 1):
        residual[lag:] -= coefficients[lag - 1] * z[:-lag]
    settled = residual[ORDER:]
    mean = settled.mean(axis=0)
    sd = np.maximum(settled.std(axis=0), np.where(rests, 1.0, sd_floor))
    return Whitening(coefficients, mean, sd, alike), (residual - mean) / sd, residual


def whiten(fitted: Whitening, z: Floats, lags: Floats) -> Floats:
    """Standardised innovations (n, c) of scores `z` (n, c) that follow the scores `lags` (5, c), oldest first."""
    out = np.empty(z.shape)
    _whiten(np.concatenate((lags, z)), fitted.coefficients, fitted.mean, fitted.sd, out)
    return out


def autocorrelations(z: Floats) -> Floats:
    """Autocorrelations (5, c) at lags 1 to 5 of centred columns `z` (n, c), corrected for their small-sample bias."""
    n = z.shape[0]
    variance = np.einsum("nc,nc->c", z, z)
    scale = np.where(variance > 1e-12, variance, 1.0)
    r = np.stack([np.einsum("nc,nc->c", z[lag:], z[:-lag]) / scale for lag in range(1, ORDER + 1)])
    first = np.clip(r[0], 0.0, 0.9)
    inflation = (1.0 + first) / (1.0 - first)
    lags = np.arange(1, ORDER + 1)[:, None]
    return np.asarray(np.minimum(r + (inflation * (1.0 - r) + 3.0 * lags * r) / n, 0.98))


def pooled(r: Floats, n: int, sensors: int) -> Floats:
    """Autocorrelations (5, c) drawn towards the mean over each type's sensors, as far as sampling noise explains."""
    if sensors <= 2:
        return r
    by_type = r.reshape(ORDER, -1, sensors)
    first = by_type[0]
    between = first.var(axis=1, ddof=1)
    noise = (1.0 - first.mean(axis=1) ** 2) / n + 1e-6
    weight = np.minimum(1.0, noise / np.maximum(between, 1e-300))[:, None]
    drawn = weight * by_type.mean(axis=2, keepdims=True) + (1.0 - weight) * by_type
    return np.asarray(drawn.reshape(r.shape))


def determined(levels: Floats) -> NDArray[np.int64]:
    """Labels (f,) of sensors: one for those of which each follows from the others, as the categories of a sensor do.

    What is always nothing between their levels would come back as soon as each forgot at its own pace: a contrast of
    tiny spread that follows the levels for as long as they stay.

    Parameters
    ----------
    levels : (n, f)
        Samples where one is missing are left out, and fewer than two for each sensor tell nothing.

    Examples
    --------
    >>> a, b = np.random.default_rng(0).normal(size=(2, 40))
    >>> determined(np.stack([a, b, a**2, 3.0 - a - b], axis=1)).tolist()
    [0, 0, 1, 0]
    """
    known = levels[np.isfinite(levels).all(axis=1)]
    sensors = levels.shape[1]
    if len(known) < 2 * sensors:
        return np.arange(sensors)
    spread = known.std(axis=0)
    moving = np.flatnonzero(spread > _STILL)
    scaled = (known[:, moving] - known[:, moving].mean(axis=0)) / spread[moving]
    values, vectors = np.linalg.eigh(scaled.T @ scaled / len(known))
    nothing = vectors[:, values < _STILL]
    linked = np.eye(sensors, dtype=np.bool_)
    linked[np.ix_(moving, moving)] |= np.abs(nothing @ nothing.T) > 1e-6
    return np.asarray(connected_components(linked, directed=False)[1], dtype=np.int64)


def shared(r: Floats, alike: NDArray[np.int64]) -> Floats:
    """Autocorrelations (5, c), the mean of those of one label for each type."""
    by_type = r.reshape(ORDER, -1, len(alike)).copy()
    for label in np.flatnonzero(np.bincount(alike) > 1):
        by_type[:, :, alike == label] = by_type[:, :, alike == label].mean(axis=2, keepdims=True)
    return by_type.reshape(r.shape)


def autoregression(r: Floats, n: int) -> Floats:
    """Coefficients (5, c) of the order 1 to 5 that minimises n log v + 2 order, by Levinson's recursion."""
    columns = r.shape[1]
    current = np.zeros((ORDER, columns))
    best = np.zeros((ORDER, columns))
    best_criterion = np.full(columns, np.inf)
    variance = np.ones(columns)
    for order in range(1, ORDER + 1):
        known = current[: order - 1]
        partial = (r[order - 1] - (known * r[order - 2 :: -1][: order - 1]).sum(axis=0)) / variance
        partial = np.clip(partial, -0.97, 0.97)
        current[: order - 1] = known - partial * known[::-1]
        current[order - 1] = partial
        variance = variance * (1.0 - partial * partial)
        criterion = n * np.log(variance) + 2.0 * order
        better = criterion < best_criterion
        best = np.where(better, current, best)
        best_criterion = np.where(better, criterion, best_criterion)
    return best


@njit(cache=True, nogil=True)
def _whiten(
    series: Floats, coefficients: Floats, mean: Floats, sd: Floats, out: Floats
) -> None:  # pragma: no cover - compiled
    order = coefficients.shape[0]
    n, columns = out.shape
    for i in range(n):
        for c in range(columns):
            e = series[i + order, c]
            for lag in range(order):
                e -= coefficients[lag, c] * series[i + order - 1 - lag, c]
            out[i, c] = (e - mean[c]) / sd[c]
