"""The error of an answer before its truth is known: a second model, of the errors that the first one made.

It learns how far off predictions of samples not seen before were, from their features, what was predicted, and how
far the sample lies from all that was learned from: direct loss estimation. The error is taken as proportional to that
distance, and trees learn the factor. Trees alone cannot say more than the largest error they have seen; measured on
recorded processes whose release was never renewed, they tell 2 to 14 % of what the error grows to, with the distance
27 to 39 %. A scale that follows the labels closes the rest of it: :func:`scale`.

References
----------
NannyML, Direct Loss Estimation, nannyml.readthedocs.io; Lahlou et al. (2023), DEUP: Direct Epistemic Uncertainty
Prediction, TMLR, arXiv 2102.08501 (the distance as a feature of the second model).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray

from dq_pipeline.errors import DataError
from dq_pipeline.feedback.novelty import Novelty
from dq_pipeline.storage import arrays_of, from_npz, section, to_npz

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

FEWEST = 40
"""Errors without which nothing is learned of them."""
FOLDS = 5
BLOCK = 20
"""Samples whose mean error is compared with the mean that was expected."""
NEAREST = 0.5
"""Of the usual distance: a sample that lies nearer is not expected to be better known for it."""
PRIOR = 25.0
"""Samples that speak for a scale of 1 before any label came."""
SAYING = 50
"""The newest labels that set the scale."""
_TREES = 60
_SETTINGS = {"max_depth": 3, "learning_rate": 0.1, "subsample": 0.8, "colsample_bytree": 0.5, "min_child_weight": 5}
_T95 = (6.31, 2.92, 2.35, 2.13, 2.02, 1.94, 1.89, 1.86, 1.83, 1.81, 1.80, 1.78, 1.77, 1.76, 1.75)


@dataclass(frozen=True, slots=True, eq=False)
class ErrorModel:
    """What is expected of an answer's error, and how far that was off.

    Attributes
    ----------
    booster
        XGBoost's UBJ form.
    novelty
        What the release learned from, to take distances to.
    usual
        Mean error of the predictions learned from: what a constant estimate says.
    distance
        Median distance of the samples behind them.
    ratios : (b,)
        Logarithms of observed over expected mean error, by blocks of :data:`BLOCK` samples that the second model had
        not seen.
    classes
        How many there are; 0 for a regression. Of classes the error is the probability of being wrong.
    """

    booster: xgb.Booster
    novelty: Novelty
    usual: float
    distance: float
    ratios: Floats
    classes: int

    def expected(self, features: Floats, value: Floats) -> Floats:
        """Expected absolute error (n,) in the target's unit, or probability of being wrong, in one call.

        Parameters
        ----------
        features : (n, k)
            As the release's model sees them.
        value : (n,)
            What it says.
        """
        if not len(features):
            return np.empty(0)
        far = self.novelty.score(features)
        found = self.usual * _said(self.booster, _inputs(features, value, far)) * _factor(far, self.distance)
        return np.minimum(found, 1.0) if self.classes else found

    def to_bytes(self) -> bytes:
        """An npz archive; :meth:`from_bytes` gives back what says the same to the last bit."""
        own = {name: np.asarray(getattr(self, name)) for name in ("usual", "distance", "ratios", "classes")}
        trees = np.frombuffer(bytes(self.booster.save_raw("ubj")), dtype=np.uint8)
        return to_npz({**own, "booster": trees, **arrays_of(self.novelty, "novelty.")})

    @classmethod
    def from_bytes(cls, data: bytes) -> ErrorModel:
        """What :meth:`to_bytes` wrote.

        Raises
        ------
        DataError
            If the bytes are no model of errors.
        """
        arrays = from_npz(data, "the error model of a release")
        missing = {field.name for field in fields(cls)} - {"novelty"} - set(arrays)
        if missing:
            raise DataError(f"{', '.join(sorted(missing))} expected in the error model of a release, found nothing")
        return cls(
            booster=_loaded(arrays["booster"].tobytes()),
            novelty=Novelty(**section(arrays, "novelty")),
            usual=float(arrays["usual"]),
            distance=float(arrays["distance"]),
            ratios=arrays["ratios"],
            classes=int(arrays["classes"]),
        )


def fit(features: Floats, sensor: Indices, *, outputs: Floats, errors: Floats, classes: int = 0) -> ErrorModel | None:
    """Learn from the errors of predictions made forward in time; None where they are fewer than :data:`FEWEST`.

    Parameters
    ----------
    features : (n, k)
        Of all samples that the release learned from, in time order; the newest m were predicted.
    sensor : (k,)
        Which of the sensors each feature is of.
    outputs, errors : (m,)
        What models that had not seen these said of them, and how far off they were: absolute residuals, or 1 where
        the class was wrong.
    """
    n, m = len(features), len(errors)
    if m < FEWEST or n - m < FEWEST or not errors.any():
        return None
    usual = float(np.mean(errors))
    far = np.concatenate([_forward(features, sensor, n - m, begin, end) for begin, end in _edges(m)])
    distance = max(float(np.median(far)), 1e-12)
    inputs, factor = _inputs(features[-m:], outputs, far), _factor(far, distance)
    target = errors / usual / factor
    ratios: list[float] = []
    for begin, end in list(_edges(m))[2:]:
        said = _said(_boosted(inputs[:begin], target[:begin]), inputs[begin:end]) * factor[begin:end] * usual
        ratios += [
            log_ratio(errors[begin + i : begin + i + BLOCK], said[i : i + BLOCK], usual)
            for i in range(0, end - begin - BLOCK + 1, BLOCK)
        ]
    return ErrorModel(
        booster=_boosted(inputs, target),
        novelty=Novelty.fit(features, sensor),
        usual=usual,
        distance=distance,
        ratios=np.array(ratios),
        classes=classes,
    )


def scale(observed: Floats, expected: Floats, usual: float) -> float:
    """What expected errors are to be multiplied by, going by the newest :data:`SAYING` of those that became known.

    Parameters
    ----------
    observed, expected : (m,)
        Of the release's own answers, oldest first.

    Examples
    --------
    >>> scale(np.full(50, 2.0), np.full(50, 1.0), 1.0).__round__(2)
    1.67
    >>> scale(np.empty(0), np.empty(0), 1.0)
    1.0
    """
    held = PRIOR * usual
    return float((np.sum(observed[-SAYING:]) + held) / (np.sum(expected[-SAYING:]) + held))


def log_ratio(observed: Floats, expected: Floats, usual: float) -> float:
    """Logarithm of a block's observed over its expected mean error, a little nearer to 0 where both are small."""
    return math.log((float(np.mean(observed)) + 0.1 * usual) / (float(np.mean(expected)) + 0.1 * usual))


