"""Troubles of a stream with a known cause, to inject from a moment on: what triage is judged by.

Every kind has three sizes, stated in the field's terms: of a sensor in its own sample-to-sample standard deviations
or in noise it has anyway, of delivery and labels as the share that is hit, of the target in standard deviations of the
model's error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dq_pipeline import units
from dq_pipeline.errors import DataError

Floats = NDArray[np.float64]
Severity = Literal["small", "medium", "large"]
SEVERITIES: tuple[Severity, ...] = ("small", "medium", "large")

SIZES: Mapping[str, Mapping[str, tuple[float, float, float]]] = MappingProxyType(
    {
        "late_data": {
            "lost_rows": (0.02, 0.10, 0.30),  # share of the rows of every recording
            "late_rows": (0.05, 0.20, 0.50),  # share of the rows that come after younger ones
            "delayed": (3.0, 10.0, 50.0),  # so many times the usual seconds to arrival
            "lost_samples": (0.05, 0.20, 0.50),  # share of the recordings
            "twice": (0.05, 0.20, 0.50),  # share of the recordings that come twice
        },
        "calibration": {
            "offset": (1.0, 2.0, 4.0),  # sample-to-sample sd
            "gain": (1.0, 2.0, 4.0),  # so that the usual level moves by so many sample-to-sample sd
            "unit": (0.0, 1.0, 2.0),  # has the size that units have: only from medium on
            "sign": (0.0, 1.0, 1.0),
            "swapped": (0.0, 1.0, 1.0),
        },
        "dead_sensor": {
            "stuck": (0.25, 0.50, 1.00),  # share of the rows that repeat one reading
            "dead": (0.25, 0.50, 1.00),  # share of the rows that read nothing
            "clipped": (0.95, 0.80, 0.50),  # quantile of the usual readings above which it reads no higher
            "noisy": (1.0, 3.0, 10.0),  # noise added, in that it has from row to row
        },
        "concept_drift": {
            "shift": (1.0, 2.0, 4.0),  # sd of the model's error
            "slope": (1.0, 2.0, 4.0),  # the same for each sd of what the sensors have in common
        },
        "labels": {
            "swapped": (0.10, 0.30, 0.60),  # share of the labels that are another sample's
            "wrong": (0.05, 0.15, 0.40),  # share of the labels that are off by 4 to 8 sd of the model's error
            "missing": (0.30, 0.60, 1.00),  # share that does not come
        },
    }
)
"""Cause -> kind -> sizes; a kind without a size at a severity is 0 there and is not drawn."""


@dataclass(frozen=True, slots=True, eq=False)
class Delivered:
    """Recordings as they came.

    Attributes
    ----------
    values : (n, T, f)
    target : (n,)
        NaN where it has not come.
    late : (n,)
        Seconds from a recording's end to its arrival.
    disordered : (n,)
        Share of the rows that came after younger ones.
    came : (n,)
        False: expected, and lost.
    twice : (n,)
        It came once more.
    """

    values: Floats
    target: Floats
    late: Floats
    disordered: Floats
    came: NDArray[np.bool_]
    twice: NDArray[np.bool_]

    @classmethod
    def as_usual(cls, values: Floats, target: Floats, late: Floats) -> Delivered:
        """Nothing lost, late or twice."""
        n = len(values)
        return cls(values.copy(), target.copy(), late.copy(), np.zeros(n), np.ones(n, np.bool_), np.zeros(n, np.bool_))


@dataclass(frozen=True, slots=True, eq=False)
class Usual:
    """What sizes are given in.

    Attributes
    ----------
    level, sd : (f,)
        Mean of the recordings' means, and their standard deviation from recording to recording.
    noise : (f,)
        Robust standard deviation from row to row.
    readings : (m, f)
        Usual readings, a sample of them.
    error
        Standard deviation of the model's error.
    common : (f,)
        Direction in which the sensors move together, in sd of each: the first principal component.
    together
        Standard deviation along it.
    units
        Of the sensors.
    """

    level: Floats
    sd: Floats
    noise: Floats
    readings: Floats
    error: float
    common: Floats
    together: float
    units: tuple[str, ...]

    @classmethod
    def of(cls, values: Floats, error: float, units_of: tuple[str, ...]) -> Usual:
        """From undisturbed recordings (n, T, f)."""
        mean = np.nanmean(values, axis=1)
        level, sd = mean.mean(axis=0), np.maximum(mean.std(axis=0), 1e-9)
        jump = np.abs(np.diff(values, axis=1)).reshape(-1, values.shape[2])
        noise = np.maximum(1.4826 * np.median(jump, axis=0) / np.sqrt(2.0), 1e-3 * sd)
        cells = values.reshape(-1, values.shape[2])
        z = (mean - level) / sd
        common = np.linalg.svd(z, full_matrices=False)[2][0]
        kept = cells[:: max(len(cells) // 5000, 1)]
        return cls(level, sd, noise, kept, error, common, float(np.std(z @ common)), units_of)


def inject(
    cause: str, kind: str, severity: Severity, sensor: int, came: Delivered, usual: Usual, rng: np.random.Generator
) -> Delivered:
    """All of these recordings with one trouble.

    Parameters
    ----------
    sensor
        Position of the one at fault, where it is a sensor's.

    Raises
    ------
    DataError
        If the cause or kind is unknown or has no size at this severity.
    """
    size = SIZES.get(cause, {}).get(kind, (0.0, 0.0, 0.0))[SEVERITIES.index(severity)]
    if not size:
        raise DataError(f"a kind of {', '.join(SIZES)} with a size expected, found {cause}/{kind} at {severity}")
    act = {
        "late_data": _late,
        "calibration": _calibration,
        "dead_sensor": _dead,
        "concept_drift": _concept,
        "labels": _labels,
    }[cause]
    return act(kind, size, sensor, came, usual, rng)


def partner(sensor: int, usual: Usual) -> int:
    """The channel that a swap exchanges a sensor with: the nearest in its unit that stands elsewhere, else in any."""
    apart = np.abs(usual.level - usual.level[sensor]) / usual.sd[sensor]
    same = np.array([one == usual.units[sensor] for one in usual.units])
    same[sensor] = False
    there = same & (apart >= 2.0)
    if not there.any():
        there = np.arange(len(apart)) != sensor
        there &= apart >= 2.0
    return int(np.argmin(np.where(there, apart, np.inf)))


def _late(kind: str, size: float, sensor: int, came: Delivered, usual: Usual, rng: np.random.Generator) -> Delivered:
    n, rows, _ = came.values.shape
    if kind == "lost_rows":
        values = came.values.copy()
        values[rng.random((n, rows)) < size] = np.nan
        return replace(came, values=values)
    if kind == "late_rows":
        return replace(came, disordered=rng.binomial(rows, size, n) / rows)
    if kind == "delayed":
        return replace(came, late=came.late * size * rng.uniform(0.8, 1.2, n))
    if kind == "lost_samples":
        return replace(came, came=rng.random(n) >= size)
    return replace(came, twice=rng.random(n) < size)


def _calibration(
    kind: str, size: float, sensor: int, came: Delivered, usual: Usual, rng: np.random.Generator
) -> Delivered:
    values, j = came.values.copy(), sensor
    sign = float(rng.choice([-1.0, 1.0]))
    if kind == "offset":
        values[:, :, j] += sign * size * usual.sd[j]
    elif kind == "gain":
        values[:, :, j] *= 1.0 + sign * size * usual.sd[j] / max(abs(usual.level[j]), usual.sd[j])
    elif kind == "unit":
        gain, offset = _conversion(usual.units[j], int(size), rng)
        values[:, :, j] = gain * values[:, :, j] + offset
    elif kind == "sign":
        values[:, :, j] *= -1.0
    else:
        k = partner(j, usual)
        values[:, :, [j, k]] = values[:, :, [k, j]]
    return replace(came, values=values)


def _conversion(unit: str, size: int, rng: np.random.Generator) -> tuple[float, float]:
    """Into another unit of its dimension, the larger changes for the larger size; a slipped decimal without one."""
    if unit == "log10(mbar)":
        return 1.0, 2.0 if size > 1 else float(np.log10(0.750062))  # pascals and torr in place of millibars
    known = units.UNITS.get(unit)
    others = [
        units.conversion(unit, other)
        for other, one in units.UNITS.items()
        if known is not None and other != unit and one.dimension == known.dimension
    ] or [(0.1, 0.0), (10.0, 0.0), (0.01, 0.0), (100.0, 0.0)]
    others.sort(key=lambda one: abs(np.log(one[0])) + (0.1 if one[1] else 0.0))
    half = max(len(others) // 2, 1)
    return others[int(rng.integers(half))] if size == 1 else others[-1 - int(rng.integers(half))]


def _dead(kind: str, size: float, sensor: int, came: Delivered, usual: Usual, rng: np.random.Generator) -> Delivered:
    values, j = came.values.copy(), sensor
    n, rows, _ = values.shape
    if kind in ("stuck", "dead"):
        length = max(round(size * rows), 1)
        held = float(values[0, 0, j])
        for i in range(n):
            first = int(rng.integers(rows - length + 1))
            reads = (held if length == rows else values[i, first, j]) if kind == "stuck" else np.nan
            values[i, first : first + length, j] = reads
    elif kind == "clipped":
        values[:, :, j] = np.minimum(values[:, :, j], np.quantile(usual.readings[:, j], size))
    else:
        values[:, :, j] += size * usual.noise[j] * rng.standard_normal((n, rows))
    return replace(came, values=values)


def _concept(kind: str, size: float, sensor: int, came: Delivered, usual: Usual, rng: np.random.Generator) -> Delivered:
    sign = float(rng.choice([-1.0, 1.0]))
    if kind == "shift":
        return replace(came, target=came.target + sign * size * usual.error)
    z = ((np.nanmean(came.values, axis=1) - usual.level) / usual.sd) @ usual.common
    return replace(came, target=came.target + sign * size * usual.error * z / usual.together)


def _labels(kind: str, size: float, sensor: int, came: Delivered, usual: Usual, rng: np.random.Generator) -> Delivered:
    target, n = came.target.copy(), len(came.target)
    hit = np.flatnonzero(rng.random(n) < size)
    if kind == "missing":
        target[hit] = np.nan
    elif kind == "wrong":
        target[hit] += rng.choice([-1.0, 1.0], len(hit)) * rng.uniform(4.0, 8.0, len(hit)) * usual.error
    else:
        target[hit] = target[rng.permutation(hit)]
    return replace(came, target=target)
