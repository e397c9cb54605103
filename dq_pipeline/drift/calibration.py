"""The threshold that keeps the promised budget of false alarms, found in resampled worlds where nothing drifts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from dq_pipeline.drift.contrast_model import ContrastModel, contrasts_after, fit_contrast_model
from dq_pipeline.drift.contrasts import contrast_weights
from dq_pipeline.drift.recursion import advance, reset, start
from dq_pipeline.errors import DataError
from dq_pipeline.profile.drift_features import FEATURES

# compiled with contrasts, recursion, drift_features: d15ccc5d
Floats = NDArray[np.float64]

CALIBRATED_SAMPLES = 200
"""Reference samples below which the budget cannot be promised."""

_WARM_UP = 60
_BLOCK = 50

Progress = Callable[[int, int], None]
"""Called with the worlds done and all worlds."""


@dataclass(frozen=True, slots=True)
class Worlds:
    """How many worlds are resampled, and how many samples each runs on after its own reference."""

    count: int = 40
    length: int = 600

    def __post_init__(self) -> None:
        if self.count < 1 or self.length < _BLOCK:
            raise DataError(
                f"Expected at least one world of at least {_BLOCK} samples, found {self.count} of {self.length}"
            )


def why_uncalibrated(model: ContrastModel, reference_samples: int) -> str:
    """Why the budget cannot be promised on this reference; empty where it can.

    Examples
    --------
    >>> reference = np.random.default_rng(0).normal(size=(60, 7, 2))
    >>> why_uncalibrated(fit_contrast_model(reference)[0], 60)
    'the reference holds 60 samples, the budget needs 200'
    """
    if reference_samples < CALIBRATED_SAMPLES:
        return f"the reference holds {reference_samples} samples, the budget needs {CALIBRATED_SAMPLES}"
    persistent = model.means_near_unit_root()
    if 2 * persistent > model.sensors:
        return f"the means of {persistent} of {model.sensors} sensors wander too slowly for a reference of this length"
    return ""


def resampled_threshold(
    model: ContrastModel,
    residuals: Floats,
    reference_samples: int,
    *,
    budget: float,
    rng: np.random.Generator,
    worlds: Worlds,
    progress: Progress | None = None,
) -> float:
    """Threshold at which `budget` false alarms are raised per 1,000 samples.

    Each world resamples the centred residual vectors of the seven types jointly, drives the fitted autoregressions
    with them, fits everything anew on as many samples as the reference holds, and runs on the rest: so the threshold
    allows for what fitting on a short reference gets wrong.

    Parameters
    ----------
    model, residuals
        Of the reference, from :func:`dq_pipeline.drift.contrast_model.fit_contrast_model`.
    budget
        False alarms per 1,000 samples.

    Raises
    ------
    DataError
        If the budget is not in (0, 1000).
    """
    _possible(budget)
    resampled = resampled_worlds(model, residuals, reference_samples, rng=rng, worlds=worlds, progress=progress)
    return threshold_in(resampled, reference_samples, model.sensors, budget)


def resampled_worlds(
    model: ContrastModel,
    residuals: Floats,
    reference_samples: int,
    *,
    rng: np.random.Generator,
    worlds: Worlds,
    progress: Progress | None = None,
) -> list[NDArray[np.float32]]:
    """Contrasts (length, q) of what follows the reference in each world."""
    centred = residuals - residuals.mean(axis=0)
    stretches = []
    for done in range(worlds.count):
        stretches.append(_world(model, centred, reference_samples, worlds.length, rng))
        if progress is not None:
            progress(done + 1, worlds.count)
    return stretches


def threshold_in(stretches: list[NDArray[np.float32]], reference_samples: int, sensors: int, budget: float) -> float:
    """Threshold at which worlds raise `budget` false alarms per 1,000 samples."""
    _possible(budget)
    weights = contrast_weights(sensors)
    blocks = len(stretches[0]) // _BLOCK
    maxima = [
        advance(start(reference_samples, stretch.shape[1]), stretch.astype(np.float64), weights, np.inf)[1]
        [: blocks * _BLOCK].reshape(blocks, _BLOCK).max(axis=1)
        for stretch in stretches
    ]  # fmt: skip
    threshold = float(np.quantile(np.concatenate(maxima), np.exp(-budget * _BLOCK / 1000.0)))
    for _ in range(2):
        alarms = sum(_alarms(stretch, reference_samples, weights, threshold) for stretch in stretches)
        rate = 1000.0 * alarms / sum(len(stretch) for stretch in stretches)
        threshold += float(np.log(max(rate, 0.3 * budget) / budget))
    return threshold


def _possible(budget: float) -> None:
    if not 0.0 < budget < 1000.0:
        raise DataError(f"Expected a budget of more than 0 and fewer than 1000 false alarms per 1,000, found {budget}")


def _world(
    model: ContrastModel, centred: Floats, reference_samples: int, length: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    drawn = centred[rng.integers(0, centred.shape[0], _WARM_UP + reference_samples + length)]
    _drive(drawn, model.whitening.coefficients)
    features = drawn[_WARM_UP:].reshape(-1, len(FEATURES), model.sensors)
    refitted, _ = fit_contrast_model(features[:reference_samples], model.whitening.alike)
    contrasts, _ = contrasts_after(refitted, refitted.lags, features[reference_samples:])
    return contrasts.astype(np.float32)  # halves what the worlds hold in memory


def _alarms(stretch: NDArray[np.float32], reference_samples: int, weights: Floats, threshold: float) -> int:
    rest = stretch.astype(np.float64)
    sums = start(reference_samples, rest.shape[1])
    alarms = 0
    while rest.shape[0] > 0:
        sums, statistic, taken = advance(sums, rest, weights, threshold)
        if statistic[-1] > threshold:
            alarms += 1
            sums = reset(sums)
        rest = rest[taken:]
    return alarms


@njit(cache=True, nogil=True)
def _drive(series: Floats, coefficients: Floats) -> None:  # pragma: no cover - compiled
    """Turn innovations (n, c) into the autoregressive series they drive, in place, from zero lags."""
    n, columns = series.shape
    order = coefficients.shape[0]
    for t in range(n):
        for c in range(columns):
            x = series[t, c]
            for lag in range(min(order, t)):
                x += coefficients[lag, c] * series[t - 1 - lag, c]
            series[t, c] = x
