"""The flag rules of a release, from the training of its model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.feedback.fit import fit
from dq_pipeline.feedback.flags import Rules
from dq_pipeline.model.features import STATISTICS, Features
from dq_pipeline.model.training import Training
from dq_pipeline.process import Process

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """What quality says.

    Attributes
    ----------
    unified : (n,)
        Unified scores of the n samples that the training was given; NaN where not known.
    every : (s,)
        Those of all that it could choose from, good enough or not, in time order.
    injected : (q,)
        Those of the faults that were injected when the release's scorer was fitted.
    threshold
        The score from which a recording is good enough.
    """

    unified: Floats
    every: Floats
    injected: Floats
    threshold: float


def fitted(
    process: Process, features: Features, matrix: Floats, training: Training, targets: Floats, scored: Scored
) -> Rules | None:
    """Fit them on the samples that the model was trained on; None where these are too few.

    Parameters
    ----------
    matrix : (n, k)
        Features of the rows that the training was given.
    targets : (n,)
        Of these.
    """
    return fit(
        matrix[training.used],
        features.chosen // len(STATISTICS),
        features.sensors,
        targets=targets[training.used],
        errors=training.scores,
        radius=training.model.calibration.radius,
        unified=scored.unified[training.used],
        scores=scored.every,
        injected=scored.injected,
        threshold=scored.threshold,
        per_100=process.feedback.flags_per_100,
        band=process.feedback.doubtful_band,
        classes=process.target.class_count,
    )
