"""How much longer the mean of correlated samples takes to settle: long-run variance factors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LAGS = 60


def variance_factors(series: Floats) -> Floats:
    """Variance of a mean over that of as many independent samples: ``1 + 2 sum of autocorrelations``.

    The sum of pairs is Geyer's initial positive sequence, made monotone, and ends at a pair within its own standard
    error of nothing: summing on while noise happens to be positive makes independent samples look correlated (1.13 on
    average of 200), and a window test too timid. The autocorrelations are corrected for what the estimated mean takes.

    Parameters
    ----------
    series : (n, c)
        Consecutive samples of c series.

    Returns
    -------
    (c,)
        1 for independent samples and for a constant series.

    References
    ----------
    Geyer (1992), Practical Markov chain Monte Carlo, Statistical Science 7(4), 473-483.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> noise = rng.normal(size=(4000, 1))
    >>> remembering = noise.copy()
    >>> for i in range(1, 4000):
    ...     remembering[i] = 0.5 * remembering[i - 1] + noise[i]
    >>> [round(float(variance_factors(s)[0])) for s in (noise, remembering)]
    [1, 3]
    """
    n = series.shape[0]
    centred = series - series.mean(axis=0)
    lags = min(LAGS, n - 2)
    size = 1 << int(np.ceil(np.log2(n + lags + 1)))
    spectrum = np.fft.rfft(centred, size, axis=0)
    covariances = np.fft.irfft(np.abs(spectrum) ** 2, size, axis=0)[: lags + 1]
    moving = covariances[0] > 1e-18 * n
    rho = covariances / np.where(moving, covariances[0], 1.0)
    short = _initial_sequence(rho, n) / n
    corrected = (rho + short) / (1.0 + short)
    corrected[0] = 1.0
    return np.where(moving, _initial_sequence(corrected, n), 1.0)


def _initial_sequence(rho: Floats, n: int) -> Floats:
    """``1 + 2 sum rho`` (c,) of autocorrelations (lags + 1, c) by the initial positive monotone sequence of pairs."""
    noise = np.sqrt(2.0 / n)
    pairs = rho[: len(rho) // 2 * 2].reshape(-1, 2, rho.shape[1]).sum(axis=1)
    positive = np.logical_and.accumulate(pairs > noise, axis=0)
    monotone = np.minimum.accumulate(pairs, axis=0)
    return np.asarray(np.maximum(2.0 * np.where(positive, monotone, 0.0).sum(axis=0) - 1.0, 0.05))
