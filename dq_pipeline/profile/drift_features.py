"""Seven numbers a sensor that say what one sample looks like beside the reference's rows."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from dq_pipeline.errors import DataError
from dq_pipeline.profile.by_sensor import by_sensor, sums_of, ticks
from dq_pipeline.profile.features_pass import FLOOR, SUMS, features_of

# compiled with by_sensor, features_pass: 3276bbc7
Floats = NDArray[np.float64]

FEATURES = ("mean", "spread", "roughness", "slope", "upper_tail", "lower_tail", "residual_spread")
"""Names of the seven features, in the order of their axis."""


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
    covariance = 0.98 * covariance + 0.02 * np.diag(np.diag(covariance)) + FLOOR * np.eye(sensors)
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
    columns = by_sensor(_samples(values, constants.sensors))
    out = np.empty((len(columns), len(FEATURES), constants.sensors))
    _each(columns, constants.median, constants.sd, constants.q10, constants.q90, constants.residual, out)
    return out


def _samples(values: NDArray[np.floating[Any]], sensors: int | None) -> Floats:
    if values.ndim != 3 or (sensors is not None and values.shape[2] != sensors):
        expected = f"(n, T, {'f' if sensors is None else sensors})"
        raise DataError(f"Expected samples of shape {expected}, found {values.shape}")
    return np.ascontiguousarray(values, dtype=np.float64)


@njit(cache=True, nogil=True)
def _each(
    columns: Floats, median: Floats, sd: Floats, q10: Floats, q90: Floats, residual: Floats, out: Floats
) -> None:  # pragma: no cover - compiled
    n, sensors, padded = columns.shape
    scaled, sums, clock = np.empty((sensors, padded - 2)), np.empty((sensors, SUMS)), ticks(padded - 2)
    seen = np.empty(sensors, np.int64)
    time, time_squares = sums_of(clock)
    for i in range(n):
        features_of(columns[i], clock, time, time_squares, median, sd, q10, q90, residual, scaled, seen, sums, out[i])
