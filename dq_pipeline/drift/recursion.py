"""A self-starting mixture Shiryaev-Roberts statistic over all contrasts, of which only sums are kept.

References
----------
Pollak & Siegmund (1991), Sequential detection of a change in a normal mean when the initial value is unknown, Ann.
Statist. 19, 394-416.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LAMBDAS = (0.2, 0.4, 0.8, 1.6, -0.2, -0.4, -0.8, -1.6)
"""Shifts, in standard deviations, that the mixture looks for."""

_CEILING = 1e250
_LEAST_SPREAD = 0.5
"""Of a baseline taken from few samples, in variances of the reference: they may lie close together by chance."""


@dataclass(frozen=True, slots=True)
class Sums:
    """Running sums of the recursion.

    Attributes
    ----------
    shift, square : (q,)
        Sum of the contrasts seen and of their squared deviations: the growing baseline.
    likelihood, onset : (q, 8)
        Shiryaev-Roberts sums, and the same weighted by the sample at which the change would have begun.
    seen : ()
        Samples after the reference.
    baseline : ()
        Reference samples and samples after it.
    """

    shift: Floats
    square: Floats
    likelihood: Floats
    onset: Floats
    seen: NDArray[np.int64]
    baseline: Floats


def start(reference_samples: int, contrasts: int, seen: int = 0) -> Sums:
    """Sums before sample number `seen` after a reference of `reference_samples`."""
    size = float(reference_samples)
    shape = (contrasts, len(LAMBDAS))
    return Sums(
        shift=np.zeros(contrasts),
        square=np.full(contrasts, size),
        likelihood=np.zeros(shape),
        onset=np.zeros(shape),
        seen=np.array(seen, dtype=np.int64),
        baseline=np.array(size),
    )


def rebased(contrasts: Floats, seen: int) -> Sums:
    """Sums whose baseline is the level and spread of some contrasts (n, q), n > 0, with nothing found yet."""
    n, size = contrasts.shape
    deviation = contrasts - contrasts.mean(axis=0)
    return replace(
        start(n, size),
        shift=contrasts.sum(axis=0),
        square=np.maximum((deviation**2).sum(axis=0), _LEAST_SPREAD * n),
        seen=np.array(seen, dtype=np.int64),
    )


def advance(sums: Sums, contrasts: Floats, weights: Floats, threshold: float) -> tuple[Sums, Floats, int]:
    """Take contrasts in until the statistic passes the threshold or they end.

    Parameters
    ----------
    contrasts : (n, q)
        Standardised contrasts in stream order.
    weights : (q,)
        Prior weight of each contrast.
    threshold
        Alarm when the statistic is greater.

    Returns
    -------
    Sums
        After the last sample taken in. The likelihood is not yet reset: see :func:`reset`.
    (taken,)
        The statistic M of each sample taken in; the last one is above the threshold, or ``taken == n``.
    int
        Samples taken in.
    """
    shift, square = sums.shift.copy(), sums.square.copy()
    likelihood, onset = sums.likelihood.copy(), sums.onset.copy()
    statistic = np.empty(contrasts.shape[0])
    taken = advance_in_place(
        contrasts,
        weights,
        threshold,
        float(sums.baseline),
        float(sums.seen),
        shift,
        square,
        likelihood,
        onset,
        statistic,
    )
    after = Sums(shift, square, likelihood, onset, np.asarray(sums.seen + taken), np.asarray(sums.baseline + taken))
    return after, statistic[:taken], taken


def reset(sums: Sums) -> Sums:
    """The sums after an alarm: the search begins anew, the baseline and the count of samples go on."""
    zero = np.zeros_like(sums.likelihood)
    return Sums(sums.shift, sums.square, zero, zero.copy(), sums.seen, sums.baseline)


@njit(cache=True, nogil=True)
def advance_in_place(
    contrasts: Floats,
    weights: Floats,
    threshold: float,
    baseline: float,
    seen: float,
    shift: Floats,
    square: Floats,
    likelihood: Floats,
    onset: Floats,
    statistic: Floats,
) -> int:  # pragma: no cover - compiled
    """The compiled recursion behind :func:`advance`; the sums and `statistic` are written to."""
    n, size = contrasts.shape
    m = baseline
    # exp(-lambda^2 / 2) of the four magnitudes; their powers of exp(y / 5) follow by squaring
    g0, g1, g2, g3 = np.exp(-0.02), np.exp(-0.08), np.exp(-0.32), np.exp(-1.28)
    factor = np.empty(8)
    for i in range(n):
        total = 0.0
        spread = np.sqrt(m / (m + 1.0))
        for k in range(size):
            x = contrasts[i, k]
            d = x - shift[k] / m
            y = d / np.sqrt(square[k] / m) * spread
            y = min(max(y, -4.0), 4.0)
            shift[k] += x
            square[k] += min(d * d * m / (m + 1.0), 9.0)
            up = np.exp(0.2 * y)
            down = 1.0 / up
            factor[0] = up * g0
            up *= up
            factor[1] = up * g1
            up *= up
            factor[2] = up * g2
            up *= up
            factor[3] = up * g3
            factor[4] = down * g0
            down *= down
            factor[5] = down * g1
            down *= down
            factor[6] = down * g2
            down *= down
            factor[7] = down * g3
            mass = 0.0
            for s in range(8):
                r = min((1.0 + likelihood[k, s]) * factor[s], _CEILING)
                likelihood[k, s] = r
                onset[k, s] = min((seen + onset[k, s]) * factor[s], _CEILING)
                mass += r
            total += weights[k] * mass
        m += 1.0
        seen += 1.0
        statistic[i] = np.log(total / 8.0)
        if statistic[i] > threshold:
            return int(i + 1)
    return int(n)


def change_point(sums: Sums, contrast: int) -> float:
    """Posterior mean of the sample, counted from the reference's end, at which a contrast changed."""
    mass = float(sums.likelihood[contrast].sum())
    return float(sums.onset[contrast].sum()) / mass if mass > 0.0 else float(sums.seen)
