"""From features to contrasts: scores, prewhitening, changed correlation and contrasts, fitted on one reference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.drift.contrasts import (
    TYPES,
    Contrasts,
    contrast,
    correlation_change,
    crossfitted_correlation_change,
    fit_contrasts,
)
from dq_pipeline.drift.scores import Scores, fit_scores, score
from dq_pipeline.drift.whitening import ORDER, Whitening, determined, fit_whitening, whiten
from dq_pipeline.errors import DataError
from dq_pipeline.profile.drift_features import FEATURES

Floats = NDArray[np.float64]

_DIGITS = 9
MIN_REFERENCE_SAMPLES = 20
"""Below this nothing can be fitted; the promise of a budget needs ten times as many."""


@dataclass(frozen=True, slots=True)
class ContrastModel:
    """Everything between the features of a sample and its contrasts.

    Attributes
    ----------
    scores, whitening
        Of the seven features, columns type-major (7f).
    omega : (f, f)
        What a sensor's mean shows beyond the others': the source of the eighth type.
    correlation_scores, correlation_whitening
        Of the eighth type, changed correlation (f).
    contrasts
        Of all eight types.
    lags : (5, 8f)
        Scores of the reference's last five samples: where the stream begins.
    """

    scores: Scores
    whitening: Whitening
    omega: Floats
    correlation_scores: Scores
    correlation_whitening: Whitening
    contrasts: Contrasts
    lags: Floats

    @property
    def sensors(self) -> int:
        """Number of sensors."""
        return self.contrasts.sensors

    def means_near_unit_root(self) -> int:
        """How many sensors' means are too persistent to calibrate: ``1 / (1 - sum of AR)`` above 20."""
        persistence = self.whitening.coefficients[:, : self.sensors].sum(axis=0)
        return int((persistence > 1.0 - 1.0 / 20.0).sum())


def fit_contrast_model(reference: Floats, alike: NDArray[np.int64] | None = None) -> tuple[ContrastModel, Floats]:
    """Fit on the features of the reference.

    Parameters
    ----------
    reference : (N, 7, f)
        Features of consecutive samples; NaN is missing.
    alike : (f,)
        Sensors of one label remember alike; those that follow from each other, if it is not given.

    Returns
    -------
    ContrastModel
    (N - 5, 7f)
        Innovations of the seven types before they are standardised: what worlds are resampled from.

    Raises
    ------
    DataError
        If the shape is another, or there are fewer than `MIN_REFERENCE_SAMPLES`.
    """
    if reference.ndim != 3 or reference.shape[1] != len(FEATURES) or reference.shape[2] == 0:
        raise DataError(f"Expected features of shape (N, {len(FEATURES)}, f), found {reference.shape}")
    samples, _, sensors = reference.shape
    if samples < MIN_REFERENCE_SAMPLES:
        raise DataError(
            f"Expected at least {MIN_REFERENCE_SAMPLES} reference samples to fit the detector, found {samples}: "
            "collect more before fitting"
        )
    alike = determined(reference[:, 0]) if alike is None else alike
    scores, z = fit_scores(_flat(reference), radial=True)
    whitening, innovations, residuals = fit_whitening(z, sensors, 1e-3, scores.rests, alike)
    innovations = innovations[ORDER:]
    omega, change = crossfitted_correlation_change(np.ascontiguousarray(innovations[:, :sensors]))
    correlation_scores, z_change = fit_scores(change, radial=False)
    correlation_whitening, change_innovations, _ = fit_whitening(
        z_change, sensors, 0.05, correlation_scores.rests, alike
    )
    rests = np.concatenate([scores.rests, correlation_scores.rests]).reshape(len(TYPES), sensors)
    contrasts, _ = fit_contrasts(_by_type(innovations, change_innovations, sensors), rests)
    lags = np.concatenate((z[-ORDER:], z_change[-ORDER:]), axis=1)
    model = ContrastModel(scores, whitening, omega, correlation_scores, correlation_whitening, contrasts, lags)
    return model, residuals[ORDER:]


def contrasts_after(model: ContrastModel, lags: Floats, features: Floats) -> tuple[Floats, Floats]:
    """Contrasts of the samples that follow.

    Parameters
    ----------
    lags : (5, 8f)
        Scores of the five samples before, oldest first.
    features : (n, 7, f)
        Features of the samples, in stream order.

    Returns
    -------
    (n, q), (5, 8f)
        Contrasts, and the lags after the last sample.
    """
    sensors = model.sensors
    if features.ndim != 3 or features.shape[1:] != (len(FEATURES), sensors):
        raise DataError(f"Expected features of shape (n, {len(FEATURES)}, {sensors}), found {features.shape}")
    width = len(FEATURES) * sensors
    z = score(model.scores, _flat(features))
    innovations = whiten(model.whitening, z, lags[:, :width])
    change = correlation_change(model.omega, np.ascontiguousarray(innovations[:, :sensors]))
    z_change = score(model.correlation_scores, change)
    change_innovations = whiten(model.correlation_whitening, z_change, lags[:, width:])
    after = np.concatenate((lags, np.concatenate((z, z_change), axis=1)))[-ORDER:]
    return contrast(model.contrasts, _by_type(innovations, change_innovations, sensors)), after


def _flat(features: Floats) -> Floats:
    """Columns (n, 7f); what rounding alone tells apart, as the slopes of sensors that stood at two levels, is one."""
    rounded = np.asarray(np.round(features, _DIGITS), dtype=np.float64)
    return np.ascontiguousarray(rounded).reshape(features.shape[0], features.shape[1] * features.shape[2])


def _by_type(innovations: Floats, change: Floats, sensors: int) -> Floats:
    return np.concatenate((innovations, change), axis=1).reshape(innovations.shape[0], len(TYPES), sensors)
