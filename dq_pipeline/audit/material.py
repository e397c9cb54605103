"""What an audit looks at: recordings before and now, their levels, and where each sensor's change begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.drift import relations
from dq_pipeline.drift.cause import LEAST_AFTER, LEAST_BEFORE
from dq_pipeline.drift.relations import Levels
from dq_pipeline.samples import turned_back

Floats = NDArray[np.float64]

NEWEST = 30
"""Samples that a sensor is measured on; more only let the process wander."""


class Material:
    """Recordings (N, T, f) before and (n, T, f) now; what was found to be exactly wrong is turned back on the way.

    Attributes
    ----------
    enough
        Whether there are enough of both to compare; nothing below is there otherwise.
    usual, known
        Usual levels of each phase and sensor, and the standardised ones before, (N, K, f).
    onset : (f,)
        Place of the first recording that differs.
    beside : (N, K, 1), (n, K, 1) or None
        The target as one neighbour more.
    """

    usual: Levels
    known: Floats
    onset: NDArray[np.int64]
    beside: tuple[Floats, Floats] | None = None

    def __init__(
        self,
        before: Floats,
        after: Floats,
        sensors: Sequence[str],
        units: Sequence[str],
        trusted: Mapping[str, str],
        ranges: Sequence[tuple[float, float]] | None,
        target: tuple[Floats, Floats] | None,
    ) -> None:
        self.sensors, self.units, self.trusted = list(sensors), list(units), trusted
        self.ranges = ranges or [(-np.inf, np.inf)] * len(self.sensors)
        # one sensor's readings beside each other: nearly all that follows looks at one sensor
        self.before = np.moveaxis(np.ascontiguousarray(np.moveaxis(before, 2, 0)), 0, 2)
        self.after = np.moveaxis(np.ascontiguousarray(np.moveaxis(after.copy(), 2, 0)), 0, 2)
        self.enough = len(before) >= LEAST_BEFORE and len(after) >= LEAST_AFTER
        if self.enough:
            levels = relations.levels_of(before)
            self.usual = Levels.fit(levels)
            self.known = self.usual.standardise(levels)
            self.onset = relations.onsets(self.known, self.standardised(after), 0, LEAST_AFTER)
            if target is not None:
                self.beside = relations.as_neighbour(*target, phases=self.usual.mean.shape[0])

    def standardised(self, values: Floats) -> Floats:
        """Levels of recordings in standard deviations, (n, K, f)."""
        return self.usual.standardise(relations.levels_of(values))

    def column(self, j: int) -> tuple[Floats, Floats]:
        """One sensor before, and the newest since its change began."""
        return self.before[:, :, j], self.after[int(self.onset[j]) :, :, j][-NEWEST:]

    def turn_back(self, j: int, gain: float, offset: float) -> None:
        """Undo ``reading = gain * truth + offset`` from the change on."""
        since = slice(int(self.onset[j]), None)
        self.after[since, :, j] = turned_back(self.after[since, :, j], gain, offset)

    def varies(self, j: int) -> bool:
        """Whether the sensor showed more than one reading in most recordings."""
        with relations.no_complaints():
            spans = np.nanmax(self.before[:, :, j], axis=1) - np.nanmin(self.before[:, :, j], axis=1)
        return bool(np.nanmedian(np.nan_to_num(spans)) > 0.0)
