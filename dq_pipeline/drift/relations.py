"""What each sensor reads given the others: ridge predictions of a recording's levels, and how far they moved.

A recording is seen by the mean of each phase. Deviations from the phase's usual mean are regressed on those of all
other sensors by one ridge regression for all phases; with C their correlation and P = inv(C + penalty I), the
conditional residual of sensor j is (P z)_j / P_jj. What the residual does in samples that the regression has not seen
comes from contiguous folds, so that a slow wandering of the process counts as its usual behaviour.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

PENALTY = 0.02
FOLDS = 5
RECENT = 50
"""Samples before a change whose level the change is measured from."""
_CLIP, _REACH = 4.0, 10.0


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """Usual mean and standard deviation of each phase and sensor, (K, f) each."""

    mean: Floats
    sd: Floats

    @classmethod
    def fit(cls, levels: Floats) -> Levels:
        """From levels (n, K, f); what lies far out of the central 96 % is drawn in first."""
        with no_complaints():
            low, high = np.nanquantile(levels, 0.02, axis=0), np.nanquantile(levels, 0.98, axis=0)
            drawn_in = np.clip(levels, low - (high - low) / 2, high + (high - low) / 2)
            mean, sd = np.nanmean(drawn_in, axis=0), np.nanstd(drawn_in, axis=0)
        mean = np.nan_to_num(mean)
        return cls(mean, np.maximum(np.nan_to_num(sd), 1e-6 * np.abs(mean) + 1e-9))

    def standardise(self, levels: Floats) -> Floats:
        """Deviations from the usual mean in standard deviations; 0 where nothing was read."""
        return np.asarray(np.nan_to_num((levels - self.mean) / self.sd))


def levels_of(values: Floats) -> Floats:
    """Mean of each phase of recordings (n, T, f), as (n, K, f): K is T // 10 within 3 and 6, at most T."""
    rows = values.shape[1]
    phases = min(int(np.clip(rows // 10, 3, 6)), rows)
    edges = np.linspace(0, rows, phases + 1).astype(int)
    with no_complaints():
        means = [np.nanmean(values[:, a:b], axis=1) for a, b in pairwise(edges)]
    return np.stack(means, axis=1)


def precision(z: Floats) -> Floats:
    """Inverse of the ridged correlation (f, f) of deviations (n, K, f)."""
    rows = np.clip(z, -_CLIP, _CLIP).reshape(-1, z.shape[-1])
    return np.asarray(np.linalg.inv(rows.T @ rows / max(len(rows), 1) + PENALTY * np.eye(z.shape[-1])), np.float64)


def residuals(inverse: Floats, z: Floats) -> Floats:
    """Conditional residual of each sensor given the others, (n, K, f); how far the others pull is bounded."""
    near = np.clip(z, -_REACH, _REACH)
    return np.asarray(z - near + (near @ inverse) / np.diag(inverse))


def cross_residuals(z: Floats) -> Floats:
    """Residuals (n, K, f) of samples that the regression was not fitted to: contiguous folds."""
    n = len(z)
    found: Floats = np.empty(z.shape)
    edges = np.linspace(0, n, min(FOLDS, n) + 1).astype(int)
    for a, b in pairwise(edges):
        found[a:b] = residuals(precision(np.concatenate([z[:a], z[b:]])), z[a:b])
    return found


def explained(z: Floats, residual: Floats) -> Floats:
    """Share of each sensor's variance (f,) that the others explain: the coefficient of determination."""
    usual = np.mean(np.clip(z, -_CLIP, _CLIP) ** 2, axis=(0, 1))
    left = np.mean(np.clip(residual, -_CLIP, _CLIP) ** 2, axis=(0, 1))
    return np.asarray(1.0 - left / np.maximum(usual, 1e-12))


def shapes(residual: Floats) -> Floats:
    """Level and slope over the phases of residuals (n, K, f), as (n, 2, f)."""
    slope = np.linspace(-1.0, 1.0, residual.shape[1])[:, None]
    return np.stack([residual.mean(axis=1), (residual * slope).mean(axis=1)], axis=1)


def spread(series: Floats) -> Floats:
    """Robust standard deviation over samples, at least half of the plain one."""
    around = np.abs(series - np.median(series, axis=0))
    return np.asarray(np.maximum(np.maximum(1.4826 * np.median(around, axis=0), 0.5 * series.std(axis=0)), 1e-12))


def moved(before: Floats, after: Floats) -> Floats:
    """How far the median of the samples after lies from the newest before, in units of how far it usually goes.

    The usual is the root mean square of the same difference all along the samples before, at least what independent
    samples would give.

    Parameters
    ----------
    before, after : (N, ...), (n, ...)
        Series in time order.

    Returns
    -------
    (...)
    """
    total, n = len(before), len(after)
    recent = max(min(RECENT, total // 2), 1)
    usual = spread(before) * 1.2533 * np.sqrt(1.0 / n + 1.0 / recent)
    starts = range(recent, total - n + 1, max(n // 3, 1))
    if len(starts) > 3:
        gone = [np.median(before[t : t + n], axis=0) - np.median(before[t - recent : t], axis=0) for t in starts]
        usual = np.maximum(usual, np.sqrt(np.mean(np.square(gone), axis=0)))
    return np.asarray((np.median(after, axis=0) - np.median(before[-recent:], axis=0)) / usual)


def onsets(known: Floats, new: Floats, begin: int, least: int) -> NDArray[np.int64]:
    """For every sensor the sample (f,) from which on its residual differs most; `least` samples are after it."""
    series, usual = shapes(new), shapes(known)
    off = np.clip((series - np.median(usual[-RECENT:], axis=0)) / spread(usual), -8.0, 8.0)
    after = np.cumsum(off[::-1], axis=0)[::-1]
    count = np.arange(len(off), 0, -1)[:, None, None]
    gained = (after**2 / count)[: len(off) - least + 1].max(axis=1)
    # the estimate of the detector is kept where another place is hardly better
    first = np.argmax(gained, axis=0)
    kept = gained[min(begin, len(gained) - 1)] >= 0.98 * gained.max(axis=0)
    return np.where(kept, min(begin, len(gained) - 1), first)


def as_neighbour(before: Floats, around: Floats, phases: int) -> tuple[Floats, Floats] | None:
    """Targets (N,), (n,) as one column more of standardised levels, if nearly all of them are known."""
    if np.isfinite(before).mean() < 0.9 or np.isfinite(around).mean() < 0.9:
        return None
    usual = Levels.fit(before[:, None, None])
    first, second = (usual.standardise(one[:, None, None]) for one in (before, around))
    return np.repeat(first, phases, axis=1), np.repeat(second, phases, axis=1)


def no_complaints() -> warnings.catch_warnings[None]:
    """A sensor that is silent in a whole phase has no mean there: that is expected."""
    return warnings.catch_warnings(action="ignore", category=RuntimeWarning)