def interval(expected: float, ratios: Sequence[float]) -> tuple[float, float] | None:
    """Between what the mean error of a block lies in 9 of 10 cases, by how far off earlier blocks were.

    Ratios are taken as log-normal about 1, with a t quantile and room for the block to come; None of fewer than 3.

    Examples
    --------
    >>> low, high = interval(1.0, [0.1, -0.1, 0.2, -0.2])
    >>> round(low, 2), round(high, 2)
    (0.69, 1.46)
    """
    count = len(ratios)
    if count < 3:
        return None
    spread = math.sqrt(sum(ratio**2 for ratio in ratios) / count * (1.0 + 1.0 / count))
    wide = math.exp(_T95[min(count, len(_T95)) - 1] * spread)
    return expected / wide, expected * wide


def _edges(m: int) -> Iterator[tuple[int, int]]:
    edges = np.linspace(0, m, FOLDS + 1).astype(np.int64).tolist()
    yield from itertools.pairwise(edges)


def _forward(features: Floats, sensor: Indices, before: int, begin: int, end: int) -> Floats:
    """Distances of a block of the predicted samples to all before it."""
    block = slice(before + begin, before + end)
    return Novelty.fit(features[: block.start], sensor).score(features[block])


def _inputs(features: Floats, value: Floats, far: Floats) -> Floats:
    return np.column_stack([features, value, np.log(np.maximum(far, 1e-12))])


def _factor(far: Floats, distance: float) -> Floats:
    return np.asarray(np.maximum(far / distance, NEAREST), dtype=np.float64)


def _boosted(inputs: Floats, target: Floats) -> xgb.Booster:
    settings: dict[str, Any] = {**_SETTINGS, "objective": "reg:squarederror", "tree_method": "hist", "max_bin": 64}
    settings |= {"seed": 0, "nthread": 1, "verbosity": 0, "base_score": max(float(np.mean(target)), 1e-9)}
    matrix = xgb.QuantileDMatrix(inputs.astype(np.float32), target, max_bin=64, nthread=1)
    return _loaded(bytes(xgb.train(settings, matrix, num_boost_round=_TREES).save_raw("ubj")))


def _said(booster: xgb.Booster, inputs: Floats) -> Floats:
    return np.maximum(np.asarray(booster.inplace_predict(inputs.astype(np.float32)), dtype=np.float64), 0.0)


def _loaded(data: bytes) -> xgb.Booster:
    try:
        return xgb.Booster({"nthread": 1, "device": "cpu", "verbosity": 0}, model_file=bytearray(data))
    except xgb.core.XGBoostError as error:
        raise DataError(f"trees in XGBoost's UBJ form expected, found {len(data)} bytes that it refuses") from error
