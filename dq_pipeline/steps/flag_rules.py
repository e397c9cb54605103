"""The flag rules of a release, from the training of its model."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.feedback.fit import fit
from dq_pipeline.feedback.flags import Rules
from dq_pipeline.model.features import STATISTICS, Features
from dq_pipeline.model.training import Training
from dq_pipeline.process import Process

Floats = NDArray[np.float64]


def fitted(
    process: Process,
    features: Features,
    matrix: Floats,
    training: Training,
    *,
    targets: Floats,
    unified: Floats,
    scores: Floats,
    injected: Floats,
    threshold: float,
) -> Rules | None:
    """Fit them on the samples that the model was trained on; None where these are too few.

    Parameters
    ----------
    matrix : (n, k)
        Features of the rows that the training was given.
    targets, unified : (n,)
        Targets and unified scores of these; NaN where not known.
    scores : (s,)
        Unified scores of all that the training could choose from, good enough or not, in time order.
    injected : (q,)
        Scores of the faults that were injected when the release's scorer was fitted.
    threshold
        The score from which a recording is good enough.
    """
    return fit(
        matrix[training.used],
        features.chosen // len(STATISTICS),
        features.sensors,
        targets=targets[training.used],
        errors=training.scores,
        radius=training.model.calibration.radius,
        unified=unified[training.used],
        scores=scores,
        injected=injected,
        threshold=threshold,
        per_100=process.feedback.flags_per_100,
        band=process.feedback.doubtful_band,
        classes=len(process.target.classes) if process.target.task == "classification" else 0,
    )
