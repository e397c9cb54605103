from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from dq_pipeline.drift.alarm import Alarm
from dq_pipeline.drift.window import WindowDetector
from dq_pipeline.experiments.made_up import made_batch, made_process
from dq_pipeline.process import Process
from dq_pipeline.profile.bins import Reference
from dq_pipeline.profile.profile import profile
from dq_pipeline.steps.drift_evidence import divergences
from dq_pipeline.steps.watch_drift import _alarm

ROWS = 30


def batch_of(process, rng, n, share):
    """Recordings of one sensor and a valve that stays for six rows."""
    code = np.repeat(rng.choice(4, (n, ROWS // 6), p=share), 6, axis=1)
    valve = np.stack([code == k for k in range(4)], axis=2).astype(float)
    values = np.concatenate([rng.normal(size=(n, ROWS, 1)), valve], axis=2)
    return replace(made_batch(values), sensors=process.sensor_names)


@pytest.fixture(scope="module")
def made():
    told = made_process(ROWS, 1, 100.0).model_dump(by_alias=True)
    encoded = {"valve": {"encoder": "categories", "categories": ["closed", "open", "fault"]}}
    process = Process.model_validate({**told, "encoded": encoded})
    rng = np.random.default_rng(0)
    known = batch_of(process, rng, 120, (0.7, 0.3, 0.0, 0.0))
    now = batch_of(process, rng, 40, (0.4, 0.5, 0.1, 0.0))
    bins = Reference.fit(known, process)
    detector = SimpleNamespace(calibrated=True, uncalibrated="")
    bundle = SimpleNamespace(detector=detector, rebuilding=False)
    serving = SimpleNamespace(
        process=process,
        bundle=bundle,
        completion_scorer=SimpleNamespace(reference=bins),
        detector_id="d",
        version="3",
    )
    return serving, known, now, profile(now, bins)


def test_the_evidence_holds_the_shares_of_every_category(made):
    serving, known, now, window = made
    told = divergences(serving, window, known, now)
    json.dumps(told, allow_nan=False)
    valve = told["mixes"]["valve"]
    counts = [side.values[:, :, 1:].sum(axis=(0, 1)) for side in (known, now)]
    kept = [side[:3] for side in counts]
    assert valve["chi_squared"] == pytest.approx(stats.chi2_contingency(kept, correction=False).statistic, rel=1e-3)
    assert valve["p"] < 0.001
    assert valve["shares"]["fault"]["before"] == 0.0
    assert valve["shares"]["fault"]["after"] == pytest.approx(counts[1][2] / counts[1].sum(), rel=1e-3)
    assert valve["told"].startswith("valve: ")
    assert valve["new"] == ["fault"]


def test_without_its_reference_the_shares_are_those_of_the_bins_and_nothing_is_promised(made):
    serving, known, now, window = made
    usual, bare = (divergences(serving, window, reference, now)["mixes"]["valve"] for reference in (known, None))
    assert bare["p"] is None is bare["design_effect"]
    assert {k: v["before"] for k, v in bare["shares"].items()} == {k: v["before"] for k, v in usual["shares"].items()}


def test_the_window_detector_has_them_too(made):
    serving, known, now, window = made
    bins = serving.completion_scorer.reference
    readings = WindowDetector.readings(profile(known, bins))
    detector = WindowDetector.fit(readings, rng=np.random.default_rng(0), draws=100)
    bundle = SimpleNamespace(detector=detector, rebuilding=False)
    watched = SimpleNamespace(**{**vars(serving), "bundle": bundle})
    found = divergences(watched, window, known, now)["mixes"]
    assert found == divergences(serving, window, known, now)["mixes"]


def test_an_alarm_names_the_sensor_and_its_categories(made):
    serving, known, now, window = made
    place = {name: j for j, name in enumerate(serving.process.sensor_names)}
    evidence = np.zeros(len(place))
    evidence[[place["valve_open"], place["valve_closed"], place["s0"]]] = 0.5, 0.3, 0.2
    alarm = Alarm(40, 9.0, 7.0, 10.0, place["valve_open"], "innovation", "mean", 0, tuple(evidence))
    told = _alarm(serving, alarm, "000040", 0, divergences(serving, window, known, now))
    assert told.sensors[:2] == ("valve_open", "valve_closed")
    (first, *rest) = told.evidence["named"]
    assert first == told.evidence["divergences"]["mixes"]["valve"]["told"]
    assert all("valve" not in one for one in rest)
    bare = _alarm(serving, alarm, "000040", 0, {})
    assert bare.evidence["named"][0] == "valve: open, closed"
