"""Evidence of delivery: rows and samples that are lost, late, out of order or doubled, against what was usual."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.quality.dimensions import DIMENSIONS
from dq_pipeline.triage.case import Stretch
from dq_pipeline.triage.monitors import lost_rows

Floats = NDArray[np.float64]

MORE = 0.01
"""A share that rose by less is not told from nothing."""
SURE = 4.0
_LEAST = 3
_REFUSED = 0.03
_LATER = 2.0


@dataclass(frozen=True, slots=True)
class Defect:
    """One thing that became worse: what, how much of it there was and is, and how surely it differs (in sd)."""

    what: str
    usual: float
    now: float
    sure: float
    text: str


def defects(before: Stretch, after: Stretch, missing: Mapping[str, int]) -> tuple[Defect, ...]:
    """What became worse in delivery, the surest first.

    Parameters
    ----------
    before, after
        Samples while all was well, and those from the suspected change on.
    missing
        Samples that were expected and did not come, and messages refused, by reason.
    """
    found = [
        _share("lost rows", lost_rows(before), lost_rows(after), "rows lost in most sensors at once"),
        _share("late rows", *_disorder(before, after), "rows that came after younger ones"),
        _delay(before.late, after.late),
    ]
    for reason, count in missing.items():
        share = count / max(count + len(after), 1)
        if count >= _LEAST and share >= _REFUSED:
            text = f"{count} samples {reason.replace('_', ' ')} beside {len(after)} that came"
            found.append(Defect(reason, 0.0, share, float(np.sqrt(count)) * 2.0, text))
    return tuple(sorted((one for one in found if one is not None), key=lambda one: -one.sure))


def _share(what: str, usual: Floats, now: Floats, text: str) -> Defect | None:
    usual, now = usual[np.isfinite(usual)], now[np.isfinite(now)]
    if len(usual) < _LEAST or len(now) < _LEAST:
        return None
    was, is_ = float(usual.mean()), float(now.mean())
    error = float(np.sqrt(usual.var() / len(usual) + now.var() / len(now))) + 1e-4
    sure = (is_ - was) / error
    if is_ - was < MORE or sure < SURE:
        return None
    return Defect(what, was, is_, sure, f"{is_:.1%} of the {text}, {was:.1%} before")


def _disorder(before: Stretch, after: Stretch) -> tuple[Floats, Floats]:
    """Counted where it was; else what timeliness lost beyond what the readings explain (skewness falls with them)."""
    if len(before.disordered) and len(after.disordered):
        return before.disordered, after.disordered
    names = list(DIMENSIONS)
    timely, like = names.index("timeliness"), names.index("skewness")
    return tuple(np.clip(one[:, like] - one[:, timely], 0.0, 1.0) for one in (before.dimensions, after.dimensions))  # type: ignore[return-value]


def _delay(usual: Floats, now: Floats) -> Defect | None:
    usual, now = usual[np.isfinite(usual)], now[np.isfinite(now)]
    if len(usual) < 10 * _LEAST or len(now) < _LEAST:
        return None
    limit = float(np.quantile(usual, 0.95))
    beyond = float(np.mean(now > limit))
    was, is_ = float(np.median(usual)), float(np.median(now))
    if beyond < 0.5 or is_ < _LATER * max(was, 1.0):
        return None
    sure = (beyond - 0.05) / float(np.sqrt(0.05 * 0.95 / len(now)))
    return Defect("late samples", was, is_, sure, f"samples come {is_:.3g} s after their end, {was:.3g} s before")
