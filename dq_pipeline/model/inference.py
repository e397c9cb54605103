"""The inference model: gradient-boosted trees with their interval, frozen, in and out of bytes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray

from dq_pipeline.errors import DataError
from dq_pipeline.model.intervals import Calibration

Floats = NDArray[np.float64]
Task = Literal["regression", "classification"]

_ATTRIBUTE = "dq_pipeline"


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """What the model says of n samples.

    Attributes
    ----------
    value, lower, upper : (n,)
        Regression: in the target's unit. Classification: index of the likeliest class, and the lowest and highest
        index in its prediction set.
    probabilities, classes : (n, c)
        Classification only: probability of each class, and whether it is in the prediction set.
    """

    value: Floats
    lower: Floats
    upper: Floats
    probabilities: Floats | None = None
    classes: NDArray[np.bool_] | None = None

    def covers(self, truth: Floats) -> NDArray[np.bool_]:
        """Whether the interval (or set) holds the truth (n,); an unknown truth is not held."""
        if self.classes is None:
            return np.asarray((self.lower <= truth) & (truth <= self.upper), dtype=np.bool_)
        held = np.zeros(len(truth), dtype=np.bool_)
        known = np.flatnonzero(np.isfinite(truth))
        held[known] = self.classes[known, truth[known].astype(np.int64)]
        return held

    def take(self, index: NDArray[Any]) -> Prediction:
        """The chosen samples' predictions."""
        return Prediction(
            self.value[index],
            self.lower[index],
            self.upper[index],
            None if self.probabilities is None else self.probabilities[index],
            None if self.classes is None else self.classes[index],
        )


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """Fitted trees, the scale of their target and the calibration of their interval.

    The same matrix gives the same bits before and after a round trip through bytes: the booster in use is always one
    that was read from bytes.
    """

    booster: xgb.Booster
    task: Task
    feature_names: tuple[str, ...]
    classes: tuple[str, ...]
    centre: float
    scale: float
    calibration: Calibration
    threads: int = 1

    def predict(self, features: Floats) -> Prediction:
        """Predictions with their intervals (regression) or prediction sets (classification).

        Parameters
        ----------
        features : (n, k)
            As :meth:`dq_pipeline.model.features.Features.transform` gives them; NaN is missing.
        """
        if features.ndim != 2 or features.shape[1] != len(self.feature_names):
            raise DataError(f"features of shape (n, {len(self.feature_names)}) expected, found {features.shape}")
        if not len(features):
            raw = np.empty((0, len(self.classes)) if self.classes else 0)
        else:
            raw = np.asarray(self.booster.inplace_predict(features.astype(np.float32)), dtype=np.float64)
        if self.task == "regression":
            value = self.centre + self.scale * raw
            return Prediction(value, *self.calibration.interval(value))
        probabilities = raw.reshape(len(features), len(self.classes))
        held = self.calibration.classes(probabilities)
        value = np.argmax(probabilities, axis=1).astype(np.float64) if len(features) else np.empty(0)
        lower = np.argmax(held, axis=1).astype(np.float64) if len(features) else np.empty(0)
        upper = len(self.classes) - 1.0 - np.argmax(held[:, ::-1], axis=1) if len(features) else np.empty(0)
        return Prediction(value, lower, np.asarray(upper, dtype=np.float64), probabilities, held)

    def to_bytes(self) -> bytes:
        """XGBoost's UBJ form; what is ours travels in it as one JSON attribute."""
        document = {
            "task": self.task,
            "features": self.feature_names,
            "classes": self.classes,
            "centre": self.centre,
            "scale": self.scale,
            "calibration": self.calibration.to_dict(),
        }
        booster = self.booster.copy()
        booster.set_attr(**{_ATTRIBUTE: json.dumps(document, allow_nan=False, sort_keys=True)})
        return bytes(booster.save_raw("ubj"))

    @classmethod
    def from_bytes(cls, data: bytes, *, threads: int = 1) -> Model:
        """What :meth:`to_bytes` wrote.

        Raises
        ------
        DataError
            If the bytes are no model of ours.
        """
        try:
            booster = _load(data, threads)
        except xgb.core.XGBoostError as error:
            raise DataError(f"a model in XGBoost's UBJ form expected, found {len(data)} bytes it refuses") from error
        text = booster.attr(_ATTRIBUTE)
        if text is None:
            raise DataError(f"a model with the attribute {_ATTRIBUTE!r} expected, found one without it")
        document = json.loads(text)
        return cls(
            booster=booster,
            task=document["task"],
            feature_names=tuple(document["features"]),
            classes=tuple(document["classes"]),
            centre=float(document["centre"]),
            scale=float(document["scale"]),
            calibration=Calibration.from_dict(document["calibration"]),
            threads=threads,
        )


def frozen(booster: xgb.Booster, threads: int = 1) -> xgb.Booster:
    """The booster as it will be after a round trip: single device, stated threads, nothing left of the training."""
    return _load(bytes(booster.save_raw("ubj")), threads)


def _load(data: bytes, threads: int) -> xgb.Booster:
    return xgb.Booster({"nthread": threads, "device": "cpu", "verbosity": 0}, model_file=bytearray(data))
