from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dq_pipeline.drift.detector import DETECTORS
from dq_pipeline.drift.divergences import DIVERGENCES
from dq_pipeline.drift.window import WindowDetector
from dq_pipeline.errors import DataError
from dq_pipeline.process import Drift


def fitted(stream, reference=200, **options):
    return WindowDetector.fit(stream[:reference], rng=np.random.default_rng(0), **options)


@pytest.fixture(scope="module")
def stream(readings_of):
    return readings_of(np.random.default_rng(4), 360, 3)


@pytest.mark.parametrize(
    ("kind", "feature"),
    [("mean", "mean"), ("spread", "spread"), ("missing", "histogram")],
)
def test_a_changed_sensor_is_named_with_what_changed(readings_of, kind, feature):
    stream = readings_of(np.random.default_rng(2), 320, 4, change=(kind, 260, 2))
    detector = fitted(stream)
    alarm = detector.update(detector.start(), stream[200:]).alarms[-1]
    assert alarm.sensor == alarm.ranked_sensors()[0] == 2
    assert (alarm.feature == feature) or (alarm.feature == "histogram" and alarm.kind == "jsd")
    assert alarm.statistic > alarm.threshold == pytest.approx(-np.log(0.06))
    assert sum(alarm.evidence) == pytest.approx(1.0)


def test_a_change_within_the_window_is_dated(readings_of):
    stream = readings_of(np.random.default_rng(3), 290, 3, change=("mean", 275, 1), size=2.0)
    detector = fitted(stream)
    (*_, alarm) = detector.update(detector.start(), stream[200:]).alarms
    assert abs(alarm.change_point - 75) <= 3


def test_a_window_is_judged_every_stride_once_it_is_full(stream):
    detector = fitted(stream, stride=5, tau=0.49)
    seen = detector.update(detector.start(), stream[200:])
    assert (seen.statistic[:24] == 0).all()
    judged = seen.statistic[24:]
    assert (judged[:135].reshape(-1, 5) == judged[:135:5, None]).all()
    assert {(alarm.sample + 1) % 5 for alarm in seen.alarms} == {0}
    assert all(alarm.statistic > detector.threshold for alarm in seen.alarms)


@settings(max_examples=20, deadline=None)
@given(cuts=st.lists(st.integers(0, 160), max_size=8), by_bytes=st.booleans())
def test_the_answer_is_the_same_however_the_stream_is_cut(stream, cuts, by_bytes):
    detector = fitted(stream, draws=100, tau=0.3)
    whole = detector.update(detector.start(), stream[200:])
    assert whole.alarms
    state, statistics, alarms = detector.start(), [], []
    for piece in np.split(stream[200:], sorted(cuts)):
        seen = detector.update(state, piece)
        state = detector.state_from_bytes(detector.state_to_bytes(seen.state)) if by_bytes else seen.state
        statistics.append(seen.statistic)
        alarms.extend(seen.alarms)
    np.testing.assert_array_equal(np.concatenate(statistics), whole.statistic)
    assert tuple(alarms) == whole.alarms
    assert detector.state_to_bytes(state) == detector.state_to_bytes(whole.state)


@pytest.mark.parametrize("statistic", ["combined", *DIVERGENCES])
def test_every_statistic_of_a_process_file_finds_a_plain_shift(readings_of, statistic):
    stream = readings_of(np.random.default_rng(5), 270, 2, change=("mean", 230, 0), size=1.5)
    asked = Drift(detector="window", statistic=statistic, tau=0.04, draws=200)
    detector = DETECTORS["window"].fit_as(asked, stream[:200], rng=np.random.default_rng(0))
    seen = detector.update(detector.start(), stream[200:])
    assert seen.alarms
    assert seen.alarms[-1].sensor == 0
    assert not [alarm for alarm in seen.alarms if alarm.sample < 30 and alarm.statistic > 4]


