"""One fit of gradient-boosted trees: the settings every fit shares, and the candidates the search tries."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray

from dq_pipeline.model.inference import Task, frozen

Floats = NDArray[np.float64]
Candidate = Mapping[str, float]

SHARED: Candidate = MappingProxyType(
    {"max_depth": 4, "learning_rate": 0.1, "subsample": 0.8, "colsample_bytree": 0.5, "max_bin": 64}
)
"""The settings of the published figures, and the search's first candidate."""

CANDIDATES: tuple[Candidate, ...] = (
    {},
    {"max_depth": 3},
    {"max_depth": 6},
    {"min_child_weight": 5.0},
    {"max_depth": 3, "learning_rate": 0.2},
    {"colsample_bytree": 0.8, "reg_lambda": 5.0},
)
"""Tried first, in this order, each on top of :data:`SHARED`; a larger search draws the rest at random."""

_RANDOM: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {
        "max_depth": (2, 3, 4, 5, 6, 8),
        "learning_rate": (0.05, 0.1, 0.2, 0.3),
        "subsample": (0.6, 0.8, 1.0),
        "colsample_bytree": (0.3, 0.5, 0.8, 1.0),
        "min_child_weight": (0.5, 1.0, 2.0, 5.0),
        "reg_lambda": (0.3, 1.0, 5.0),
    }
)


def candidates(count: int, rng: np.random.Generator) -> tuple[Candidate, ...]:
    """The first `count` candidates: the literal ones, then random ones."""
    drawn = [{key: float(rng.choice(values)) for key, values in _RANDOM.items()} for _ in range(count)]
    return (CANDIDATES + tuple(drawn))[:count]


def boost(
    features: Floats,
    target: Floats,
    weights: Floats,
    candidate: Candidate,
    *,
    task: Task,
    classes: int,
    trees: int,
    seed: int,
    threads: int = 1,
    device: str = "cpu",
) -> xgb.Booster:
    """Fit `trees` trees; the same arguments give the same trees.

    Parameters
    ----------
    features : (n, k)
    target : (n,)
        Centred and scaled (regression), or class indices.
    weights : (n,)
    """
    settings: dict[str, object] = {**SHARED, **candidate, "tree_method": "hist", "seed": seed, "nthread": threads}
    settings["max_depth"] = int(settings["max_depth"])  # type: ignore[call-overload]
    settings |= {"device": device, "verbosity": 0}
    settings |= {"objective": "multi:softprob", "num_class": classes} if task == "classification" else {}
    matrix = xgb.QuantileDMatrix(
        features.astype(np.float32),
        target,
        weight=weights,
        max_bin=int(settings["max_bin"]),  # type: ignore[call-overload]
        nthread=threads,
    )
    return frozen(xgb.train(settings, matrix, num_boost_round=trees), threads)


def raw_prediction(booster: xgb.Booster, features: Floats) -> Floats:
    """(n,) in the scale of the fit, or (n, c) probabilities."""
    return np.asarray(booster.inplace_predict(features.astype(np.float32)), dtype=np.float64)
