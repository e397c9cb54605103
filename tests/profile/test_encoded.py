from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dq_pipeline.process import Process
from dq_pipeline.profile.bins import Reference
from dq_pipeline.profile.profile import profile
from dq_pipeline.quality.dimensions import measure

ROWS = 40


@pytest.fixture
def process(make_process) -> Process:
    told = make_process(1, ROWS, limit=100.0).model_dump(by_alias=True)
    encoded = {
        "valve": {"encoder": "categories", "categories": ["shut", "open", "half"]},
        "log": {"encoder": "log_lines"},
    }
    return Process.model_validate({**told, "encoded": encoded})


@pytest.fixture
def batch_of(process, make_batch):
    def build(valve, lines, rng):
        """Positions (n, T) of the valve, and lines (n, T) of 20 letters, warnings all of them."""
        place = {name: j for j, name in enumerate(process.sensor_names)}
        values = np.zeros((*valve.shape, len(place)))
        values[:, :, place["s0"]] = rng.normal(size=valve.shape)
        for k, name in enumerate(("shut", "open", "half")):
            values[:, :, place[f"valve_{name}"]] = valve == k
        for name, each in (("lines", 1), ("warnings", 1), ("length", 20)):
            values[:, :, place[f"log_{name}"]] = each * lines
        return replace(make_batch(values), sensors=process.sensor_names)

    return build


def test_rare_categories_and_rare_lines_cost_a_clean_recording_nothing(process, batch_of):
    rng = np.random.default_rng(1)
    valve = np.repeat(rng.choice(3, (200, 8), p=(0.6, 0.37, 0.03)), 5, axis=1)
    lines = rng.random((200, ROWS)) < 0.01
    batch = batch_of(valve, lines, rng)
    fitted = Reference.fit(batch, process)
    clean = profile(batch, fitted)
    place = {name: j for j, name in enumerate(fitted.sensors)}
    valves = [j for name, j in place.items() if name.startswith("valve")]
    assert clean.counted("abnormal")[:, valves].sum() == 0
    assert clean.counted("violating")[:, valves].sum() == 0
    assert (measure(clean, fitted)[:, 3:, valves] == 1.0).all()
    assert clean.counted("outlying")[:, place["log_warnings"]].sum() == 0
    assert clean.counted("steps")[:, place["log_warnings"]].sum() == 0
    assert np.isfinite(fitted.upper[0]).all()  # a number keeps its limits
    assert np.isfinite(fitted.step_limit[0])
    assert np.isfinite(fitted.step_limit[place["log_delay"]])


def test_what_flickers_bursts_or_is_not_listed_is_still_found(process, batch_of):
    rng = np.random.default_rng(2)
    valve = np.zeros((200, ROWS), int)
    valve[::40, 10:30] = 1
    lines = rng.random((200, ROWS)) < 0.01
    fitted = Reference.fit(batch_of(valve, lines, rng), process)
    place = {name: j for j, name in enumerate(fitted.sensors)}
    bad_valve, bad_lines = valve[1:5].copy(), np.zeros((4, ROWS))
    bad_valve[0, 3:33:3] = 1  # flickers
    bad_valve[1, 20:] = 2  # moves once, as it hardly ever does
    bad_valve[2, 7:] = 9  # shows what is not listed
    bad_lines[3, 5:25:2] = 1
    bad = batch_of(bad_valve, bad_lines, rng)
    bad.values[2, 7:, place["valve_other"]] = 1.0
    told = profile(bad, fitted)
    assert (told.counted("abnormal")[0, [place["valve_shut"], place["valve_open"]]] == 10).all()
    assert told.counted("steps")[1, place["valve_half"]] == 1
    assert told.counted("out_of_range")[2, place["valve_other"]] == ROWS - 7
    assert told.counted("spikes")[3, place["log_lines"]] >= 10


def test_a_valve_that_always_moves_may_move_to_a_rare_position_too(process, batch_of):
    rng = np.random.default_rng(3)
    valve = rng.integers(0, 2, (200, ROWS))
    valve[::50, 5:9] = 2
    fitted = Reference.fit(batch_of(valve, np.zeros_like(valve), rng), process)
    limits = dict(zip(fitted.sensors, fitted.step_limit, strict=True))
    assert limits["valve_half"] == limits["valve_open"] == 4.0


def test_a_log_that_never_came_limits_nothing(process, batch_of):
    rng = np.random.default_rng(4)
    batch = batch_of(np.zeros((30, ROWS), int), np.zeros((30, ROWS)), rng)
    batch.values[:, :, [name.startswith("log") for name in batch.sensors]] = np.nan
    fitted = Reference.fit(batch, process)
    told = profile(batch_of(np.zeros((2, ROWS), int), np.ones((2, ROWS)), rng), fitted)
    logged = [name.startswith("log") for name in fitted.sensors]
    assert told.counted("abnormal")[:, logged].sum() == told.counted("steps")[:, logged].sum() == 0
