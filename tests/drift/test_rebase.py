"""A change that is known and left alone is not found again; the next one is."""

from __future__ import annotations

import numpy as np

from dq_pipeline.drift.calibration import Worlds
from dq_pipeline.drift.sequential import SequentialDetector

KNOWN, SHIFT = 60, 3.0


def drifted(seed: int, samples: int):
    """A fitted detector, and a stream that lies elsewhere from its first sample on."""
    rng = np.random.default_rng(seed)
    detector = SequentialDetector.fit(rng.normal(size=(200, 7, 2)), rng=rng, worlds=Worlds(20, 200))
    stream = rng.normal(size=(samples, 7, 2))
    stream[:, 0, 1] += SHIFT
    return detector, stream


def test_the_known_regime_raises_no_further_alarm():
    found = 0
    for seed in range(5):
        detector, stream = drifted(seed, 260)
        assert detector.update(detector.start(), stream[:KNOWN]).alarms
        state = detector.rebase(stream[:KNOWN], seen=KNOWN)
        found += len(detector.update(state, stream[KNOWN:]).alarms)
    assert found <= 3


def test_the_next_change_is_found_with_its_change_point():
    detector, stream = drifted(1, 260)
    stream[160:, 1, 0] += SHIFT
    state = detector.rebase(stream[:KNOWN], seen=KNOWN)
    alarm = detector.update(state, stream[KNOWN:]).alarms[0]
    assert 160 <= alarm.sample < 200
    assert 140 <= alarm.change_point <= 180


def test_one_known_sample_is_enough_to_go_on_from():
    detector, stream = drifted(2, 40)
    state = detector.rebase(stream[:1], seen=1)
    assert np.isfinite(detector.update(state, stream[1:]).statistic).all()
