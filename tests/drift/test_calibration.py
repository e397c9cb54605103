from __future__ import annotations

import numpy as np
import pytest

from dq_pipeline.drift.calibration import Worlds, resampled_threshold
from dq_pipeline.drift.contrast_model import fit_contrast_model
from dq_pipeline.drift.sequential import SequentialDetector
from dq_pipeline.errors import DataError


def threshold(features, budget, worlds, seed=0, progress=None):
    model, residuals = fit_contrast_model(features)
    rng = np.random.default_rng(seed)
    return resampled_threshold(
        model, residuals, len(features), budget=budget, rng=rng, worlds=worlds, progress=progress
    )


@pytest.mark.parametrize("budget", [1.0, 5.0])
def test_thresholds_are_the_golden_ones_within_bootstrap_noise(golden, budget):
    found = threshold(golden["features"][:200].astype(np.float64), budget, Worlds(40, 600))
    assert abs(found - golden["thresholds"][0 if budget == 1.0 else 1]) < 0.45


def test_a_larger_budget_gives_a_lower_threshold_and_progress_is_told():
    features = np.random.default_rng(0).normal(size=(60, 7, 2))
    told = []
    strict = threshold(features, 1.0, Worlds(5, 200), progress=lambda done, total: told.append((done, total)))
    assert strict > threshold(features, 20.0, Worlds(5, 200))
    assert told == [(k, 5) for k in range(1, 6)]


@pytest.mark.parametrize("budget", [0.0, -1.0, 1000.0, float("nan")])
def test_impossible_budgets_are_refused(budget):
    with pytest.raises(DataError, match="budget"):
        threshold(np.random.default_rng(0).normal(size=(30, 7, 1)), budget, Worlds(1, 50))


def test_worlds_too_short_for_one_block_are_refused():
    with pytest.raises(DataError, match="50 samples"):
        Worlds(10, 49)


def test_the_budget_is_kept_in_control():
    """A wide band around 10 per 1,000: 40 references, 12,000 samples, about 120 alarms."""
    rng = np.random.default_rng(7)
    alarms, samples = 0, 0
    for _ in range(40):
        noise = 0.5 * rng.normal(size=(560, 7, 1)) + rng.normal(size=(560, 7, 2))
        features = noise.copy()
        for t in range(1, len(features)):
            features[t] += 0.3 * features[t - 1]
        features = features[60:]
        detector = SequentialDetector.fit(features[:200], rng=rng, false_alarms_per_1000=10.0, worlds=Worlds(15, 300))
        alarms += len(detector.update(detector.start(), features[200:]).alarms)
        samples += 300
    assert 0.6 < 1000 * alarms / samples / 10.0 < 1.5
