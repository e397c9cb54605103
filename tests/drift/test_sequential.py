from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dq_pipeline.drift.calibration import Worlds
from dq_pipeline.drift.contrast_model import contrasts_after, fit_contrast_model
from dq_pipeline.drift.contrasts import LEVEL_SHARE
from dq_pipeline.drift.detector import DETECTORS
from dq_pipeline.drift.sequential import EQUAL_SHARE, SequentialDetector
from dq_pipeline.errors import DataError
from dq_pipeline.storage import to_npz

FEW = Worlds(2, 50)


def fitted(features, threshold=None, reference=200):
    detector = SequentialDetector.fit(features[:reference], rng=np.random.default_rng(0), worlds=FEW)
    return detector if threshold is None else replace(detector, threshold=float(threshold))


def in_control(seed, n, sensors):
    """Features with a shared component, autocorrelation, and two that are often exactly zero."""
    rng = np.random.default_rng(seed)
    features = 0.6 * rng.normal(size=(n, 7, 1)) + rng.normal(size=(n, 7, sensors))
    features[1:] += 0.3 * features[:-1]
    features[:, 4:6] = np.maximum(features[:, 4:6], 0.0)
    return features


def test_agrees_with_the_golden_cut(golden):
    features = golden["features"].astype(np.float64)
    model, _ = fit_contrast_model(features[:200])
    contrasts, _ = contrasts_after(model, model.lags, features[200:])
    np.testing.assert_allclose(contrasts[::20], golden["contrasts"], rtol=0, atol=1e-3)
    detector = replace(fitted(features, golden["thresholds"][0]), level_share=EQUAL_SHARE)
    seen = detector.update(detector.start(), features[200:])
    np.testing.assert_allclose(seen.statistic, golden["statistic"], rtol=0, atol=1e-3)
    (alarm,) = seen.alarms
    assert (alarm.sample, alarm.contrast, alarm.sensor) == (*golden["alarm"][:2], golden["sensor"])
    assert (alarm.kind, alarm.feature) == ("conditional", "mean")
    np.testing.assert_allclose((alarm.change_point, alarm.statistic), golden["alarm"][2:], atol=1e-3)
    assert alarm.evidence[3] == max(alarm.evidence)


@pytest.mark.parametrize("stream", ["mean_one", "corr", "none"])
def test_agrees_with_every_golden_stream(full_golden, stream):
    features = full_golden[f"{stream}_features"].astype(np.float64)
    model, _ = fit_contrast_model(features[:200])
    contrasts, _ = contrasts_after(model, model.lags, features[200:])
    np.testing.assert_allclose(contrasts, full_golden[f"{stream}_contrasts"], rtol=0, atol=2e-3)
    detector = replace(fitted(features, full_golden[f"{stream}_h"][0]), level_share=EQUAL_SHARE)
    seen = detector.update(detector.start(), features[200:])
    np.testing.assert_allclose(seen.statistic, full_golden[f"{stream}_M"], rtol=0, atol=1e-3)
    found = [(a.sample, a.contrast, a.change_point, a.statistic) for a in seen.alarms]
    np.testing.assert_allclose(
        np.array(found).reshape(-1, 4), full_golden[f"{stream}_alarms"].reshape(-1, 4), atol=1e-3
    )
    assert (seen.alarms[0].sensor if seen.alarms else -1) == full_golden[f"{stream}_sensor"]


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(0, 130), max_size=12), by_bytes=st.booleans())
def test_the_answer_is_the_same_however_the_stream_is_cut(cuts, by_bytes):
    features = in_control(3, 200, 3)
    features[70:][np.random.default_rng(1).random((130, 7, 3)) < 0.05] = np.nan
    features[120:, 0, 1] += 4.0
    detector = fitted(features, 6.0, reference=70)
    whole = detector.update(detector.start(), features[70:])
    assert len(whole.alarms) >= 2
    state, statistics, alarms = detector.start(), [], []
    for piece in np.split(features[70:], sorted(cuts)):
        seen = detector.update(state, piece)
        state = detector.state_from_bytes(detector.state_to_bytes(seen.state)) if by_bytes else seen.state
        statistics.append(seen.statistic)
        alarms.extend(seen.alarms)
    np.testing.assert_array_equal(np.concatenate(statistics), whole.statistic)
    assert tuple(alarms) == whole.alarms
    assert detector.state_to_bytes(state) == detector.state_to_bytes(whole.state)


def test_a_detector_from_before_levels_had_a_share_keeps_the_prior_of_its_threshold():
    features = in_control(0, 120, 2)
    detector = fitted(features, reference=80)
    arrays = dict(np.load(io.BytesIO(detector.to_bytes())))
    assert float(arrays.pop("level_share")) == LEVEL_SHARE
    assert SequentialDetector.from_bytes(to_npz(arrays)).level_share == EQUAL_SHARE


def test_a_fitted_detector_survives_bytes():
    features = in_control(0, 120, 2)
    detector = fitted(features, reference=80)
    restored = DETECTORS["sequential"].from_bytes(detector.to_bytes())
    assert restored.to_bytes() == detector.to_bytes()
    assert restored.uncalibrated == detector.uncalibrated != ""
    assert not restored.calibrated
    np.testing.assert_array_equal(
        restored.update(restored.start(), features[80:]).statistic,
        detector.update(detector.start(), features[80:]).statistic,
    )


