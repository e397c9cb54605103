from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dq_pipeline.propose.overview import Column
from dq_pipeline.propose.sensors import propose_sensors, range_of


def _column(name: str, values) -> Column:
    values = np.asarray(values, np.float64)
    low, middle, high = np.quantile(values, (0.001, 0.5, 0.999))
    return Column(name, "number", values, values.size, values.min(), values.max(), (low, middle, high))


@given(
    st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=50).filter(lambda v: max(v) - min(v) > 1e-6 * max(map(abs, v)))
)
def test_a_range_holds_most_readings_and_can_be_written(values):
    column = _column("p", values)
    low, high = range_of(column)
    assert low < high
    assert low <= column.quantiles[0]
    assert column.quantiles[2] <= high
    assert (float(f"{low:.12g}"), float(f"{high:.12g}")) == (low, high)


def test_a_few_wild_readings_do_not_widen_a_range():
    calm = np.random.default_rng(0).normal(50.0, 1.0, 10_000)
    wild = np.concatenate([calm, [-9999.0, 1e6]])
    low, high = range_of(_column("p", wild))
    assert 30 < low < 47
    assert 53 < high < 70
    (sensor,) = propose_sensors([_column("p", wild)], {"p"})
    assert sensor.beyond == (-9999.0, 1e6)


def test_a_sensor_that_was_never_below_zero_hardly_gets_there():
    low, high = range_of(_column("p", np.linspace(0.0, 100.0, 1001)))
    assert -10 <= low < 0
    assert high == 150


@given(st.lists(st.text(max_size=80), min_size=1, max_size=8, unique=True))
def test_names_are_those_a_process_file_takes_and_lead_back_to_their_columns(names):
    sensors = propose_sensors([_column(name, [0.0, 1.0]) for name in names], names)
    assert [sensor.column for sensor in sensors] == names
    assert len({sensor.name for sensor in sensors}) == len(names)
    for sensor in sensors:
        assert re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,99}", sensor.name)
        assert sensor.name == sensor.column or sensor.name not in names


@pytest.mark.parametrize(
    ("column", "name", "unit"),
    [("Pressure [bar]", "Pressure", "bar"), ("T_in_(degC)", "T_in", "degC"), ("p [log10(mbar)]", "p", "log10(mbar)"),
     ("valve [left]", "valve_left", None), ("[bar]", "bar", None)],
)  # fmt: skip
def test_a_unit_in_a_name_is_taken(column, name, unit):
    (sensor,) = propose_sensors([_column(column, [0.0, 1.0])], {column})
    assert (sensor.name, sensor.unit) == (name, unit)
