"""The simulated pump-down keeps its physics, its process file's promises and its named change."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from dq_pipeline.process_file import load
from dq_pipeline.recording import assemble, place
from dq_pipeline.samples import SampleBatch
from dq_pipeline.simulate.vacuum import SENSORS, TARGET_COLUMN, VacuumDrift, simulate, to_table

PROCESS = load(Path("dags/processes/vacuum.yaml"))


def _batch(n: int, seed: int, drift: VacuumDrift | None = None) -> SampleBatch:
    recordings = simulate(n, np.random.default_rng(seed), drift=drift)
    return assemble([place(one, PROCESS, "completion") for one in recordings], PROCESS, "completion")


def _early(batch: SampleBatch) -> NDArray[np.float64]:
    shown = batch.values[:, : PROCESS.sample.horizon_rows]
    halves = [shown[:, :60], shown[:, 60:], shown[:, -5:]]
    return np.concatenate([part.mean(axis=1) for part in halves], axis=1)


@pytest.fixture(scope="module")
def worn() -> SampleBatch:
    return _batch(500, 3, VacuumDrift(at=300))


def test_it_is_what_the_process_file_describes(worn: SampleBatch) -> None:
    assert PROCESS.sensor_names == SENSORS
    assert PROCESS.target.column == TARGET_COLUMN
    columns = {name: worn.values[:, :, j] for j, name in enumerate(SENSORS)}
    for name, sensor in PROCESS.sensors.items():
        assert sensor.range[0] < columns[name].min() <= columns[name].max() < sensor.range[1], name
    assert not any(rule.broken(columns).any() for rule in PROCESS.parsed_rules)


def test_pressure_falls_from_air_to_below_two_millibar(worn: SampleBatch) -> None:
    pressure = worn.values[:, :, 0]
    assert (pressure[:, 0] > 2.9).all()
    smooth = pressure[:, :1200].reshape(len(worn), 12, 100).mean(axis=2)
    assert (np.diff(smooth[:, :4], axis=1) < 0).all()
    assert_allclose(pressure.min(axis=1), worn.target, atol=0.1)


def test_the_first_two_minutes_tell_most_but_not_all(worn: SampleBatch) -> None:
    x, y = _early(worn), worn.target
    model = make_pipeline(StandardScaler(), Ridge(1.0)).fit(x[:200], y[:200])
    r2 = model.score(x[200:300], y[200:300])
    assert 0.8 < r2 < 0.99


def test_wear_spoils_a_stale_model_and_not_a_new_one(worn: SampleBatch) -> None:
    x, y = _early(worn), worn.target

    def mae(first: int, stop: int, lower: int, upper: int) -> float:
        model = make_pipeline(StandardScaler(), Ridge(1.0)).fit(x[first:stop], y[first:stop])
        return float(np.abs(model.predict(x[lower:upper]) - y[lower:upper]).mean())

    before, stale, renewed = mae(0, 200, 200, 300), mae(0, 200, 300, 500), mae(300, 420, 420, 500)
    assert stale > 1.5 * before
    assert renewed < 1.5 * before


def test_the_same_seed_makes_the_same_stream() -> None:
    one, two = (simulate(3, np.random.default_rng(5), rows=50, first=7)[2] for _ in range(2))
    assert one.sample_id == two.sample_id == "vacuum-000009"
    assert_array_equal(one.values, two.values)


def test_nothing_changes_before_the_change() -> None:
    calm = simulate(6, np.random.default_rng(5), rows=50)
    leaking = simulate(6, np.random.default_rng(5), rows=50, drift=VacuumDrift(at=4, kind="leak"))
    same = [np.array_equal(a.values, b.values) for a, b in zip(calm, leaking, strict=True)]
    assert same == [True] * 4 + [False] * 2


def test_a_gradual_change_grows() -> None:
    drift = VacuumDrift(at=2, magnitude=2.0, over=4)
    assert_allclose(drift.strength(np.arange(8)), [0, 0, 0.5, 1, 1.5, 2, 2, 2])


def test_table_is_long() -> None:
    table = to_table(simulate(2, np.random.default_rng(1), rows=30))
    assert table.column_names == ["sample_id", "start", "t_s", *SENSORS, TARGET_COLUMN, "recipe", "shift"]
    assert table.num_rows == 60
