"""Features of one recording: seven statistics a sensor, of the horizon rows and of nothing after them."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.errors import DataError
from dq_pipeline.samples import SampleBatch

Floats = NDArray[np.float64]

STATISTICS = ("mean", "sd", "min", "max", "first", "last", "slope")


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """The fitted map from recordings to the matrix the model sees.

    Attributes
    ----------
    sensors
        The sensors expected, in order.
    horizon_rows
        Rows from the start that may be looked at.
    chosen : (k,)
        Positions of the features kept, of ``len(sensors) * 7`` in sensor-major order: those that varied when fitted.
    centre, scale : (k,)
        Standardisation of the features kept. Trees do not need it, single precision does: a temperature of 1600
        that moves by 1e-4 would be lost without it.
    """

    sensors: tuple[str, ...]
    horizon_rows: int
    chosen: NDArray[np.int64]
    centre: Floats
    scale: Floats

    @classmethod
    def fit(cls, batch: SampleBatch, horizon_rows: int) -> Features:
        """Choose the features that vary in `batch`, and how they are centred and scaled.

        Raises
        ------
        DataError
            If there is no sample, or fewer rows than the horizon.
        """
        if not len(batch):
            raise DataError("at least one sample expected to fit features on, found none; annotate history first")
        raw = statistics(_horizon(batch, horizon_rows))
        seen = np.isfinite(raw)
        count = np.maximum(seen.sum(axis=0), 1)
        centre = np.where(seen, raw, 0.0).sum(axis=0) / count
        scale = np.sqrt((np.where(seen, raw - centre, 0.0) ** 2).sum(axis=0) / count)
        chosen = np.flatnonzero(scale > 1e-12 * np.maximum(np.abs(centre), 1.0))
        if not len(chosen):
            chosen = np.arange(raw.shape[1])
            scale = np.ones_like(scale)
        return cls(batch.sensors, horizon_rows, chosen.astype(np.int64), centre[chosen], scale[chosen])

    @property
    def names(self) -> tuple[str, ...]:
        """The k features kept, as ``sensor.statistic``."""
        every = [f"{sensor}.{statistic}" for sensor in self.sensors for statistic in STATISTICS]
        return tuple(every[i] for i in self.chosen)

    def transform(self, batch: SampleBatch) -> Floats:
        """The features of every sample; rows after the horizon are cut before anything is computed.

        Returns
        -------
        (n, k)
            Dimensionless; NaN where a sensor has nothing to show.

        Raises
        ------
        DataError
            If the sensors are others than those fitted, or there are fewer rows than the horizon.
        """
        if batch.sensors != self.sensors:
            raise DataError(f"sensors {', '.join(self.sensors)} expected, found {', '.join(batch.sensors)}")
        return self.matrix(_horizon(batch, self.horizon_rows))

    def matrix(self, values: Floats) -> Floats:
        """The same of bare values (n, T, f) on the clock's grid; rows after the horizon are cut."""
        if values.ndim != 3 or values.shape[1] < self.horizon_rows or values.shape[2] != len(self.sensors):
            raise DataError(
                f"values of shape (n, at least {self.horizon_rows}, {len(self.sensors)}) expected, found {values.shape}"
            )
        raw = statistics(values[:, : self.horizon_rows])
        return np.asarray((raw[:, self.chosen] - self.centre) / self.scale, dtype=np.float64)

    def to_bytes(self) -> bytes:
        """JSON that people can read; numbers survive exactly."""
        document = {
            "sensors": self.sensors,
            "horizon_rows": self.horizon_rows,
            "statistics": STATISTICS,
            "chosen": self.chosen.tolist(),
            "centre": self.centre.tolist(),
            "scale": self.scale.tolist(),
        }
        return json.dumps(document, allow_nan=False).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Features:
        """What :meth:`to_bytes` wrote."""
        document = json.loads(data)
        if tuple(document["statistics"]) != STATISTICS:
            raise DataError(
                f"features made of {', '.join(STATISTICS)} expected, found {', '.join(document['statistics'])}: "
                "the release was made by another version of this package; train a new one"
            )
        return cls(
            sensors=tuple(document["sensors"]),
            horizon_rows=int(document["horizon_rows"]),
            chosen=np.asarray(document["chosen"], dtype=np.int64),
            centre=np.asarray(document["centre"], dtype=np.float64),
            scale=np.asarray(document["scale"], dtype=np.float64),
        )


def statistics(values: Floats) -> Floats:
    """Mean, sd, min, max, first, last and least-squares slope of what was observed.

    Parameters
    ----------
    values : (n, T, f)
        Cells that are not finite count as missing.

    Returns
    -------
    (n, 7 f)
        Sensor-major. Units of the sensor; the slope is per half recording (time runs from -1 to 1). A sensor never
        observed is NaN throughout, a slope of fewer than two cells is NaN. A sample's row does not depend on the
        samples beside it, to the last bit.

    Examples
    --------
    >>> statistics(np.array([[[1.0], [2.0], [np.nan], [4.0]]])).round(3).tolist()
    [[2.333, 1.247, 1.0, 4.0, 1.0, 4.0, 1.5]]
    """
    n, rows, f = values.shape
    x = np.ascontiguousarray(values.transpose(0, 2, 1), dtype=np.float64)
    observed = np.isfinite(x)
    count = observed.sum(axis=2)
    some, several = count > 0, count > 1
    x = np.where(observed, x, 0.0)
    time = np.where(observed, np.linspace(-1.0, 1.0, rows), 0.0)
    mean = _ratio(x.sum(axis=2), count, some)
    centred = np.where(observed, x - mean[..., None], 0.0)
    clock = np.where(observed, time - _ratio(time.sum(axis=2), count, some)[..., None], 0.0)
    first = np.argmax(observed, axis=2)[..., None]
    last = rows - 1 - np.argmax(observed[..., ::-1], axis=2)[..., None]
    out = np.full((n, f, len(STATISTICS)), np.nan)
    out[..., 0] = mean
    out[..., 1] = np.sqrt(_ratio((centred * centred).sum(axis=2), count, some))
    out[..., 2] = np.where(observed, x, np.inf).min(axis=2)
    out[..., 3] = np.where(observed, x, -np.inf).max(axis=2)
    out[..., 4] = np.take_along_axis(x, first, axis=2)[..., 0]
    out[..., 5] = np.take_along_axis(x, last, axis=2)[..., 0]
    out[..., 6] = _ratio((clock * centred).sum(axis=2), (clock * clock).sum(axis=2), several)
    out[~some] = np.nan
    return out.reshape(n, f * len(STATISTICS))


def _horizon(batch: SampleBatch, rows: int) -> Floats:
    if batch.rows < rows:
        raise DataError(
            f"at least {rows} rows expected (sample.horizon_rows), found {batch.rows}; "
            "a shorter recording is placed on the whole grid with missing rows"
        )
    return batch.values[:, :rows]


def _ratio(numerator: Floats, denominator: NDArray[np.float64 | np.int64], where: NDArray[np.bool_]) -> Floats:
    out = np.full(numerator.shape, np.nan)
    return np.asarray(np.divide(numerator, denominator, out=out, where=where), dtype=np.float64)
