"""Evidence of the answers: how the error changed, whether a refit would mend it, and which release shares it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.drift import relations
from dq_pipeline.triage.case import Stretch

Floats = NDArray[np.float64]

LEAST_BEFORE, LEAST_AFTER = 30, 8
WILD = 4.0
"""Robust standard deviations of the usual error beyond which a label is wild."""
_COMPONENTS = 3
_PENALTY = 4.0
_CLIP = 4.0


@dataclass(frozen=True, slots=True)
class Errors:
    """How errors (target less answer) since a moment compare with those before it.

    Attributes
    ----------
    count
        Labelled and answered samples since.
    bias
        Shift of the median, in usual robust standard deviations.
    biased
        The same in standard errors.
    ratio
        Mean absolute error over the usual one, wild ones bounded.
    larger
        By how many standard errors it is larger.
    wild, wild_before
        Share of errors beyond four usual robust standard deviations of the common shift.
    mended
        Share of the rise that a refit takes away: fitted on half of the samples since, judged on the other half.
    left
        What it leaves, over the usual.
    unlabelled, unlabelled_before
        Share of samples without a label.
    shadows
        By version: mean absolute error over the production release's since, and by how many standard errors it is less.
    """

    count: int = 0
    bias: float = 0.0
    biased: float = 0.0
    ratio: float = 1.0
    larger: float = 0.0
    wild: float = 0.0
    wild_before: float = 0.0
    mended: float = 0.0
    left: float = 1.0
    unlabelled: float = 0.0
    unlabelled_before: float = 0.0
    shadows: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def moved(self) -> bool:
        """Whether the error changed surely."""
        return abs(self.biased) >= 5.0 or self.larger >= 4.0 or (self.wild - self.wild_before) * self.count >= 2.5


def compare(before: Stretch, after: Stretch) -> Errors:
    """Errors since against errors before."""
    gone = float(np.isnan(after.target).mean()) if len(after) else 0.0
    gone_before = float(np.isnan(before.target).mean()) if len(before) else 0.0
    usual, now = before.target - before.value, after.target - after.value
    known, seen = np.isfinite(usual), np.isfinite(now)
    if known.sum() < LEAST_BEFORE or seen.sum() < LEAST_AFTER:
        return Errors(int(seen.sum()), unlabelled=gone, unlabelled_before=gone_before)
    old, new = usual[known], now[seen]
    centre = float(np.median(old))
    spread = max(1.4826 * float(np.median(np.abs(old - centre))), 0.5 * float(old.std()), 1e-12)
    n = len(new)
    persistence = _long_run(old)
    bias = (float(np.median(new)) - centre) / spread
    a, b = (np.minimum(np.abs(one - centre) / spread, 2.0 * _CLIP) for one in (old, new))
    error = float(np.sqrt(a.var() * persistence / len(a) + max(b.var(), a.var()) * persistence / n))
    within = new - np.median(new)
    refit = _refit(before.part(slice(None)), after, known, seen, spread, centre)
    usual_size, size = float(a.mean()), float(b.mean())
    left = refit / max(usual_size, 1e-9)
    ratio = size / max(usual_size, 1e-9)
    return Errors(
        count=n,
        bias=bias,
        biased=bias / (1.2533 * float(np.sqrt(persistence * (1.0 / n + 1.0 / len(old))))),
        ratio=ratio,
        larger=(size - usual_size) / max(error, 1e-9),
        wild=float(np.mean(np.abs(within) > WILD * spread)),
        wild_before=float(np.mean(np.abs(old - centre) > WILD * spread)),
        mended=float(np.clip((ratio - left) / max(ratio - 1.0, 0.05), -1.0, 1.0)),
        left=left,
        unlabelled=gone,
        unlabelled_before=gone_before,
        shadows=_shadows(after, seen, now),
    )


def _shadows(after: Stretch, seen: NDArray[np.bool_], now: Floats) -> dict[str, tuple[float, float]]:
    found = {}
    for version, said in after.shadow.items():
        both = seen & np.isfinite(said)
        if both.sum() < LEAST_AFTER:
            continue
        own, theirs = np.abs(now[both]), np.abs(after.target[both] - said[both])
        less = own - theirs
        sure = float(less.mean()) / max(float(less.std()) / np.sqrt(len(less)), 1e-12)
        found[version] = (float(theirs.mean()) / max(float(own.mean()), 1e-12), sure)
    return found


def _refit(
    before: Stretch, after: Stretch, known: NDArray[np.bool_], seen: NDArray[np.bool_], spread: float, centre: float
) -> float:
    """Mean size of the errors since, each corrected by a ridge on the answer and what the sensors have in common."""
    design = np.concatenate([_common(before, after)[seen], after.value[seen][:, None]], axis=1)
    scale = np.maximum(design.std(axis=0), 1e-12)
    design = np.clip((design - design.mean(axis=0)) / scale, -_CLIP, _CLIP)
    error = (after.target - after.value)[seen]
    y = (error - np.median(error)) / spread
    y = np.clip(y, -4.0 * _CLIP, 4.0 * _CLIP)
    fold = np.arange(len(y)) % 2
    left = np.empty(len(y))
    for held in (0, 1):
        fit, out = fold != held, fold == held
        x, t = design[fit], y[fit]
        middle = float(np.median(t))
        slope = np.linalg.solve(x.T @ x + _PENALTY * np.eye(x.shape[1]), x.T @ (t - middle))
        left[out] = y[out] - middle - design[out] @ slope
    plain = np.abs(y - np.median(y))
    return float(min(np.minimum(np.abs(left), 2.0 * _CLIP).mean(), np.minimum(plain, 2.0 * _CLIP).mean()))


def _common(before: Stretch, after: Stretch) -> Floats:
    """The leading common movements of the sensors' levels, (n, 3)."""
    with relations.no_complaints():
        known, new = (np.nanmean(one.values, axis=1) for one in (before, after))
        centre, sd = np.nanmean(known, axis=0), np.maximum(np.nanstd(known, axis=0), 1e-9)
    z, now = (np.clip(np.nan_to_num((one - centre) / sd), -_CLIP, _CLIP) for one in (known, new))
    axes = np.linalg.svd(z, full_matrices=False)[2][:_COMPONENTS]
    return np.asarray(now @ axes.T)


def _long_run(series: Floats) -> float:
    """How many times the variance of a mean exceeds that of independent values, at least 1 (first order)."""
    off = series - series.mean()
    r = float(np.clip((off[1:] @ off[:-1]) / max(float(off @ off), 1e-12), 0.0, 0.8))
    return (1.0 + r) / (1.0 - r)
