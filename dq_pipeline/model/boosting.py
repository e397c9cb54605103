"""One fit of gradient-boosted trees: the settings every fit shares, and the candidates the search tries."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray

from dq_pipeline.errors import ConfigurationError
from dq_pipeline.model.inference import Task, frozen

Floats = NDArray[np.float64]
Candidate = Mapping[str, float]
"""Settings of the trees; `trees`, where it is among them, is how many."""

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
    """Fit `trees` trees, or as many as the candidate says; the same arguments give the same trees.

    Parameters
    ----------
    features : (n, k)
    target : (n,)
        Centred and scaled (regression), or class indices.
    weights : (n,)
    """
    settings = _settings(candidate, task, classes, seed, threads, device)
    matrix = _matrix(features, target, weights, settings)
    return frozen(xgb.train(settings, matrix, num_boost_round=int(candidate.get("trees", trees))), threads)


def enough_trees(
    features: Floats,
    target: Floats,
    weights: Floats,
    held: int,
    candidate: Candidate,
    *,
    task: Task,
    classes: int,
    trees: int,
    patience: int,
    seed: int,
    threads: int = 1,
    device: str = "cpu",
) -> int:
    """How many trees, `trees` at most, predict the newest `held` samples best when fitted on all before them.

    Parameters
    ----------
    features, target : (n, k), (n,)
        In time order, oldest first.
    weights : (n - held,)
        Of the samples fitted on; those held out count alike.
    patience
        It stops after so many trees in a row that did not help.
    """
    settings = _settings(candidate, task, classes, seed, threads, device)
    fitted = _matrix(features[:-held], target[:-held], weights, settings)
    newest = _matrix(features[-held:], target[-held:], np.ones(held), settings, ref=fitted)
    stop = xgb.callback.EarlyStopping(rounds=patience)
    kept = xgb.train(settings, fitted, trees, evals=[(newest, "newest")], callbacks=[stop], verbose_eval=False)
    return int(kept.best_iteration) + 1


def check_device(device: str) -> None:
    """Find out before any work whether XGBoost can train there: by itself it would go on, slowly, on the CPU.

    Raises
    ------
    ConfigurationError
        If "cuda" is asked for and XGBoost has no such device.
    """
    if device == "cpu":
        return
    found = ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            matrix = xgb.QuantileDMatrix(np.arange(4.0, dtype=np.float32)[:, None], np.arange(4.0))
            tried = xgb.train({"device": device, "tree_method": "hist", "verbosity": 0}, matrix, num_boost_round=1)
        used = str(json.loads(tried.save_config())["learner"]["generic_param"]["device"])
    except xgb.core.XGBoostError as error:
        used, found = "", f" ({str(error).strip().splitlines()[0]})"
    if not used.startswith(device):
        built = "with" if xgb.build_info().get("USE_CUDA") else "without"
        raise ConfigurationError(
            f"model.device {device!r}: a GPU that XGBoost can use expected, found none; this XGBoost "
            f"{xgb.__version__} was built {built} CUDA{found}. Set `device: cpu`, or train where there is one."
        )


def _settings(
    candidate: Candidate, task: Task, classes: int, seed: int, threads: int, device: str
) -> dict[str, object]:
    chosen = {name: value for name, value in candidate.items() if name != "trees"}
    settings: dict[str, object] = {**SHARED, **chosen, "tree_method": "hist", "seed": seed, "nthread": threads}
    settings["max_depth"] = int(settings["max_depth"])  # type: ignore[call-overload]
    settings |= {"device": device, "verbosity": 0}
    return settings | ({"objective": "multi:softprob", "num_class": classes} if task == "classification" else {})


def _matrix(
    features: Floats,
    target: Floats,
    weights: Floats,
    settings: Mapping[str, object],
    ref: xgb.QuantileDMatrix | None = None,
) -> xgb.QuantileDMatrix:
    return xgb.QuantileDMatrix(
        features.astype(np.float32),
        target,
        weight=weights,
        max_bin=int(settings["max_bin"]),  # type: ignore[call-overload]
        nthread=settings["nthread"],
        ref=ref,
    )


def raw_prediction(booster: xgb.Booster, features: Floats) -> Floats:
    """(n,) in the scale of the fit, or (n, c) probabilities."""
    return np.asarray(booster.inplace_predict(features.astype(np.float32)), dtype=np.float64)
