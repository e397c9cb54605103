"""Perturbations of whole stretches of history, each with a ladder of severities and the cause it stands for."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.errors import DataError
from dq_pipeline.records import Cause

Floats = NDArray[np.float64]

GROWS_OVER = 50
"""Samples over which a calibration drift grows to its size."""


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """Samples that a perturbation befalls, in stream order.

    Attributes
    ----------
    values : (n, T, f)
        As they will be known once the recordings are complete.
    early : (n, H, f)
        The horizon rows as they are known when the answer is due.
    disordered : (n,)
        Rows that came late.
    target : (n,)
    """

    values: Floats
    early: Floats
    disordered: NDArray[np.int64]
    target: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Blow:
    """How hard, on which columns, and in what units.

    Attributes
    ----------
    columns : (c,)
        Places of the sensors that are hit.
    spread : (f,)
        How much each sensor differs from recording to recording, see :func:`spread_between`.
    logarithmic : (f,)
        Whether a sensor is given as a logarithm: a factor is then an offset.
    target_spread
        The same of the target.
    """

    severity: float
    rng: np.random.Generator
    columns: NDArray[np.int64]
    spread: Floats
    logarithmic: NDArray[np.bool_]
    target_spread: float = 1.0


Act = Callable[[Stretch, Blow], Stretch]


def on_values(change: Callable[[Floats, Blow], Floats]) -> Act:
    """What happens to the readings of the columns hit happens before the answer as it does after it."""

    def act(stretch: Stretch, blow: Blow) -> Stretch:
        values = stretch.values.copy()
        values[:, :, blow.columns] = change(values[:, :, blow.columns], blow)
        return replace(stretch, values=values, early=values[:, : stretch.early.shape[1]].copy())

    return act


def missing(hit: Floats, blow: Blow) -> Floats:
    """Readings are lost at random."""
    return np.where(blow.rng.random(hit.shape) < blow.severity, np.nan, hit)


def noise(hit: Floats, blow: Blow) -> Floats:
    """White noise."""
    return hit + blow.rng.standard_normal(hit.shape) * blow.severity * blow.spread[blow.columns]


def calibration(hit: Floats, blow: Blow) -> Floats:
    """A factor that grows sample by sample."""
    grown = np.minimum(np.arange(1, len(hit) + 1) / GROWS_OVER, 1.0)[:, None, None]
    return _times(hit, 1.0 + blow.severity * grown, blow)


def unit(hit: Floats, blow: Blow) -> Floats:
    """A factor."""
    return _times(hit, np.full((1, 1, 1), blow.severity), blow)


def offset(hit: Floats, blow: Blow) -> Floats:
    """Too high throughout."""
    return hit + blow.severity * blow.spread[blow.columns]


def stuck(hit: Floats, blow: Blow) -> Floats:
    """Each repeats one reading from somewhere in the recording to its end, for that share of the rows."""
    first = min(round((1.0 - blow.severity) * hit.shape[1]), hit.shape[1] - 1)
    held = hit.copy()
    held[:, first:] = hit[:1, first : first + 1]
    return held


def process_change(hit: Floats, blow: Blow) -> Floats:
    """Up and down by turns."""
    turns = np.where(np.arange(hit.shape[2]) % 2, -1.0, 1.0)
    return hit + turns * blow.severity * blow.spread[blow.columns]


def delay(stretch: Stretch, blow: Blow) -> Stretch:
    """The last rows of the horizon are not there when the answer is due, and come once it was given."""
    rows = stretch.early.shape[1]
    kept = max(round((1.0 - blow.severity) * rows), 1)
    early = stretch.early.copy()
    early[:, kept:] = np.nan
    return replace(stretch, early=early, disordered=stretch.disordered + (rows - kept))


def outage(stretch: Stretch, blow: Blow) -> Stretch:
    """A share of the sensors says nothing at all; one is left, since a recording without a reading is refused."""
    count = min(max(round(blow.severity * len(blow.columns)), 1), max(len(blow.columns) - 1, 1))
    silent = blow.rng.permutation(blow.columns)[:count]
    values = stretch.values.copy()
    values[:, :, silent] = np.nan
    return replace(stretch, values=values, early=values[:, : stretch.early.shape[1]].copy())


def concept(stretch: Stretch, blow: Blow) -> Stretch:
    """Another target for the same readings."""
    return replace(stretch, target=stretch.target + blow.severity * blow.target_spread)


def _times(hit: Floats, factor: Floats, blow: Blow) -> Floats:
    return np.where(blow.logarithmic[blow.columns], hit + np.log10(factor), hit * factor)


@dataclass(frozen=True, slots=True)
class Perturbation:
    """One kind of damage.

    Attributes
    ----------
    name, meaning
        What it is called, and what it does; `{}` stands for the severity.
    ladder
        Severities, the mildest first.
    causes
        Names that triage may rightly give it.
    hits
        "all": every sensor; "one"; "half": every second one.
    medium
        The severity of a drill that states none.
    most
        The greatest severity that there is: 1 for a share.
    """

    name: str
    meaning: str
    ladder: tuple[float, ...]
    causes: tuple[Cause, ...]
    act: Act
    hits: str = "one"
    medium: float = 1.0
    most: float = math.inf

    def checked(self, severity: float) -> float:
        """The severity. Raises DataError where it is none of this perturbation's."""
        if not (math.isfinite(severity) and 0.0 < severity <= self.most):
            upto = "" if math.isinf(self.most) else f" and at most {self.most:g}"
            ladder = ", ".join(f"{one:g}" for one in self.ladder)
            raise DataError(f"{self.name}: a severity above 0{upto} expected, found {severity:g}; its ladder: {ladder}")
        return severity

    def strike(self, stretch: Stretch, blow: Blow) -> Stretch:
        """The stretch with the damage done; what came in is left as it is."""
        return self.act(stretch, blow)


def columns_hit(one: Perturbation, sensor: int, sensors: int) -> NDArray[np.int64]:
    """Places of the sensors that it hits, where `sensor` is the one to be hit if it hits one."""
    if one.hits == "one":
        return np.array([sensor], np.int64)
    return np.arange(0, sensors, 2 if one.hits == "half" and sensors > 1 else 1, dtype=np.int64)


def spread_between(values: Floats) -> Floats:
    """Robust standard deviation of each sensor from recording to recording at the same row, the median over the rows.

    Parameters
    ----------
    values : (n, T, f)
        NaN where nothing was read.

    Returns
    -------
    (f,)
        In the sensor's unit, at least 1e-9; the plain standard deviation over all readings where half of the recordings
        read the same.

    Examples
    --------
    >>> spread_between(np.array([0.0, 1.0, 2.0])[:, None, None] * np.ones((1, 4, 1))).round(3).tolist()
    [1.483]
    """
    found = np.full(values.shape[2], 1e-9)
    for j in range(values.shape[2]):
        rows = values[:, (np.isfinite(values[:, :, j]).sum(axis=0) > 1), j]
        if rows.size:
            usual = np.nanmedian(rows, axis=0)
            spread = float(np.median(1.4826 * np.nanmedian(np.abs(rows - usual), axis=0)))
            found[j] = max(spread or float(np.nanstd(rows)), 1e-9)
    return found
