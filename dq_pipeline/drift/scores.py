"""Normal scores: features on a scale where heavy tails cannot raise an alarm alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.special import ndtri

Floats = NDArray[np.float64]

KNOTS = 32
CLIP = 3.5
_FLOOR = 0.05  # of scales: where the reference never moved
SELDOM = 0.05
"""Share of samples in which a feature that rests is taken to move, where the reference shows fewer."""
_NORMAL: Floats = np.asarray(ndtri((np.arange(KNOTS) + 0.5) / KNOTS), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Scores:
    """A fitted map from features to standardised normal scores.

    Attributes
    ----------
    knots : (32, c)
        Reference quantiles of each feature.
    radius : ()
        Radial clip: a vector of scores whose root mean square is larger is drawn in to it; infinite for none.
    mean, sd : (c,)
        Standardisation of the clipped scores.
    """

    knots: Floats
    radius: Floats
    mean: Floats
    sd: Floats

    @property
    def rests(self) -> NDArray[np.bool_]:
        """Features (c,) that hardly ever moved in the reference: at most one of the 32 knots lies apart.

        A count of rare events is one, or the delay of what comes in time. How often chance moves it, the reference
        cannot tell; so its scale is that of a feature that moves in 5 % of the samples, here and in all that follows.
        Taken as it is, the first event ever would be hundreds of standard deviations.
        """
        return np.asarray((self.knots != self.knots[KNOTS // 2]).sum(axis=0) <= 1)


def fit_scores(reference: Floats, *, radial: bool) -> tuple[Scores, Floats]:
    """Fit the scores of the reference's features and return them as well.

    Parameters
    ----------
    reference : (N, c)
        Features; NaN is missing and scores 0.
    radial
        Whether whole vectors are drawn in to the 90 % quantile of their root mean square.

    Returns
    -------
    Scores, (N, c)
    """
    columns = reference.shape[1]
    knots = quantiles(reference, (np.arange(KNOTS) + 0.5) / KNOTS)
    raw = Scores(knots, np.array(np.inf), np.zeros(columns), np.ones(columns))
    z = score(raw, reference)
    floor = np.where(raw.rests, _NORMAL[-1] * np.sqrt(SELDOM * (1.0 - SELDOM)), _FLOOR)
    radius = np.array(np.inf)
    if radial:
        length = np.sqrt(np.mean(z * z, axis=1))
        radius = np.array(max(float(np.quantile(length, 0.9)), float(np.sqrt(np.mean(floor**2)))))
        z = z * np.minimum(1.0, radius / np.maximum(length, 1e-300))[:, None]
    observed = ~np.isnan(reference)
    count = np.maximum(observed.sum(axis=0), 1)
    mean = z.sum(axis=0) / count
    sd = np.maximum(np.sqrt(np.where(observed, (z - mean) ** 2, 0.0).sum(axis=0) / count), floor)
    fitted = Scores(knots, radius, mean, sd)
    return fitted, np.where(observed, (z - mean) / sd, 0.0)


def score(fitted: Scores, values: Floats) -> Floats:
    """Scores (n, c) of features (n, c); NaN scores 0.

    What lies beyond the reference is extrapolated up to `CLIP`. Not so where a feature rested at one value through more
    than half of the reference, as the tails of a sensor do that is steady within a sample: the few other values tell
    that it moved and not how far chance may take it, and nothing scores more than the middle of them.
    """
    out = np.empty(values.shape)
    moved = (fitted.knots != fitted.knots[KNOTS // 2]).sum(axis=0)
    clip = np.where(moved < KNOTS // 2, _NORMAL[KNOTS - 1 - np.minimum(moved, KNOTS // 2) // 2], CLIP)
    radius = float(fitted.radius)
    _score(np.ascontiguousarray(values), fitted.knots, _NORMAL, clip, radius, fitted.mean, fitted.sd, out)
    return out


def quantiles(values: Floats, levels: Floats) -> Floats:
    """Linear quantiles (k, c) of each column of `values` (n, c), its NaN left out; 0 for a column of NaN alone."""
    ordered = np.sort(values, axis=0)
    count = (~np.isnan(ordered)).sum(axis=0)
    position = levels[:, None] * np.maximum(count - 1, 0)
    low = np.floor(position).astype(np.int64)
    high = np.minimum(low + 1, np.maximum(count - 1, 0))
    below, above = np.take_along_axis(ordered, low, axis=0), np.take_along_axis(ordered, high, axis=0)
    return np.ascontiguousarray(np.where(count > 0, below + (above - below) * (position - low), 0.0))


@njit(cache=True, nogil=True)
def _score(
    values: Floats,
    knots: Floats,
    normal: Floats,
    clip: Floats,
    radius: float,
    mean: Floats,
    sd: Floats,
    out: Floats,
) -> None:  # pragma: no cover - compiled
    n, columns = values.shape
    last = knots.shape[0] - 1
    for i in range(n):
        squares = 0.0
        for c in range(columns):
            x = values[i, c]
            if np.isnan(x):
                out[i, c] = 0.0
                continue
            below = 0  # knots under x
            high = last + 1
            while below < high:
                middle = (below + high) // 2
                if knots[middle, c] < x:
                    below = middle + 1
                else:
                    high = middle
            upto = below  # knots at or under x
            while upto <= last and knots[upto, c] == x:
                upto += 1
            floor = 1e-3 * (knots[last, c] - knots[0, c]) + 1e-12
            if upto > below:
                z = 0.5 * (normal[below] + normal[upto - 1])
            elif below == 0:
                slope = (normal[3] - normal[0]) / max(knots[3, c] - knots[0, c], floor)
                z = normal[0] + slope * (x - knots[0, c])
            elif below > last:
                slope = (normal[last] - normal[last - 3]) / max(knots[last, c] - knots[last - 3, c], floor)
                z = normal[last] + slope * (x - knots[last, c])
            else:
                share = (x - knots[below - 1, c]) / (knots[below, c] - knots[below - 1, c])
                z = normal[below - 1] + share * (normal[below] - normal[below - 1])
            z = min(max(z, -clip[c]), clip[c])
            out[i, c] = z
            squares += z * z
        length = np.sqrt(squares / columns)
        shrink = radius / length if length > radius else 1.0
        for c in range(columns):
            if np.isnan(values[i, c]):
                out[i, c] = 0.0
            else:
                out[i, c] = (out[i, c] * shrink - mean[c]) / sd[c]
