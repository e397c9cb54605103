"""Seven numbers a sensor that say what one sample looks like beside the reference's rows."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from dq_pipeline.errors import DataError
from dq_pipeline.profile.by_sensor import by_sensor

Floats = NDArray[np.float64]

FEATURES = ("mean", "spread", "roughness", "slope", "upper_tail", "lower_tail", "residual_spread")
"""Names of the seven features, in the order of their axis."""

_FLOOR = 1e-6


@dataclass(frozen=True, slots=True)
class RowConstants:
    """What the features need of the reference's rows.

    Attributes
    ----------
    median, sd : (f,)
        Location and scale of a row; `sd` is 1 where the sensor is constant. Scaled rows are ``(x - median) / sd``.
    q10, q90 : (f,)
        10 % and 90 % quantiles of the scaled rows.
    residual : (f, f)
        Row j turns a scaled, centred row into what sensor j shows beyond a regression on the other sensors.
    """

    median: Floats
    sd: Floats
    q10: Floats
    q90: Floats
    residual: Floats

    @property
    def sensors(self) -> int:
        """Number of sensors."""
        return int(self.median.shape[0])

    def arrays(self) -> MappingProxyType[str, Floats]:
        """The constants by name, for storing; ``RowConstants(**arrays)`` brings them back."""
        return MappingProxyType({name: getattr(self, name) for name in self.__slots__})


def fit_row_constants(reference: NDArray[np.floating[Any]]) -> RowConstants:
    """Row constants of a reference.

    Parameters
    ----------
    reference : (N, T, f)
        Reference samples in the sensors' units; NaN is a missing cell.

    Raises
    ------
    DataError
        If the array has not three axes or holds no row or no sensor.
    """
    values = _samples(reference, None)
    count, rows, sensors = values.shape
    if count * rows * sensors == 0:
        raise DataError(f"Expected at least one reference row and sensor, found shape {values.shape}")
    median, sd = np.zeros(sensors), np.ones(sensors)
    q10, q90 = np.zeros(sensors), np.zeros(sensors)
    centred = np.zeros((count * rows, sensors))
    for j in range(sensors):
        column = values[:, :, j]
        observed = np.isfinite(column)
        seen = column[observed]
        if seen.size == 0:
            continue
        median[j] = np.median(seen)
        spread = float(np.std(seen))
        sd[j] = spread if spread >= 1e-9 else 1.0
        q10[j], q90[j] = np.quantile((seen - median[j]) / sd[j], (0.1, 0.9))
        scaled = np.where(observed, (column - median[j]) / sd[j], 0.0)
        cells = np.maximum(observed.sum(axis=1, keepdims=True), 1)
        deviation = scaled - scaled.sum(axis=1, keepdims=True) / cells
        centred[:, j] = np.where(observed, deviation, 0.0).ravel()
    covariance = centred.T @ centred / (count * rows)
    covariance = 0.98 * covariance + 0.02 * np.diag(np.diag(covariance)) + _FLOOR * np.eye(sensors)
    precision = np.linalg.inv(covariance)
    return RowConstants(median, sd, q10, q90, np.ascontiguousarray(precision / np.diag(precision)[:, None]))


def features(values: NDArray[np.floating[Any]], constants: RowConstants) -> Floats:
    """Seven features a sample and sensor.

    Mean of the scaled rows, half log variance, half log mean squared difference of neighbouring rows, least-squares
    slope over the sample's time on [-1, 1], mean excess above the 90 % and below the 10 % quantile, half log variance
    of the residual on the other sensors (0 with one sensor).

    Parameters
    ----------
    values : (n, T, f)
        Samples in the sensors' units; a cell that is not finite is missing.

    Returns
    -------
    (n, 7, f)
        Dimensionless, in the order of `FEATURES`. NaN where a sensor has fewer than two cells, and the roughness also
        where no two neighbouring rows were seen.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> reference = rng.normal(20.0, 2.0, (50, 60, 2))
    >>> warm = features(reference[:1] + 2.0, fit_row_constants(reference))
    >>> bool(warm[0, 0, 0] > 0.5)
    True
    """
    return features_by_sensor(by_sensor(_samples(values, constants.sensors)), constants)


def features_by_sensor(columns: Floats, constants: RowConstants) -> Floats:
    """The same of samples that stand sensor by sensor, (n, f, T) contiguous."""
    out = np.empty((columns.shape[0], len(FEATURES), columns.shape[1]))
    features_into(columns, constants.median, constants.sd, constants.q10, constants.q90, constants.residual, out)
    return out


def _samples(values: NDArray[np.floating[Any]], sensors: int | None) -> Floats:
    if values.ndim != 3 or (sensors is not None and values.shape[2] != sensors):
        expected = f"(n, T, {'f' if sensors is None else sensors})"
        raise DataError(f"Expected samples of shape {expected}, found {values.shape}")
    return np.ascontiguousarray(values, dtype=np.float64)


# Sums may be taken in any order, several at once; whether a cell is missing must still be asked (no `nnan`, no `ninf`).
@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})
def features_into(
    values: Floats, median: Floats, sd: Floats, q10: Floats, q90: Floats, residual: Floats, out: Floats
) -> None:  # pragma: no cover - compiled
    """The compiled pass behind :func:`features`: `values` (n, f, T) float64 into `out` (n, 7, f)."""
    n, sensors, rows = values.shape
    scaled = np.empty((sensors, rows))
    clock = np.empty(rows)
    step = 2.0 / (rows - 1) if rows > 1 else 0.0
    for t in range(rows):
        clock[t] = step * t - 1.0
    for i in range(n):
        for j in range(sensors):
            column, middle, per_sd = scaled[j], median[j], 1.0 / sd[j]
            for t in range(rows):
                column[t] = (values[i, j, t] - middle) * per_sd
            count = 0
            for t in range(rows):
                count += int(column[t] - column[t] == 0.0)
            if count < 2:
                out[i, :, j] = np.nan
                column[:] = 0.0
            elif count == rows:
                _whole(column, clock, q10[j], q90[j], out[i, :, j])
            else:
                _in_part(column, clock, count, q10[j], q90[j], out[i, :, j])
        if sensors == 1:
            if not np.isnan(out[i, 0, 0]):
                out[i, 6, 0] = 0.0
            continue
        _residuals(scaled, residual, out[i])


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})
def _whole(column: Floats, clock: Floats, low: float, high: float, out: Floats) -> None:  # pragma: no cover - compiled
    """Six features of a sensor whose every cell was seen; leaves the column centred."""
    rows = column.shape[0]
    total = above = below = squared_steps = time_variation = 0.0
    for t in range(rows):
        x = column[t]
        total += x
        over, under = x - high, low - x
        above += over if over > 0.0 else 0.0
        below += under if under > 0.0 else 0.0
        time_variation += clock[t] * clock[t]
    for t in range(1, rows):
        change = column[t] - column[t - 1]
        squared_steps += change * change
    mean = total / rows
    variation = cross = 0.0
    for t in range(rows):
        x = column[t] - mean
        column[t] = x
        variation += x * x
        cross += x * clock[t]
    out[0] = mean
    out[1] = 0.5 * np.log(variation / rows + _FLOOR)
    out[2] = 0.5 * np.log(squared_steps / (rows - 1) + _FLOOR)
    out[3] = cross / time_variation
    out[4] = above / rows
    out[5] = below / rows


@njit(cache=True, nogil=True)
def _in_part(
    column: Floats, clock: Floats, count: int, low: float, high: float, out: Floats
) -> None:  # pragma: no cover - compiled
    """The same where cells are missing, which are 0 after centring."""
    rows = column.shape[0]
    pairs = 0
    total = squared_steps = time_total = above = below = 0.0
    previous = np.nan
    for t in range(rows):
        x = column[t]
        if not np.isfinite(x):
            previous = np.nan
            continue
        total += x
        time_total += clock[t]
        above += max(x - high, 0.0)
        below += max(low - x, 0.0)
        if not np.isnan(previous):
            pairs += 1
            squared_steps += (x - previous) ** 2
        previous = x
    mean, time_mean = total / count, time_total / count
    variation = cross = time_variation = 0.0
    for t in range(rows):
        x = column[t]
        if not np.isfinite(x):
            column[t] = 0.0
            continue
        x -= mean
        time = clock[t] - time_mean
        column[t] = x
        variation += x * x
        cross += x * time
        time_variation += time * time
    out[0] = mean
    out[1] = 0.5 * np.log(variation / count + _FLOOR)
    out[2] = 0.5 * np.log(squared_steps / pairs + _FLOOR) if pairs > 0 else np.nan
    out[3] = cross / time_variation
    out[4] = above / count
    out[5] = below / count


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})
def _residuals(centred: Floats, residual: Floats, out: Floats) -> None:  # pragma: no cover - compiled
    """The last feature, from the scatter (f, f) of the centred columns (f, T)."""
    sensors, rows = centred.shape
    scatter = np.empty((sensors, sensors))
    for a in range(sensors):
        for b in range(a, sensors):
            product = 0.0
            for t in range(rows):
                product += centred[a, t] * centred[b, t]
            scatter[a, b] = product
    for j in range(sensors):
        if np.isnan(out[0, j]):
            continue
        power = 0.0
        for a in range(sensors):
            row = 0.5 * residual[j, a] * scatter[a, a]
            for b in range(a + 1, sensors):
                row += residual[j, b] * scatter[a, b]
            power += 2.0 * residual[j, a] * row
        out[6, j] = 0.5 * np.log(max(power, 0.0) / rows + _FLOOR)