def test_the_state_is_small():
    detector = fitted(in_control(0, 60, 10), reference=60)
    assert len(detector.state_to_bytes(detector.start())) < 32_000


def test_the_same_seed_gives_the_same_detector():
    features = in_control(0, 100, 2)
    assert fitted(features).to_bytes() == fitted(features).to_bytes()


@pytest.mark.parametrize("broken", [b"", b"PK\x03\x04 nothing", b"\x93NUMPY\x01\x00"])
def test_bytes_that_are_no_detector_are_refused(broken):
    detector = fitted(in_control(0, 60, 1), reference=60)
    with pytest.raises(DataError):
        SequentialDetector.from_bytes(broken)
    with pytest.raises(DataError):
        detector.state_from_bytes(broken)
    with pytest.raises(DataError):
        SequentialDetector.from_bytes(detector.state_to_bytes(detector.start()))
    with pytest.raises(DataError, match="running state of 1 sensors"):
        detector.state_from_bytes(detector.to_bytes())


@pytest.mark.parametrize("sensors", [1, 2, 5])
@pytest.mark.parametrize("samples", [20, 60])
def test_short_references_work_and_say_so(sensors, samples):
    features = in_control(1, samples + 40, sensors)
    features[:, :, -1] = 1.0
    features[3:9, :, 0] = np.nan
    features[samples:, 2] = np.nan
    detector = fitted(features, reference=samples)
    seen = detector.update(detector.start(), features[samples:])
    assert np.isfinite(seen.statistic).all()
    assert detector.uncalibrated == f"the reference holds {samples} samples, the budget needs 200"


def test_wandering_means_are_not_promised_a_budget():
    features = in_control(1, 200, 3)
    assert fitted(features).calibrated
    features[:, 0, :2] = np.linspace(0.0, 9.0, 200)[:, None] + 0.02 * features[:, 1, :2]
    assert fitted(features).uncalibrated == (
        "the means of 2 of 3 sensors wander too slowly for a reference of this length"
    )


def test_a_machine_that_stood_still_in_the_reference_alarms_when_it_moves():
    features = np.full((60, 7, 1), 2.0)
    features[50:, 0] = np.random.default_rng(0).normal(size=(10, 1))
    detector = fitted(features, reference=40)
    (first, *_) = detector.update(detector.start(), features[40:]).alarms
    assert 10 <= first.sample < 20


def resting(seed, events, n=560, sensors=4):
    """Features in control, but for a sensor that rests and moves for one sample at each of the events."""
    features = in_control(seed, n, sensors)
    features[:, :, 3] = -3.0
    features[list(events), :, 3] = np.random.default_rng(seed).normal(2.0, 0.5, (len(events), 7))
    return features


def test_a_rare_event_is_no_drift_and_many_are():
    for seed in range(3):
        calm = fitted(resting(seed, []), 7.5)
        features = resting(seed, [300])
        assert not [a for a in calm.update(calm.start(), features[200:]).alarms if a.sensor == 3]
        often = [i for i in range(300, 560) if np.random.default_rng(i).random() < 0.2]
        alarms = calm.update(calm.start(), resting(seed, often)[200:]).alarms
        assert next(a.sample for a in alarms if a.sensor == 3) < 100 + 90


@pytest.mark.parametrize("events", [[], [70], [20, 150, 151]])
def test_a_rare_event_in_the_reference_leaves_the_threshold_where_it_was(events):
    features = resting(1, events)[:200]
    worlds = Worlds(10, 200)
    found = SequentialDetector.fit(features, rng=np.random.default_rng(0), worlds=worlds).threshold
    bare = SequentialDetector.fit(features[:, :, :3], rng=np.random.default_rng(0), worlds=worlds).threshold
    assert abs(found - bare) < 2.5


def test_a_sensor_never_seen_in_the_reference_can_still_drift():
    features = in_control(2, 130, 2)
    features[:100, :, 1] = np.nan
    detector = fitted(features, reference=100)
    seen = detector.update(detector.start(), features[100:])
    assert np.isfinite(seen.statistic).all()


def test_the_drifting_sensor_is_named_and_the_change_dated():
    features = in_control(5, 400, 4)
    features[300:, 1, 2] += 1.5
    detector = fitted(features, 7.5)
    alarm = detector.update(detector.start(), features[200:]).alarms[0]
    assert 100 <= alarm.sample < 130
    assert alarm.sensor == alarm.ranked_sensors()[0] == 2
    assert alarm.feature == "spread"
    assert abs(alarm.change_point - 100) < 10
    np.testing.assert_allclose(sum(alarm.evidence), 1.0)


def test_what_does_not_fit_is_refused():
    features = in_control(0, 60, 2)
    detector = fitted(features, reference=60)
    with pytest.raises(DataError, match=r"\(n, 7, 2\), found \(60, 7, 1\)"):
        detector.update(detector.start(), features[:, :, :1])
    with pytest.raises(DataError, match="at least 20 reference samples"):
        fit_contrast_model(features[:19])
    with pytest.raises(DataError, match=r"\(N, 7, f\), found \(60, 6, 2\)"):
        fit_contrast_model(features[:, :6])
