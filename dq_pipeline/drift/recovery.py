"""Whether a sensor at fault reads as it did before."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.drift import relations
from dq_pipeline.drift.cause import BETTER, HARDLY

Floats = NDArray[np.float64]

LEAST_WELL = 10
"""Samples that must agree with the neighbours again."""
_OUTLYING = 81.0


def well_since(before: Floats, newest: Floats, sensor: int, gain: float, offset: float) -> int | None:
    """Index of the first sample from which on the sensor reads what its neighbours say; None if it does not.

    The samples that are taken for well must be more likely under no fault than under the known one, together as well
    as at their end, and their level must lie where it usually does.

    Parameters
    ----------
    before : (N, T, f)
        Samples in time order while all was well.
    newest : (n, T, f)
        The newest samples, since the fault was found.
    gain, offset
        Of the fault: the sensor shows ``gain * (what it should read) + offset``.
    """
    if len(newest) < LEAST_WELL or len(before) < 2 * LEAST_WELL:
        return None
    levels = relations.levels_of(before), relations.levels_of(newest)
    usual = relations.Levels.fit(levels[0])
    known, new = usual.standardise(levels[0]), usual.standardise(levels[1])
    residual = relations.cross_residuals(known)[:, :, [sensor]]
    now = relations.residuals(relations.precision(known), new)[:, :, [sensor]]
    expected = usual.mean[:, sensor] + usual.sd[:, sensor] * (new[:, :, sensor] - now[:, :, 0])
    sd = usual.sd[:, sensor] * relations.spread(residual[:, :, 0])
    shown = levels[1][:, :, sensor]
    wide = max(abs(gain), 1e-6)
    ill = np.minimum(((shown - offset - gain * expected) / (wide * sd)) ** 2, _OUTLYING) + 2.0 * np.log(wide)
    well = np.minimum(((shown - expected) / sd) ** 2, _OUTLYING)
    better = np.nan_to_num(np.nanmean(np.where(np.isfinite(shown), ill - well, 0.0), axis=1))
    total = np.cumsum(better[::-1])[::-1]
    begin = int(np.argmax(total))
    length = len(newest) - begin
    if length < LEAST_WELL or total[begin] < BETTER * length or np.median(better[-LEAST_WELL:]) < BETTER:
        return None
    moved = relations.moved(relations.shapes(residual), relations.shapes(now[begin:]))
    return begin if float(np.abs(moved).max()) <= HARDLY else None
