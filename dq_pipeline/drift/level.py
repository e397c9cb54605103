"""The level that windows of samples are measured against, and how far a window lies from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.drift.divergences import DIVERGENCES
from dq_pipeline.drift.null import MOMENTS, Null, mean_moments
from dq_pipeline.profile.kernel import BINS

Floats = NDArray[np.float64]

CHANNELS = len(MOMENTS) + BINS + 1
"""What is read of each sample and sensor: four moments, 32 bins and the missing cells."""


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """Mean moments (4, f) and cells per bin (f, 33) of a sample, and how many samples say so."""

    moments: Floats
    histogram: Floats
    samples: NDArray[np.int64]

    @classmethod
    def of(cls, readings: Floats, null: Null) -> Level:
        """Of some samples (n, 37, f), n > 0; a moment that is missing counts as the reference's."""
        moments, histogram = np.split(readings, [len(MOMENTS)], axis=1)
        return cls(mean_moments(moments, null.mean), histogram.mean(axis=0).T.copy(), np.asarray(len(readings)))

    @classmethod
    def of_reference(cls, null: Null) -> Level:
        """That of the reference."""
        return cls(null.mean, null.histogram, np.asarray(null.samples))


def measure(null: Null, level: Level, window: Floats) -> tuple[Floats, Floats]:
    """Divergences (5, f) and standardised moments (4, f) of a window (W, 37, f).

    What chance does is known around the reference. Around a level of fewer samples it does more: the deviation is
    drawn in by as much, so that the reference's null still judges it.
    """
    around_reference = 1.0 / null.window + 1.0 / null.samples
    shrink = np.sqrt(around_reference / (1.0 / null.window + 1.0 / int(level.samples)))
    found = Level.of(window, null)
    z = (found.moments - level.moments) / null.scale * shrink
    cells = np.maximum(level.histogram + shrink * (found.histogram - level.histogram), 0.0)
    counts, usual = null.window * cells, null.samples * level.histogram
    return np.stack([divergence(counts, usual) for divergence in DIVERGENCES.values()]), z


def change_within(window: Floats, level: Level, sensor: int, moment: int | None) -> int:
    """Sample of a window (W, 37, f) at which the change began: where what follows deviates most for its length.

    By one of a sensor's moments, or by its histogram along the way the whole window went. It never lies before the
    window: a change that is older is dated too late.
    """
    if moment is None:
        cells = window[:, len(MOMENTS) :, sensor] - level.histogram[sensor]
        series = cells @ cells.mean(axis=0)
    else:
        series = np.nan_to_num(window[:, moment, sensor] - level.moments[moment, sensor])
    following = np.abs(np.cumsum(series[::-1])[::-1]) / np.sqrt(np.arange(len(series), 0, -1))
    return int(np.argmax(following))
