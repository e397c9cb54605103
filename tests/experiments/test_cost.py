"""Cells of the table on a long stream: quotients, what is extrapolated, and what one micro-batch does."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from dq_pipeline.drift.calibration import Worlds
from dq_pipeline.drift.sequential import SequentialDetector
from dq_pipeline.experiments import cost
from dq_pipeline.profile.drift_features import features, fit_row_constants
from dq_pipeline.simulate.vacuum import simulate
from dq_pipeline.storage import arrays_of


@pytest.mark.recomputes("cost/stream", "seconds", "processor seconds", "ms a sample", "measured")
@pytest.mark.recomputes("cost/training", "seconds", "measured")
def test_time_is_of_all_micro_batches_and_what_was_not_run_is_extrapolated(asked, monkeypatch):
    clocks = {"perf_counter": 0.0, "process_time": 0.0}
    seen = []

    def step(state):
        clocks["perf_counter"] += 0.1
        clocks["process_time"] += 0.075
        seen.append(state)
        return (state or 0) + 1

    fitted = {}

    def boost(features, target, weights, candidate, **settings):
        fitted[settings["device"], len(features)] = features, target, weights, candidate, settings
        clocks["perf_counter"] += 3.0

    monkeypatch.setattr(cost, "_stream", lambda _: step)
    monkeypatch.setattr(cost, "boost", boost)
    monkeypatch.setattr(cost, "_missing", lambda device: "no: none" if device == "cuda" else "")
    for name in clocks:
        monkeypatch.setattr(cost.time, name, lambda name=name: clocks[name])
    table, training = cost.run(asked)
    assert seen == [None, *range(1, 20)], "20 micro-batches of 500, each with the state of the one before"
    for row, times in zip(table.rows, (1, 10, 100), strict=True):
        assert row["samples"] == 10_000 * times
        assert row["seconds"] == pytest.approx(20 * 0.1 * times)
        assert row["processor seconds"] == pytest.approx(20 * 0.075 * times)
        assert row["ms a sample"] == pytest.approx(0.2)
        assert row["measured"] == ("yes" if times == 1 else "extrapolated from the row above")
        assert (row["peak memory, GB"] is None) == (times > 1)
    told = [(row["device"], row["samples"], row["seconds"], row["measured"]) for row in training.rows]
    sizes = (10_000, 100_000, 1_000_000)
    assert told[0] == ("cpu", 10_000, 3.0, "yes")
    assert told[1:3] == [("cpu", size, None, "left out of the quick run") for size in sizes[1:]]
    assert told[3:] == [("cuda", size, None, "no: none") for size in sizes]
    ((features, target, weights, candidate, settings),) = fitted.values()
    assert features.shape == (10_000, 70)
    slopes, *_ = np.linalg.lstsq(features, target, rcond=None)
    np.testing.assert_allclose(slopes, np.repeat([1.0, 0.0], [5, 65]), atol=0.05)
    assert (weights == 1).all()
    assert (candidate, settings["trees"], settings["task"], settings["device"]) == ({}, 100, "regression", "cpu")


@pytest.mark.recomputes("cost/stream", "peak memory, GB")
def test_peak_memory_is_what_the_kernel_says():
    status = Path("/proc/self/status")
    if not status.exists():
        pytest.skip("no /proc: the kernel of this machine tells it otherwise")
    ours = cost._peak_gb()
    (peak,) = re.findall(r"VmHWM:\s+(\d+) kB", status.read_text())
    assert ours == pytest.approx(int(peak) / 1e6, rel=0.02)


def test_a_micro_batch_is_500_samples_scored_and_watched(asked, monkeypatch):
    scored = []
    score = cost.fit_scorer

    def spied(*args):
        scorer = score(*args)
        monkeypatch.setattr(type(scorer), "score", lambda _, found: scored.append(len(found)))
        return scorer

    monkeypatch.setattr(cost, "fit_scorer", spied)
    monkeypatch.setattr(cost, "BATCH", 50)
    step = cost._stream(asked)
    state = step(step(None))
    assert scored == [50, 50, 50], "one warms up"
    readings = np.stack([one.values for one in simulate(250, np.random.default_rng(0))])
    known, block = readings[:200], readings[200:]
    constants = fit_row_constants(known)
    detector = SequentialDetector.fit(features(known, constants), rng=np.random.default_rng(0), worlds=Worlds(10, 200))
    watched = detector.update(detector.start(), features(np.concatenate([block, block]), constants)).state
    expected = arrays_of(watched)
    for name, array in arrays_of(state).items():
        np.testing.assert_allclose(array, expected[name], rtol=1e-6, atol=1e-9, err_msg=name)


def test_a_device_is_there_or_it_is_said_why_not():
    assert cost._missing("cpu") == ""
    assert (cost._missing("cuda") == "") or "none; this XGBoost" in cost._missing("cuda")
