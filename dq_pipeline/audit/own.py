"""A sensor against what it itself showed before: another unit, a turned sign, a lag.

A unit change is told from the sensor alone where, as read, it lies further out than its process ever goes, and one
exact conversion brings back its level, the shape of its recordings, their spread and their row-to-row noise all at
once. A change of the plant would have to land on one of a dozen numbers in four respects.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.audit import direct
from dq_pipeline.audit.finding import Fault
from dq_pipeline.audit.material import NEWEST, Material
from dq_pipeline.drift import relations
from dq_pipeline.drift.explanations import conversions
from dq_pipeline.drift.relations import Levels
from dq_pipeline.samples import turned_back

Floats = NDArray[np.float64]

FAR = 12.0
"""How far out a sensor must lie, in units of how far its level usually goes, before it is judged by itself."""
BACK = 4.0
"""How far from before a conversion may leave its level, shape, spread and noise."""
SHAPELY = 0.5
"""Share of a recording's variance that the usual course must explain before a lag can be seen."""
_LEFT = 0.25
_SCALES = 0.4
_OVERLAP, _COURSE_CHANGED, _PAIRED = 0.5, 4.0, 6


@dataclass(frozen=True, slots=True)
class Exact:
    """``reading = gain * truth + offset``, with figures of how far it was out and what the conversion leaves."""

    fault: Fault
    gain: float
    offset: float
    text: str
    moved: float
    left: float


@dataclass(frozen=True, slots=True)
class Shift:
    """Rows that a sensor is behind its usual course, and the share of that course's change it explains."""

    rows: int
    explained: float
    moved: float


def exact(before: Floats, after: Floats, unit: str, limits: tuple[float, float]) -> Exact | None:
    """The exact conversion that turns what a sensor shows back into what it showed, None if there is none.

    Parameters
    ----------
    before, after : (N, T), (n, T)
        Recordings of one sensor, NaN where nothing was read.
    limits
        What it can physically show.

    Examples
    --------
    >>> rng = np.random.default_rng(3)
    >>> level = 20.0 + rng.normal(0.0, 0.5, (140, 1)) + rng.normal(0.0, 0.1, (140, 40))
    >>> exact(level[:100], level[100:] * 1.8 + 32.0, "degC", (-50.0, 200.0)).text
    'reads degF for degC'
    """
    usual = Levels.fit(relations.levels_of(before[:, :, None]))
    known, new = _course(before, usual), _course(after, usual)
    shown = np.abs(relations.moved(known, new))
    off, scaled = float(shown[:2].max()), float(shown[2:].max()) >= BACK
    outside = _outside(after, limits) > 0.5 > 10.0 * _outside(before, limits)
    if off < (BACK if outside else FAR):
        return None
    best: Exact | None = None
    tried = [("unit", *one) for one in conversions(unit)] + [("sign", -1.0, 0.0, "its sign is turned")]
    for fault, gain, offset, text in tried:
        if abs(np.log(abs(gain))) > _SCALES and not scaled:
            continue
        left = float(np.abs(relations.moved(known, _course(turned_back(after, gain, offset), usual))).max())
        if left <= near(off) and left < off / 3.0 and (best is None or left < best.left):
            best = Exact("sign" if fault == "sign" else "unit", gain, offset, text, off, left)
    return best


def exchanged(material: Material, columns: Sequence[int]) -> tuple[tuple[int, int] | None, Floats]:
    """Two columns that each show in every respect what the other used to, and how far each column lay out, (f,)."""
    new = material.after[-NEWEST:]
    usual = {j: Levels(material.usual.mean[:, [j]], material.usual.sd[:, [j]]) for j in columns}
    known = {j: _course(material.before[:, :, j], usual[j]) for j in columns}
    moved = np.zeros(new.shape[2])
    for j in columns:
        moved[j] = np.abs(relations.moved(known[j], _course(new[:, :, j], usual[j]))).max()
    far = sorted((j for j in columns if moved[j] >= FAR), key=lambda j: -moved[j])[:_PAIRED]
    best, least = None, BACK
    for i, j in combinations(far, 2):
        crossed = (_course(new[:, :, a], usual[b]) for a, b in ((j, i), (i, j)))
        left = max(float(np.abs(relations.moved(known[k], one)).max()) for k, one in zip((i, j), crossed, strict=True))
        if left <= least:
            best, least = (i, j), left
    return best, moved


