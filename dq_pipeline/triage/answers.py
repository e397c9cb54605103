"""Evidence of the answers: how the error changed, whether a refit would mend it, and which release shares it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.drift import relations
from dq_pipeline.triage.case import Stretch

Floats = NDArray[np.float64]

LEAST_BEFORE, LEAST_AFTER, LEAST_TAIL = 20, 8, 24
ASKED, UNASKED = 2.0, 4.0
"""Standard errors by which the error must have changed where a monitor of it raised an alarm, and where none did."""
WILD_MORE = 1.25
"""Labels more than usual that must be wild, for each standard error that is asked for."""
WILD = 4.0
"""Robust standard deviations of the usual error beyond which a label is wild."""
_COMPONENTS = 3
_PENALTY = 1.0
_CLIP = 4.0


@dataclass(frozen=True, slots=True)
class Errors:
    """How errors (target less answer) since a moment compare with those before it.

    Attributes
    ----------
    count
        Labelled and answered samples since.
    asked
        Whether an alarm about the error made somebody ask.
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
    wilder
        By how many standard errors of a count more are wild.
    mended
        Share of the rise that a refit takes away, each sample judged by one that had not seen it.
    left
        What it leaves, over the usual.
    unlabelled, unlabelled_before
        Share of samples without a label.
    shadows
        By version: mean absolute error over the production release's since, and by how many standard errors it is less.
    """

    count: int = 0
    asked: bool = False
    bias: float = 0.0
    biased: float = 0.0
    ratio: float = 1.0
    larger: float = 0.0
    wild: float = 0.0
    wild_before: float = 0.0
    wilder: float = 0.0
    mended: float = 0.0
    left: float = 1.0
    unlabelled: float = 0.0
    unlabelled_before: float = 0.0
    shadows: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def moved(self) -> bool:
        """Whether the error changed surely; a monitor that asks has a say of its own."""
        return abs(self.biased) >= self._sure or self.larger >= self._sure or self.strays

    @property
    def strays(self) -> bool:
        """Whether surely more of the errors are wild than usual."""
        more = (self.wild - self.wild_before) * self.count
        return more >= WILD_MORE * self._sure and self.wilder >= self._sure

    @property
    def _sure(self) -> float:
        return ASKED if self.asked else UNASKED


def compare(before: Stretch, after: Stretch, *, lead: Stretch | None = None, asked: bool = False) -> Errors:
    """Errors since a change against errors before it.

    Parameters
    ----------
    lead
        Samples that came between the two, while all was still well.
    asked
        Whether an alarm about the error made somebody ask.
    """
    gone = float(np.isnan(after.target).mean()) if len(after) else 0.0
    gone_before = float(np.isnan(before.target).mean()) if len(before) else 0.0
    well = (before,) if lead is None else (before, lead)
    usual = np.concatenate([one.target - one.value for one in well])
    now = after.target - after.value
    known, seen = np.isfinite(usual), np.isfinite(now)
    if known.sum() < LEAST_BEFORE or seen.sum() < LEAST_AFTER:
        return Errors(int(seen.sum()), asked, unlabelled=gone, unlabelled_before=gone_before)
    old, new = usual[known], now[seen]
    centre = float(np.median(old))
    spread = max(1.4826 * float(np.median(np.abs(old - centre))), 0.25 * float(old.std()), 1e-12)
    n = len(new)
    persistence = _long_run(old)
    bias = (float(np.median(new)) - centre) / spread
    a, b = (np.minimum(np.abs(one - centre) / spread, 2.0 * _CLIP) for one in (old, new))
    error = float(np.sqrt(a.var() * persistence / len(a) + max(b.var(), a.var()) * persistence / n))
    within = new - np.median(new)
    stray, stray_before = np.abs(within) > WILD * spread, np.abs(old - centre) > WILD * spread
    wider = max(1.4826 * float(np.median(np.abs(within))) / spread, 1.0)
    doubtful = n // 3 if n >= LEAST_TAIL else 0  # where a change begins is an estimate
    tail = after.part(slice(int(np.flatnonzero(seen)[doubtful]), None))
    newest = np.minimum(np.abs(new[doubtful:] - centre) / spread, 2.0 * _CLIP)
    usual_size, size = float(a.mean()), float(b.mean())
    left = _refit(before, tail, spread) / max(usual_size, 1e-9)
    ratio = size / max(usual_size, 1e-9)
    return Errors(
        count=n,
        asked=asked,
        bias=bias,
        biased=bias / (1.2533 * float(np.sqrt(persistence * (wider**2 / n + 1.0 / len(old))))),
        ratio=ratio,
        larger=(size - usual_size) / max(error, 1e-9),
        wild=float(stray.mean()),
        wild_before=float(stray_before.mean()),
        wilder=_wilder(stray_before, stray),
        mended=taken_away(float(newest.mean()) / max(usual_size, 1e-9), left),
        left=left,
        unlabelled=gone,
        unlabelled_before=gone_before,
        shadows=_shadows(after, seen, now),
    )


def taken_away(ratio: float, left: float) -> float:
    """Share of a rise to `ratio` times the usual error that is gone where `left` times the usual is left, -1 to 1."""
    return float(np.clip((ratio - left) / max(ratio - 1.0, 0.05), -1.0, 1.0))


def _wilder(before: NDArray[np.bool_], since: NDArray[np.bool_]) -> float:
    """Standard errors by which more are wild; one that is and one that is not are added to those before."""
    n, known = len(since), len(before) + 2.0
    share = (float(before.sum()) + 1.0) / known
    return float((since.mean() - share) / np.sqrt(share * (1.0 - share) * (1.0 / n + 1.0 / known)))


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


def _refit(before: Stretch, after: Stretch, spread: float) -> float:
    """Mean size of the errors since, each corrected by a ridge on the answer and the sensors' levels."""
    seen = np.isfinite(after.target - after.value)
    design = np.concatenate([_common(before, after)[seen], after.value[seen][:, None]], axis=1)
    scale = np.maximum(design.std(axis=0), 1e-12)
    design = np.clip((design - design.mean(axis=0)) / scale, -_CLIP, _CLIP)
    error = (after.target - after.value)[seen]
    y = (error - np.median(error)) / spread
    y = np.clip(y, -4.0 * _CLIP, 4.0 * _CLIP)
    x = np.concatenate([np.ones((len(y), 1)), design], axis=1)
    penalty = np.diag([1e-9] + [_PENALTY] * design.shape[1])
    hat = x @ np.linalg.solve(x.T @ x + penalty, x.T)
    left = (y - hat @ y) / np.maximum(1.0 - np.diag(hat), 0.1)
    return min(float(np.minimum(np.abs(one), 2.0 * _CLIP).mean()) for one in (left, y - np.median(y)))


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
