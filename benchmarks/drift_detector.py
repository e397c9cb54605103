"""The sequential detector: fitting, calibration, and microseconds a sample, against re-fitting nothing at all."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from dq_pipeline.drift.calibration import Worlds
from dq_pipeline.drift.sequential import SequentialDetector
from dq_pipeline.experiments.timing import median_seconds

CALIBRATION_BAR_S = 5.0
SENSORS = 10


def measure(short: bool) -> list[dict[str, Any]]:
    """Ten sensors, 200 reference samples; every figure the median of repeated runs after a first, uncounted one."""
    rng = np.random.default_rng(0)
    reference, stream = rng.normal(size=(200, 7, SENSORS)), rng.normal(size=(2000, 7, SENSORS))
    repeats = 3 if short else 7
    quick = Worlds(10, 60)
    detector = SequentialDetector.fit(reference, rng=np.random.default_rng(1), worlds=quick)
    calibration = median_seconds(
        lambda: SequentialDetector.fit(reference, rng=np.random.default_rng(1), worlds=Worlds(40, 600)),
        repeats,
        time.perf_counter,
    )
    update = median_seconds(lambda: detector.update(detector.start(), stream), repeats, time.perf_counter) / len(stream)
    return [
        {
            "name": "drift_detector/fit_and_calibrate_40_worlds",
            "value": round(calibration, 3),
            "unit": "s",
            "against": None,
            "bar": CALIBRATION_BAR_S,
            "holds": calibration <= CALIBRATION_BAR_S,
        },
        {
            "name": "drift_detector/update",
            "value": round(update * 1e6, 2),
            "unit": "us/sample",
            "against": None,
            "bar": None,
            "holds": None,
        },
    ]
