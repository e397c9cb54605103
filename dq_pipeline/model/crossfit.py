"""What models say of samples that they were not fitted on, for all samples: older and newer ones are learned from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.model.boosting import boost, raw_prediction
from dq_pipeline.process import Process

Floats = NDArray[np.float64]

FOLDS = 10
TREES = 100


def cross_fitted(
    features: Floats, target: Floats, process: Process, *, learn: NDArray[np.bool_] | None = None, threads: int = 1
) -> Floats:
    """Predict every sample by a model of the other nine tenths, every tenth sample being left out at once.

    So its neighbours in time are learned from, the newest regime's too: this is no estimate of the error to come.

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
    centre, scale, aim = 0.0, 1.0, target
    if task == "regression":
        low, high = np.quantile(target[learn], (0.05, 0.95))
        aim = np.clip(target, low - 3.0 * (high - low), high + 3.0 * (high - low))
        centre, scale = float(aim[learn].mean()), float(aim[learn].std()) or 1.0
    for held in range(min(FOLDS, n)):
        fitted, out = np.flatnonzero((fold != held) & learn), np.flatnonzero(fold == held)
        booster = boost(
            features[fitted],
            (aim[fitted] - centre) / scale,
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
            found[out] = centre + scale * raw
        else:
            found[out] = raw[np.arange(len(out)), target[out].astype(np.int64)]
    return found