def near(moved: float) -> float:
    """How far from before an exact conversion may leave what lay so far out: 1 % of the way, the process wanders."""
    return max(BACK, min(0.01 * moved, 10.0))


def gain_of(before: Floats, after: Floats) -> float:
    """How many times as far the usual course goes; the ratio of levels where a recording has no usual course."""
    course, now = _mean(before), _mean(after)
    if explained_by_course(before) >= SHAPELY:
        seen = np.isfinite(course) & np.isfinite(now)
        x, y = course[seen] - course[seen].mean(), now[seen] - now[seen].mean()
        return float(x @ y / max(float(x @ x), 1e-300))
    level = float(np.nanmedian(before))
    return float(np.nanmedian(after)) / level if level else 1.0


def explained_by_course(values: Floats) -> float:
    """Share of the variance within recordings (n, T) that their mean course explains."""
    within = values - _row_mean(values)
    course = _mean(within)
    total = float(np.nanmean(within**2))
    return 1.0 - float(np.nanmean((within - course) ** 2)) / total if total > 0 else 0.0


def shift(before: Floats, after: Floats) -> Shift | None:
    """The lag that explains how a sensor's course changed, None if none does or its recordings have no usual course."""
    if explained_by_course(before) < SHAPELY:
        return None
    rows = before.shape[1]
    most = max(rows // 4, 1)
    course = _levelled(_mean(before))
    now = _levelled(_mean(after))
    n = len(after)
    parts = [_levelled(_mean(before[t : t + n])) for t in range(0, len(before) - n + 1, n)]
    usual = max((_off(course, part, 0) for part in parts), default=0.0)
    at_rest = _off(course, now, 0)
    if not at_rest > _COURSE_CHANGED * max(usual, 1e-300):
        return None
    tried = {lag: _off(course, now, lag) for lag in range(-most, most + 1)}
    lag = min(tried, key=lambda one: (tried[one], abs(one)))
    scaled = _off(course * gain_of(before, after), now, 0)
    if lag == 0 or tried[lag] > _LEFT * min(at_rest, scaled):
        return None
    return Shift(lag, 1.0 - tried[lag] / at_rest, float(np.sqrt(at_rest / max(usual, 1e-300))))


def _off(course: Floats, now: Floats, lag: int) -> float:
    """Mean square of what is left of a course that is `lag` rows behind, levels apart."""
    rows = len(course)
    then = course[max(-lag, 0) : rows - max(lag, 0)]
    left = now[max(lag, 0) : rows - max(-lag, 0)] - then
    return float(np.nanvar(left)) if np.isfinite(left).mean() >= _OVERLAP else np.inf


def _course(values: Floats, usual: Levels) -> Floats:
    """Level, slope, log of the spread and log of the noise of each recording (n, T), as (n, 4)."""
    z = usual.standardise(relations.levels_of(values[:, :, None]))
    with relations.no_complaints():
        within = np.sqrt(np.nanmean((values - _row_mean(values)) ** 2, axis=1))
    floor = 1e-6 * float(np.max(usual.sd)) + 1e-12
    noise = np.nan_to_num(direct.noise(values), nan=floor)
    logs = np.log(np.stack([np.maximum(np.nan_to_num(within), floor), np.maximum(noise, floor)], axis=1))
    return np.concatenate([relations.shapes(z)[:, :, 0], logs], axis=1)


def _mean(values: Floats) -> Floats:
    with relations.no_complaints():
        return np.asarray(np.nanmean(values, axis=0))


def _row_mean(values: Floats) -> Floats:
    with relations.no_complaints():
        return np.asarray(np.nanmean(values, axis=1, keepdims=True))


def _levelled(course: Floats) -> Floats:
    return np.asarray(course - np.nanmean(course))


def _outside(values: Floats, limits: tuple[float, float]) -> float:
    seen = values[np.isfinite(values)]
    return float(((seen < limits[0]) | (seen > limits[1])).mean()) if seen.size else 0.0
