"""The directions in which a drift may show: single innovations, what a sensor shows alone, what all share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]

TYPES = ("mean", "spread", "roughness", "slope", "upper_tail", "lower_tail", "residual_spread", "correlation")
"""Types of innovation: the seven features and the changed correlation."""

LEVEL_SHARE = 0.45
"""Prior share of drifts that move a mean: nearly every second one."""

_FOLDS = 10
_SD_FLOOR = 1e-3


@dataclass(frozen=True, slots=True)
class Contrasts:
    """Fitted contrasts of the innovations of 8 types and f sensors; q = 2 * 8f + 8.

    Attributes
    ----------
    conditional : (8, f, f)
        Row j turns the innovations of a type into what sensor j shows beyond the others.
    common : (8,)
        Scale of a type's sum over sensors.
    mean, sd : (q,)
        Standardisation on the reference.
    """

    conditional: Floats
    common: Floats
    mean: Floats
    sd: Floats

    @property
    def sensors(self) -> int:
        """Number of sensors."""
        return int(self.conditional.shape[1])


def contrast_weights(sensors: int, level_share: float = LEVEL_SHARE) -> Floats:
    """Prior weights (q,): a third each for innovations, conditional innovations and common modes.

    Parameters
    ----------
    level_share
        Of each third, what the means have; the other types share the rest alike.

    Examples
    --------
    >>> weights = contrast_weights(4)
    >>> round(float(weights[-8]), 4), round(float(weights[-7:].sum()), 4)
    (0.15, 0.1833)
    """
    types = len(TYPES)
    of_type = np.full(types, (1.0 - level_share) / (types - 1))
    of_type[0] = level_share
    single = np.repeat(of_type / sensors, sensors)
    return np.concatenate([single, single, of_type]) / 3.0


def contrast_name(index: int, sensors: int) -> tuple[str, str, int | None]:
    """Kind, type and sensor of a contrast; a common mode names no sensor.

    Examples
    --------
    >>> contrast_name(67, 8)
    ('conditional', 'mean', 3)
    >>> contrast_name(135, 8)
    ('common', 'correlation', None)
    """
    single = len(TYPES) * sensors
    if index >= 2 * single:
        return "common", TYPES[index - 2 * single], None
    kind = "innovation" if index < single else "conditional"
    return kind, TYPES[index % single // sensors], index % sensors


def fit_contrasts(innovations: Floats) -> tuple[Contrasts, Floats]:
    """Fit on the reference's standardised innovations (n, 8, f) and return its contrasts (n, q) as well."""
    _, types, sensors = innovations.shape
    correlation = shrunk_correlation(innovations.transpose(1, 0, 2))
    conditional = conditioning(correlation)
    common = np.sqrt(np.maximum(correlation.sum(axis=(1, 2)), 0.05))
    size = 2 * types * sensors + types
    raw = contrast(Contrasts(conditional, common, np.zeros(size), np.ones(size)), innovations)
    mean, sd = raw.mean(axis=0), np.maximum(raw.std(axis=0), _SD_FLOOR)
    return Contrasts(conditional, common, mean, sd), (raw - mean) / sd


def contrast(fitted: Contrasts, innovations: Floats) -> Floats:
    """Standardised contrasts (n, q) of innovations (n, 8, f): singles and conditional ones type-major, then commons."""
    out = np.empty((innovations.shape[0], fitted.mean.shape[0]))
    _contrast(innovations, fitted.conditional, fitted.common, fitted.mean, fitted.sd, out)
    return out


def conditioning(correlation: Floats) -> Floats:
    """Matrices ``P_ja / sqrt(P_jj)``, P the inverse of each (..., f, f) correlation."""
    precision = np.linalg.inv(correlation)
    return np.ascontiguousarray(precision / np.sqrt(np.diagonal(precision, axis1=-2, axis2=-1))[..., None])


def shrunk_correlation(values: Floats) -> Floats:
    """Correlation (..., f, f) of uncentred values (..., n, f), shrunk towards the identity, with unit diagonal.

    References
    ----------
    Ledoit & Wolf (2004), A well-conditioned estimator for large-dimensional covariance matrices, J. Multivariate
    Analysis 88, 365-411. The intensity is kept in [0.01, 1].
    """
    n, sensors = values.shape[-2:]
    covariance = np.swapaxes(values, -1, -2) @ values / n
    identity = np.eye(sensors)
    fourth = ((values * values).sum(axis=-1) ** 2).mean(axis=-1)
    noise = (fourth - (covariance**2).sum(axis=(-1, -2))) / n
    distance = ((covariance - identity) ** 2).sum(axis=(-1, -2))
    intensity = np.clip(noise / np.maximum(distance, 1e-300), 0.01, 1.0)[..., None, None]
    shrunk = (1.0 - intensity) * covariance + intensity * identity
    scale = np.sqrt(np.diagonal(shrunk, axis1=-2, axis2=-1))
    return np.asarray(shrunk / (scale[..., :, None] * scale[..., None, :]))


def correlation_change(omega: Floats, innovations: Floats) -> Floats:
    """What each sensor shows beyond the others, ``|x|^(2/3)`` (n, f): it grows when the correlation changes."""
    out = np.empty(innovations.shape)
    _correlation_change(innovations, omega, out)
    return out


def crossfitted_correlation_change(innovations: Floats) -> tuple[Floats, Floats]:
    """Conditioning (f, f) of the whole reference, and the reference's values (n, f), each from the other nine folds."""
    n = innovations.shape[0]
    out = np.empty(innovations.shape)
    fold = np.arange(n) * _FOLDS // n
    for held_out in (fold == k for k in range(_FOLDS)):
        rest = conditioning(shrunk_correlation(innovations[~held_out]))
        out[held_out] = correlation_change(rest, innovations[held_out])
    return conditioning(shrunk_correlation(innovations)), out


@njit(cache=True, nogil=True)
def _correlation_change(innovations: Floats, omega: Floats, out: Floats) -> None:  # pragma: no cover - compiled
    n, sensors = innovations.shape
    for i in range(n):
        for j in range(sensors):
            total = 0.0
            for a in range(sensors):
                total += omega[j, a] * innovations[i, a]
            out[i, j] = np.abs(total) ** (2.0 / 3.0)


@njit(cache=True, nogil=True)
def _contrast(
    innovations: Floats, conditional: Floats, common: Floats, mean: Floats, sd: Floats, out: Floats
) -> None:  # pragma: no cover - compiled
    n, types, sensors = innovations.shape
    single = types * sensors
    for i in range(n):
        for g in range(types):
            total = 0.0
            for j in range(sensors):
                k = g * sensors + j
                total += innovations[i, g, j]
                out[i, k] = (innovations[i, g, j] - mean[k]) / sd[k]
                beyond = 0.0
                for a in range(sensors):
                    beyond += conditional[g, j, a] * innovations[i, g, a]
                k += single
                out[i, k] = (beyond - mean[k]) / sd[k]
            k = 2 * single + g
            out[i, k] = (total / common[g] - mean[k]) / sd[k]
