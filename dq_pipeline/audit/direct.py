"""What a sensor shows by itself: silence, zeros, one reading repeated, a cut-off range, noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.audit.finding import Fault
from dq_pipeline.drift import relations

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

LEAST = 5
"""Samples in a row that must show it."""
MOSTLY = 0.8
"""Share of the samples since its first that must show it."""
NOISIER = 2.0
"""How many times its usual row-to-row differences a noisy sensor has, at least."""
_USUALLY_ZERO = 0.05
"""Share of recordings of nothing but 0 from which that is one of the plant's states."""
_SILENT, _FEWER, _LONGER, _STUCK = 0.1, 0.3, 3.0, 0.2
_CUT, _CUT_MORE, _FLOOR = 0.03, 5.0, 0.05


@dataclass(frozen=True, slots=True)
class Symptom:
    """A fault seen in the sensor itself, from its first sample on."""

    fault: Fault
    text: str
    first: int
    share: float


def silent_or_stuck(before: Floats, after: Floats) -> Symptom | None:
    """Whether one sensor stopped to measure, None if it did not.

    Parameters
    ----------
    before, after : (N, T), (n, T)
        Readings of recordings, NaN where none came.
    """
    return _silent(before, after) or _stuck(before, after)


def noisy(before: Floats, after: Floats, gain: float) -> Symptom | None:
    """Row-to-row differences far above before, beyond what a gain would make of them."""
    size = float(np.nanmedian(noise(before)))
    usual, now = (np.log(np.maximum(_step(one), _FLOOR * size)) for one in (before, after))
    seen = np.isfinite(usual)
    if not seen.any() or not size > 0:
        return None
    n = len(after)
    centre = float(np.median(usual[seen]))
    blocks = [np.nanmedian(usual[t : t + n]) for t in range(0, len(usual) - n + 1, n) if seen[t : t + n].any()]
    loudest = max(blocks, default=centre) - centre
    centre += float(np.log(max(abs(gain), 1.0)))
    first, share = since(now - centre > max(4.0 * float(relations.spread(usual[seen])), loudest + np.log(NOISIER)))
    if share < MOSTLY:
        return None
    times = float(np.exp(np.nanmedian(now[first:]) - centre))
    return Symptom("noisy", f"row-to-row differences {times:.3g} times as large as usual", first, share)


def noise(values: Floats) -> Floats:
    """Root mean square of the differences between neighbouring rows, (n,) of (n, T); NaN where none was read."""
    step = np.diff(values, axis=1)
    seen = np.isfinite(step)
    count = seen.sum(axis=1)
    rms = np.sqrt((np.where(seen, step, 0.0) ** 2).sum(axis=1) / np.maximum(count, 1))
    return np.asarray(np.where(count > 0, rms, np.nan))


def _step(values: Floats) -> Floats:
    """Upper quartile of those differences: a few jumps that belong to the recording's course do not count."""
    step = np.abs(np.diff(values, axis=1))
    if np.isfinite(step).all():  # ten times as fast
        return np.asarray(np.quantile(step, 0.75, axis=1))
    with relations.no_complaints():
        return np.asarray(np.nanquantile(step, 0.75, axis=1))


def longest_run(values: Floats) -> Floats:
    """Share of the rows that the longest run of equal readings takes, (n,) of (n, T)."""
    n, rows = values.shape
    run, best = np.ones(n), np.ones(n)
    for t in range(1, rows):
        run = np.where(values[:, t] == values[:, t - 1], run + 1.0, 1.0)
        best = np.maximum(best, run)
    return np.asarray(best / rows)


def since(shown: Flags) -> tuple[int, float]:
    """From which sample on most show it, and the share of those that do; (n, 0) if too few do."""
    n = len(shown)
    if n < LEAST:
        return n, 0.0
    after = np.cumsum(np.where(shown, 1.0, -1.0)[::-1])[::-1][: n - LEAST + 1]
    first = int(np.argmax(after))
    return first, float(shown[first:].mean())


def _silent(before: Floats, after: Floats) -> Symptom | None:
    usual, now = np.isfinite(before).mean(axis=1), np.isfinite(after).mean(axis=1)
    if np.median(usual) > 0.5:
        first, share = since(now < _SILENT)
        if share >= MOSTLY:
            return Symptom("dead", f"{1 - now[first:].mean():.0%} of its readings are missing", first, share)
    zeros = (before == 0.0).sum() / np.isfinite(before).sum()
    if zeros < 0.5 and np.mean(~(np.nan_to_num(before) != 0.0).any(axis=1)) < _USUALLY_ZERO:
        first, share = since((now >= _SILENT) & ~(np.nan_to_num(after) != 0.0).any(axis=1))
        if share >= MOSTLY:
            return Symptom("dead", "reads nothing but 0", first, share)
    first, share = since(now < float(np.quantile(usual, 0.02)) - _FEWER)
    if share >= MOSTLY:
        return Symptom("missing", f"{1 - now[first:].mean():.0%} of its readings are missing", first, share)
    return None


def _stuck(before: Floats, after: Floats) -> Symptom | None:
    usual = float(np.quantile(longest_run(before), 0.98))
    limit = max(_STUCK, min(_LONGER * usual, (1.0 + usual) / 2.0))
    if usual > 0.8:
        return None
    run = longest_run(after)
    first, share = since(run >= limit)
    if share < MOSTLY:
        return None
    text = f"repeats one reading for {np.median(run[first:]):.0%} of the rows; {usual:.0%} is usual"
    return Symptom("stuck", text, first, share)


def clipped(before: Floats, after: Floats) -> Symptom | None:
    """Mass at an extreme that was not there, with nothing beyond it where there used to be something."""
    for sign, word in ((1.0, "above"), (-1.0, "below")):
        known, new = sign * before, sign * after[-max(LEAST, len(after) // 2) :]
        if not np.isfinite(new).any():
            continue
        end = float(np.nanmax(new))
        at = _share_at_end(new, end)
        beyond = float((known > end).sum() / np.isfinite(known).sum())
        starts = range(0, len(known) - len(new) + 1, max(len(new), 1))
        ends = [_share_at_end(part, float(np.nanmax(part))) for part in _parts(known, starts, len(new))]
        if at < _CUT or beyond < max(_CUT, at / 4.0) or at < _CUT_MORE * max(ends, default=0.0):
            continue
        cut = np.asarray((sign * after >= end).any(axis=1) & ~(sign * after > end).any(axis=1))
        first, share = since(cut)
        text = f"nothing {word} {sign * end:.5g}, where {at:.0%} of its readings are; {beyond:.0%} went beyond before"
        return Symptom("clipped", text, min(first, len(after) - LEAST), share)
    return None


def _parts(known: Floats, starts: range, n: int) -> list[Floats]:
    return [part for part in (known[t : t + n] for t in starts) if np.isfinite(part).any()]


def _share_at_end(values: Floats, end: float) -> float:
    return float((values == end).sum() / np.isfinite(values).sum())
