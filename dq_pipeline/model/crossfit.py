"""What models say of samples that they were not fitted on, for all samples: older and newer ones are learned from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.model.boosting import boost, raw_prediction
from dq_pipeline.process import Process

Floats = NDArray[np.float64]

FOLDS = 10
TREES = 100
PENALTIES = 10.0 ** np.arange(-2, 5)
_FAR = 5.0
"""Standard deviations beyond which a feature counts as no farther in the linear part."""


def cross_fitted(
    features: Floats, target: Floats, process: Process, *, learn: NDArray[np.bool_] | None = None, threads: int = 1
) -> Floats:
    """Predict every sample by a model of the other nine tenths, every tenth sample being left out at once.

    So its neighbours in time are learned from, the newest regime's too: this is no estimate of the error to come. Of a
    regression the model is linear, and trees of what that leaves: trees alone are wrong at the edges, where a label
    that is rare, and right, would look wrong.

    Parameters
    ----------
    features : (n, k)
        In time order.
    target : (n,)
        Values, or indices of classes; none missing. Values far outside count as the outermost: one wild label must not
        bend every model.
    learn : (n,)
        Samples that may be learned from; all by default.

    Returns
    -------
    (n,)
        Values; of a classification the probability of the class in `target`.
    """
    n, task, classes = len(target), process.target.task, len(process.target.classes)
    learn = np.ones(n, np.bool_) if learn is None else learn
    fold = np.arange(n) % FOLDS
    found = np.zeros(n)
    aim = target
    if task == "regression":
        low, high = np.quantile(target[learn], (0.05, 0.95))
        aim = np.clip(target, low - 3.0 * (high - low), high + 3.0 * (high - low))
    design = np.clip(np.nan_to_num(features), -_FAR, _FAR)
    for held in range(min(FOLDS, n)):
        fitted, out = np.flatnonzero((fold != held) & learn), np.flatnonzero(fold == held)
        linear, left, scale = np.zeros(len(out)), aim[fitted], 1.0
        if task == "regression":
            linear, left = _ridge(design[fitted], aim[fitted], design[out])
            scale = float(left.std()) or 1.0
        booster = boost(
            features[fitted],
            left / scale,
            np.ones(len(fitted)),
            {},
            task=task,
            classes=classes,
            trees=min(process.model.trees, TREES),
            seed=0,
            threads=threads,
            device=process.model.device,
        )
        raw = raw_prediction(booster, features[out])
        if task == "regression":
            found[out] = linear + scale * raw
        else:
            found[out] = raw[np.arange(len(out)), target[out].astype(np.int64)]
    return found


def _ridge(features: Floats, target: Floats, others: Floats) -> tuple[Floats, Floats]:
    """Predictions for others by ridge regression, and the residual of each fitted sample by the fit of all but it.

    The penalty is the one with the smallest mean of these, which leaving one out gives in closed form.

    References
    ----------
    Hastie, Tibshirani & Friedman (2009), The Elements of Statistical Learning, sections 3.4.1 and 7.10.
    """
    centre, middle = features.mean(axis=0), float(target.mean())
    u, s, vt = np.linalg.svd(features - centre, full_matrices=False)
    along = u.T @ (target - middle)
    best: tuple[float, Floats, Floats] | None = None
    for penalty in PENALTIES:
        shrink = s**2 / (s**2 + penalty)
        own = (u**2) @ shrink + 1.0 / len(target)
        residual = (target - middle - u @ (shrink * along)) / np.maximum(1.0 - own, 1e-6)
        loss = float(np.abs(residual).mean())
        if best is None or loss < best[0]:
            weights = vt.T @ (s / (s**2 + penalty) * along)
            best = loss, middle + (others - centre) @ weights, residual
    assert best is not None  # there are penalties
    return best[1], best[2]
