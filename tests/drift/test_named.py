from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from dq_pipeline.drift.cause import find_cause
from dq_pipeline.drift.named import mixes, named
from dq_pipeline.encode import Categorical
from dq_pipeline.experiments.made_up import made_batch, made_process
from dq_pipeline.process import Process
from dq_pipeline.profile.bins import Reference
from dq_pipeline.profile.profile import profile

VALVE = ("closed", "open", "fault")


@pytest.fixture(scope="module")
def process() -> Process:
    told = made_process(60, 2, 100.0).model_dump(by_alias=True)
    return Process.model_validate({**told, "encoded": {"valve": {"encoder": "categories", "categories": VALVE}}})


def recordings(rng, n, share):
    """Two sensors, of which one follows the valve, and the valve, which stays where it is for ten rows."""
    code = np.repeat(rng.choice(4, (n, 6), p=share), 10, axis=1)
    valve = np.stack([code == k for k in range(4)], axis=2).astype(float)
    flow = 5.0 * valve[:, :, 1:2] + rng.normal(size=(n, 60, 1))
    return np.concatenate([flow, rng.normal(size=(n, 60, 1)), valve], axis=2)


def batch_of(values, process):
    return replace(made_batch(values), sensors=process.sensor_names)


def test_every_categorical_sensor_is_told_with_its_categories(process):
    rng = np.random.default_rng(0)
    before, after = recordings(rng, 200, (0.69, 0.31, 0, 0)), recordings(rng, 50, (0.4, 0.5, 0.06, 0.04))
    bins = Reference.fit(batch_of(before, process), process)
    usual, now = (profile(batch_of(values, process), bins) for values in (before, after))
    (valve,) = mixes(process.categories, bins, usual.drift_histogram, now.drift_histogram)
    tables = [values[:, :, 2:].sum(axis=(0, 1)) for values in (before, after)]
    assert valve.statistic == pytest.approx(stats.chi2_contingency(tables, correction=False).statistic)
    assert valve.new == ("fault", "other values")
    assert valve.p < 1e-6
    assert "fault 0 % -> " in valve.told()
    alarm = ("s0", "valve_open", "valve_fault")
    assert named(alarm, process.categories, {"valve": valve.told()}) == ("s0", valve.told())
    (whole,) = mixes(process.categories, bins, bins.whole_bins[None], now.drift_histogram)
    assert (whole.statistic, whole.p) == (pytest.approx(valve.statistic), None)


def test_columns_are_named_where_nothing_is_known_of_the_mix():
    pumps = {"pump": Categorical({"on": "pump_on", "off": "pump_off"}, "pump_other")}
    assert named(("pump_off", "level", "pump_other"), pumps) == ("pump: off, other values", "level")
    assert named(("level", "pump_speed"), pumps) == ("level", "pump_speed")


@pytest.mark.parametrize("share", [(0.3, 0.3, 0.2, 0.2), (0, 1, 0, 0), (0, 0, 0, 1)])
def test_another_mix_is_never_put_down_to_one_column(process, share):
    rng = np.random.default_rng(1)
    values = np.concatenate([recordings(rng, 300, (0.67, 0.3, 0.03, 0)), recordings(rng, 20, share)])
    found = find_cause(values[:280], values[280:], process.sensor_names, ["1"] * 6, begin=20)
    assert found.kind != "sensor"