def test_what_was_taken_for_known_is_not_found_again(readings_of):
    rng = np.random.default_rng(6)
    stream = readings_of(rng, 420, 2, change=("mean", 200, 0), size=2.0)
    detector = fitted(stream)
    assert detector.update(detector.start(), stream[200:240]).alarms
    state = detector.rebase(stream[200:240], seen=40)
    again = detector.update(state, stream[240:])
    share = len(again.alarms) / ((420 - 240 - 25) // 5 + 1)
    assert share < 0.35
    newer = readings_of(rng, 60, 2, change=("mean", 0, 1), size=2.0)
    newer[:, :, 0] = stream[240:300, :, 0]
    alarm = detector.update(state, newer).alarms[-1]
    assert (alarm.sensor, alarm.sample) == (1, 40 + 59)


def test_a_fitted_detector_survives_bytes(stream):
    detector = fitted(stream, reference=120, statistic="psi")
    restored = WindowDetector.from_bytes(detector.to_bytes())
    assert restored.to_bytes() == detector.to_bytes()
    assert restored.uncalibrated == detector.uncalibrated == "the reference holds 120 samples, the level needs 200"
    assert not restored.calibrated
    np.testing.assert_array_equal(
        restored.update(restored.start(), stream[200:]).statistic,
        detector.update(detector.start(), stream[200:]).statistic,
    )


def test_wandering_means_are_not_promised_a_level(stream):
    assert fitted(stream).calibrated
    slow = stream.copy()
    slow[:, 0, :2] += np.linspace(0.0, 9.0, 360)[:, None]
    assert fitted(slow).uncalibrated == "the means of 2 of 3 sensors wander too slowly for a reference of this length"


def test_short_references_and_missing_moments_work(stream):
    holes = stream.copy()
    holes[::3, :4, 0] = np.nan
    detector = fitted(holes, reference=30, window=25)
    assert np.isfinite(detector.update(detector.start(), holes[200:]).statistic).all()


def test_a_constant_sensor_alarms_when_it_moves(stream):
    still = stream.copy()
    still[:260, :4, 1], still[:260, 4:, 1] = 0.0, 0.0
    still[:260, 20, 1] = 60
    detector = fitted(still)
    seen = detector.update(detector.start(), still[200:])
    assert not [alarm for alarm in seen.alarms if alarm.sample < 60 and alarm.sensor == 1]
    assert seen.alarms[-1].sensor == 1


def test_what_does_not_fit_is_refused(stream):
    detector = fitted(stream)
    with pytest.raises(DataError, match=r"\(n, 37, 3\), found \(360, 37, 2\)"):
        detector.update(detector.start(), stream[:, :, :2])
    with pytest.raises(DataError, match=r"\(N, 37, f\), found \(360, 7, 3\)"):
        WindowDetector.fit(stream[:, :7], rng=np.random.default_rng(0))
    with pytest.raises(DataError, match="Unknown statistic 'hellinger'"):
        fitted(stream, statistic="hellinger")
    with pytest.raises(DataError, match="at least 20 reference samples"):
        fitted(stream, reference=19)
    for broken in (b"", b"PK\x03\x04 nothing", detector.state_to_bytes(detector.start())):
        with pytest.raises(DataError):
            WindowDetector.from_bytes(broken)
    with pytest.raises(DataError, match="running state of 3 sensors"):
        detector.state_from_bytes(detector.to_bytes())


def test_the_level_is_kept_in_control(readings_of):
    """A wide band around tau = 0.1 and 0.3: 12 references, 1,100 windows that overlap."""
    alarmed = np.zeros(2)
    for seed in range(12):
        stream = readings_of(np.random.default_rng(100 + seed), 675, 2)
        detector = fitted(stream, draws=200, tau=0.49)
        judged = detector.update(detector.start(), stream[200:]).statistic[24::5]
        alarmed += [(judged > -np.log(tau)).mean() / tau / 12 for tau in (0.1, 0.3)]
    assert (alarmed > 0.55).all(), alarmed
    assert (alarmed < 1.6).all(), alarmed
