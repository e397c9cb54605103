"""The error model of a release, from the training of its model."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.feedback.expected_error import ErrorModel, fit
from dq_pipeline.model.features import STATISTICS, Features
from dq_pipeline.model.training import Training
from dq_pipeline.process import Process

Floats = NDArray[np.float64]


def fitted(
    process: Process, features: Features, matrix: Floats, training: Training, target: Floats
) -> ErrorModel | None:
    """Fit it on the samples that the model was trained on; None where these are too few.

    Parameters
    ----------
    matrix, target : (n, k), (n,)
        Features and labels of the rows that the training was given.
    """
    regression = process.target.task == "regression"
    return fit(
        matrix[training.used],
        features.chosen // len(STATISTICS),
        outputs=training.forward,
        errors=error_of(target[training.calibrated], training.forward, regression=regression),
        classes=process.target.class_count,
    )


def error_of(truth: Floats, value: Floats, *, regression: bool) -> Floats:
    """Absolute errors (n,), or 1 where the class was another."""
    if regression:
        return np.abs(truth - value)
    return np.asarray(truth != value, dtype=np.float64)
