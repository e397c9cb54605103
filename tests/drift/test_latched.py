"""A change that is known and left alone keeps its change point, however long it lasts."""

from __future__ import annotations

import numpy as np

from dq_pipeline.drift.calibration import Worlds
from dq_pipeline.drift.sequential import SequentialDetector


def test_a_latched_detector_keeps_the_change_point_of_a_lasting_shift() -> None:
    rng = np.random.default_rng(5)
    detector = SequentialDetector.fit(rng.normal(size=(200, 7, 2)), rng=rng, worlds=Worlds(4, 100))
    stream = rng.normal(size=(240, 7, 2))
    stream[60:, 0, 1] += 3.0
    state, latched = detector.start(), []
    for begin in range(0, 240, 20):
        seen = detector.update(state, stream[begin : begin + 20], latched=True)
        state = seen.state
        latched.extend(seen.alarms)
    assert len(latched) > 1
    assert all(50 <= alarm.change_point <= 70 for alarm in latched)


def test_a_latched_detector_raises_one_alarm_a_call() -> None:
    rng = np.random.default_rng(5)
    detector = SequentialDetector.fit(rng.normal(size=(200, 7, 2)), rng=rng, worlds=Worlds(4, 100))
    stream = rng.normal(size=(100, 7, 2)) + 3.0
    assert len(detector.update(detector.start(), stream, latched=True).alarms) == 1
