"""The ladder: what is disturbed, what is not, and what counts as broken."""

from __future__ import annotations

import numpy as np
import pytest

from dq_pipeline.errors import DataError
from dq_pipeline.process import Process
from dq_pipeline.samples import SampleBatch
from dq_pipeline.simulate.ladders import PERTURBATIONS
from dq_pipeline.stress.bench import LEAD, Bench
from dq_pipeline.stress.likeness import synthetic
from dq_pipeline.stress.report import Limits, Rung, breaks, climb

ROWS, SENSORS = 24, ("a", "b", "c", "d")


@pytest.fixture(scope="module")
def process() -> Process:
    return Process.model_validate(
        {
            "process": "small",
            "title": "Small",
            "stream": {"topic": "small.samples", "labels_topic": "small.labels", "min_samples": 20},
            "sample": {"rows": ROWS, "period_s": 1, "horizon_rows": 12, "profile_rows": ROWS},
            "sensors": {name: {"unit": "bar", "range": [-100, 100]} for name in SENSORS},
            "target": {"name": "y", "unit": "bar", "column": "y"},
            "alarm": {"when": "above", "limit": 7, "on": "prediction"},
            "history": {"uri": "history.parquet", "id": "id", "time": "t_s", "samples": 60},
            "model": {"trees": 30, "search": 1, "min_samples": 20},
            "drift": {"worlds": 10, "world_length": 100, "false_alarms_per_1000": 0.2},
        }
    )


@pytest.fixture(scope="module")
def batch() -> SampleBatch:
    rng = np.random.default_rng(3)
    n = 340
    inner = rng.normal(size=n)
    other = rng.normal(size=n)
    mix = np.stack([inner, inner + 0.5 * other, other, other - 0.5 * inner], axis=1)
    values = 5.0 + mix[:, None, :] + 0.2 * rng.normal(size=(n, ROWS, 4))
    return SampleBatch(
        sensors=SENSORS,
        ids=tuple(f"s{i:04d}" for i in range(n)),
        sources=("rig",) * n,
        start=np.datetime64("2026-01-01", "us") + np.arange(n) * np.timedelta64(60, "s"),
        values=values,
        received=np.full(n, ROWS),
        disordered=np.zeros(n, np.int64),
        target=5.0 + inner + 0.05 * rng.normal(size=n),
    )


@pytest.fixture(scope="module")
def bench(batch, process) -> Bench:
    return Bench.on(batch, process, 220)


@pytest.fixture(scope="module")
def climbed(bench):
    return climb(bench, ("calibration", "delay", "outage", "concept"))


def test_the_sensor_that_says_most_is_hit_and_the_lead_is_left_alone(bench):
    assert bench.process.sensor_names[bench.sensor] == "a"
    struck = bench.strike(PERTURBATIONS["unit"], 100.0)
    np.testing.assert_array_equal(struck.batch.values[:LEAD], bench.rest.values[:LEAD])
    np.testing.assert_allclose(struck.batch.values[LEAD:, :, 0], 100.0 * bench.rest.values[LEAD:, :, 0])
    assert np.isfinite(bench.past.values).all()


def test_what_breaks_breaks_from_some_severity_on(climbed):
    usual, climbs = climbed
    found = {one.perturbation: one for one in climbs}
    assert usual.retained > 0.9
    assert usual.coverage > 0.75
    calibration = found["calibration"]
    assert calibration.sensor == "a"
    assert calibration.breaks["error"] is not None
    errors = [rung.error for rung in calibration.rungs]
    assert errors[-1] > 2 * usual.error
    assert errors[0] < 1.3 * usual.error
    assert calibration.rungs[-1].found is not None
    assert (calibration.rungs[-1].cause, calibration.rungs[-1].subject) == ("calibration", "a")
    assert found["outage"].breaks["retained"] is not None


def test_a_changed_meaning_is_seen_by_the_error_alone(climbed):
    concept = {one.perturbation: one for one in climbed[1]}["concept"]
    worst = concept.rungs[-1]
    assert worst.by == "error"
    assert worst.found is not None
    assert worst.retained == climbed[0].retained


def test_the_same_seed_climbs_the_same(bench, climbed):
    assert climb(bench, ("delay",))[1][0] == {one.perturbation: one for one in climbed[1]}["delay"]


def test_progress_is_told_and_an_unknown_perturbation_refused(bench):
    told = []
    climb(bench, ("stuck",), progress=lambda done, total, what: told.append((done, total, what)))
    assert told[-1][0] == told[-1][1]
    with pytest.raises(DataError, match="Unknown perturbation"):
        climb(bench, ("rain",))


def test_each_limit_counts_by_itself():
    usual = Rung(0.0, 1.0, 0.9, 1.0, 0.0, None)
    rungs = [
        Rung(1.0, 1.2, 0.85, 0.9, 0.04, 5, "drift", "calibration", "a", True),
        Rung(2.0, 1.3, 0.85, 0.4, 0.04, 101, "drift", "process_drift", "", False),
        Rung(3.0, 1.3, 0.7, 0.4, 0.2, None),
    ]
    assert breaks(usual, rungs, Limits(), 0.5) == {
        "error": 2.0,
        "coverage": 3.0,
        "retained": 2.0,
        "alarms": 3.0,
        "unseen": 2.0,
        "misnamed": 2.0,
    }
    assert breaks(usual, rungs, Limits(retained=0.95), 0.5)["retained"] == 1.0
    assert breaks(usual, rungs, Limits(found_within=200), 0.5)["unseen"] == 3.0


def test_too_little_after_the_history_is_refused(batch, process):
    with pytest.raises(DataError, match="samples after the history expected"):
        Bench.on(batch, process, 330)
    with pytest.raises(DataError, match="Unknown sensor 'z'"):
        Bench.on(batch, process, 220, sensor="z")


@pytest.mark.parametrize("history", [0, 300, 340, 5000])
def test_a_synthetic_stream_too_wants_samples_after_its_history(batch, process, history):
    with pytest.raises(DataError, match="45 samples after the history expected"):
        synthetic(batch, process, history)


def test_a_synthetic_stream_teaches_what_the_real_one_does(batch, process):
    drawn, likeness = synthetic(batch, process, 220)
    assert len(drawn) == len(batch)
    assert not set(drawn.ids) & set(batch.ids)
    assert likeness.nearest >= 0.95 * likeness.limit
    assert likeness.error < 2.0 * likeness.error_real
