"""The 90 % interval on recorded streams: coverage and mean half-width as released, and followed as labels come.

Time-ordered: 25 samples are predicted, then their labels are known. Once with a refit every 50 samples, so that a
release answers 50, and once with the first release for good, which shows what recalibration alone can do about a drift.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.protocols import available, stream
from dq_pipeline.model.intervals import recalibrated
from dq_pipeline.replay.learner import Learner

HISTORY = {"hydraulic": 300, "skab": 250, "vacuum": 300}
BATCH, EVERY = 25, 50
COVERED = 0.85
"""The lower limit of the gate for promotion."""

Outcome = tuple[NDArray[np.bool_], NDArray[np.float64]]


def measure(short: bool) -> list[dict[str, Any]]:
    """Coverage and half-width per process and kind of renewal; `against` is the interval as it was released."""
    rows = []
    for name in ("vacuum",) if short else available():
        for renewed in (True, False):
            fixed, followed = _play(name, renewed, 400 if short else None)
            case = f"intervals/{name}/{f'refit every {EVERY}' if renewed else 'never refitted'}"
            after, before = float(np.mean(followed[0])), float(np.mean(fixed[0]))
            bar = COVERED if renewed else None
            rows.append(_row(f"{case}/coverage", after, before, "share", bar, None if bar is None else after >= bar))
            rows.append(
                _row(f"{case}/half-width", float(np.mean(followed[1])), float(np.mean(fixed[1])), "target's unit")
            )
    return rows


def _play(name: str, renewed: bool, samples: int | None) -> tuple[Outcome, Outcome]:
    """Whether each sample was covered, and how widely: as released, and recalibrated."""
    process, batch = stream(name, samples)
    batch = batch.take(np.flatnonzero(np.isfinite(batch.target)))
    begin = HISTORY[name]
    learner, since = Learner.on(batch, process, begin, candidate={}, seed=0), begin
    errors, missed = np.empty(0), np.empty(0, dtype=np.bool_)
    fixed: list[tuple[NDArray[np.bool_], float]] = []
    followed: list[tuple[NDArray[np.bool_], float]] = []
    for first in range(begin, len(batch), BATCH):
        until = min(first + BATCH, len(batch))
        if renewed and first - since >= EVERY:
            learner, since = learner.refitted(batch, first), first
            errors, missed = np.empty(0), np.empty(0, dtype=np.bool_)
        off = np.abs(batch.target[first:until] - learner.predict(batch, first, until).value)
        begun = learner.model.calibration
        radius = recalibrated(begun, errors, missed).radius
        fixed.append((off <= begun.radius, begun.radius))
        followed.append((off <= radius, radius))
        errors, missed = np.append(errors, off), np.append(missed, off > radius)
    return _joined(fixed), _joined(followed)


def _joined(found: list[tuple[NDArray[np.bool_], float]]) -> Outcome:
    return np.concatenate([held for held, _ in found]), np.concatenate([np.full(len(h), r) for h, r in found])


def _row(
    name: str, value: float, against: float, unit: str, bar: float | None = None, holds: bool | None = None
) -> dict[str, Any]:
    figures = {"value": round(value, 4), "unit": unit, "against": round(against, 4)}
    return {"name": name, **figures, "bar": bar, "holds": holds}
