"""The flag rules of a release, from the training of its model."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.feedback.flags import Rules, fit
from dq_pipeline.model.features import STATISTICS, Features
from dq_pipeline.model.training import Training
from dq_pipeline.process import Process

Floats = NDArray[np.float64]


def fitted(
    process: Process,
    features: Features,
    matrix: Floats,
    training: Training,
    unified: Floats,
    threshold: float,
) -> Rules | None:
    """Fit them on the samples that the model was trained on; None where these are too few.

    Parameters
    ----------
    matrix : (n, k)
        Features of the rows that the training was given.
    unified : (n,)
        Unified scores of these; NaN where not known.
    threshold
        The score from which a recording is good enough.
    """
    return fit(
        matrix[training.used],
        features.chosen // len(STATISTICS),
        features.sensors,
        outputs=training.forward,
        errors=training.scores,
        radius=training.model.calibration.radius,
        unified=unified[training.used],
        threshold=threshold,
        per_100=process.feedback.flags_per_100,
        band=process.feedback.doubtful_band,
        classes=len(process.target.classes) if process.target.task == "classification" else 0,
    )
