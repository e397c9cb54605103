"""The form gate: what reaches the clock's grid, and what is refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from dq_pipeline.errors import SampleError
from dq_pipeline.process import Process
from dq_pipeline.process_file import load, parse
from dq_pipeline.recording import Recording, assemble, cut, place
from dq_pipeline.samples import REASONS
from dq_pipeline.target import derive

START = np.datetime64("2026-03-01T06:00:00", "us")


def _process(**target: object) -> Process:
    return parse(
        {
            "process": "toy",
            "title": "Toy",
            "stream": {"topic": "toy.samples", "labels_topic": "toy.labels"},
            "sample": {"rows": 6, "period_s": 2, "horizon_rows": 3, "profile_rows": 6},
            "sensors": {
                "p": {"unit": "bar", "range": [0, 10], "aliases": ["pressure"]},
                "t": {"unit": "degC", "range": [0, 100]},
            },
            "target": {"name": "y", "column": "raw", "rows": [3, 6], **target},
            "history": {"uri": "x.parquet", "id": "id"},
            **({"promotion": {"metric": "f1"}} if target.get("task") == "classification" else {}),
        },
        "toy.yaml",
    )


PROCESS = _process()
VALUES = np.arange(12.0).reshape(6, 2)
WHOLE = Recording("a", "rig", START, ("p", "t"), VALUES, target=np.arange(6.0) * 10)


def _reason(recording: Recording, now: np.datetime64 | None = None) -> str:
    with pytest.raises(SampleError) as caught:
        place(recording, PROCESS, "completion", now)
    assert caught.value.reason in REASONS
    assert "expected" in caught.value.detail
    assert "found" in caught.value.detail
    assert caught.value.sample_id == "a"
    return caught.value.reason


def test_complete_recording_stands_as_it_is() -> None:
    placed = place(WHOLE, PROCESS, "completion", START)
    assert_array_equal(placed.values, VALUES)
    assert (placed.received, placed.disordered, placed.target) == (6, 0, 40.0)


def test_horizon_has_its_rows_and_no_target() -> None:
    placed = place(WHOLE, PROCESS, "horizon")
    assert_array_equal(placed.values, VALUES[:3])
    assert placed.received == 3
    assert np.isnan(placed.target)


def test_names_units_absent_and_unknown_columns() -> None:
    sent = replace(
        WHOLE, sensors=("extra", "pressure"), units={"pressure": "kPa", "extra": "furlong"}, values=VALUES + 100
    )
    placed = place(sent, PROCESS, "completion")
    np.testing.assert_allclose(placed.values[:, 0], sent.values[:, 1] / 100)
    assert np.isnan(placed.values[:, 1]).all()
    assert placed.unknown == ("extra",)


def test_temperature_in_kelvin_becomes_celsius() -> None:
    placed = place(replace(WHOLE, units={"t": "K"}), PROCESS, "completion")
    np.testing.assert_allclose(placed.values[:, 1], VALUES[:, 1] - 273.15)


def test_rows_follow_the_clock_and_the_first_reading_stands() -> None:
    times = np.array([0.0, 4.4, 2.0, 2.1, 40.0, -7.0])
    placed = place(replace(WHOLE, times_s=times), PROCESS, "completion")
    expected = np.full((6, 2), np.nan)
    expected[[0, 2, 1]] = VALUES[[0, 1, 2]]
    assert_array_equal(placed.values, expected)
    assert placed.received == 4
    assert placed.disordered == 2


def test_a_repeated_row_fills_what_the_first_did_not_have() -> None:
    values = VALUES.copy()
    values[1, 0] = np.nan
    placed = place(replace(WHOLE, values=values, times_s=np.array([0.0, 2, 2, 4, 6, 8])), PROCESS, "completion")
    assert_array_equal(placed.values[1], [values[2, 0], values[1, 1]])


def test_fill_values_and_infinities_are_no_readings() -> None:
    values = VALUES.copy()
    values[0], values[1, 0] = np.inf, -1e30
    placed = place(replace(WHOLE, values=values), PROCESS, "completion")
    assert np.isnan(placed.values[[0, 0, 1], [0, 1, 0]]).all()
    assert np.isfinite(placed.values).sum() == 9


def test_rows_beyond_the_grid_are_dropped() -> None:
    long = replace(WHOLE, values=np.ones((9, 2)), target=np.arange(9.0))
    placed = place(long, PROCESS, "completion")
    assert placed.received == 6
    assert placed.target == 4.0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"values": np.empty((0, 2)), "target": None}, "empty"),
        ({"values": np.full((6, 2), np.nan)}, "empty"),
        ({"values": np.ones((6, 3))}, "columns"),
        ({"values": np.ones((6, 0)), "sensors": ()}, "columns"),
        ({"sensors": ("q", "r")}, "columns"),
        ({"sensors": ("p", "pressure")}, "columns"),
        ({"target": np.ones(5)}, "columns"),
        ({"times_s": np.ones(5)}, "columns"),
        ({"values": np.ones((25, 2)), "target": None}, "too_many_rows"),
        ({"units": {"p": "degC"}}, "unit"),
        ({"units": {"p": "furlong"}}, "unit"),
        ({"units": {"raw": "bar"}}, "unit"),
        ({"times_s": np.array([0, 1, 2, np.nan, 4, 5])}, "time"),
        ({"times_s": np.full(6, 1e300)}, "empty"),
        ({"start": np.datetime64("NaT", "us")}, "time"),
    ],
)
def test_refused(change: dict[str, object], reason: str) -> None:
    assert _reason(replace(WHOLE, **change)) == reason


@pytest.mark.parametrize(("days", "refused"), [(-1, True), (0, False), (3659, False), (3661, True)])
def test_start_must_lie_near_now(days: int, refused: bool) -> None:
    now = START + np.timedelta64(days, "D")
    if refused:
        assert _reason(WHOLE, now) == "time"
    else:
        place(WHOLE, PROCESS, "completion", now)


def test_cut_takes_the_rows_the_horizon_grid_takes() -> None:
    times = np.array([0.0, 9.0, 2.0, 4.9, 5.1, 3.0])
    timed = replace(WHOLE, times_s=times)
    early = cut(timed, 3, 2.0)
    assert early.target is None
    assert_array_equal(place(early, PROCESS, "horizon").values, place(timed, PROCESS, "horizon").values)


def test_assemble_stacks_and_takes_none() -> None:
    placed = place(WHOLE, PROCESS, "completion")
    batch = assemble([placed, replace(placed, sample_id="b")], PROCESS, "completion")
    assert batch.ids == ("a", "b")
    assert_array_equal(batch.values[1], VALUES)
    assert_array_equal(batch.target, [40.0, 40.0])
    assert len(assemble([], PROCESS, "horizon")) == 0


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ({"reduce": "mean"}, 50.0),
        ({"reduce": "median"}, 40.0),
        ({"reduce": "min"}, 10.0),
        ({"reduce": "max", "transform": "log10"}, 2.0),
        ({"reduce": "last"}, 40.0),
        ({"rows": [0, 1]}, np.nan),
    ],
)
def test_target(target: dict[str, object], expected: float) -> None:
    column = np.array([np.nan, 0.0, -5.0, 100.0, np.nan, 10.0, 40.0, np.inf])[:8]
    chosen = _process(**{"rows": [3, 6], **target}).target.model_copy(
        update={"rows": (3, 8) if "rows" not in target else (0, 1)}
    )
    assert derive(column, chosen) == pytest.approx(expected, nan_ok=True)


def test_class_target_is_the_most_frequent_known_index() -> None:
    target = _process(task="classification", classes=["ok", "worn"]).target
    assert derive(np.array([0, 0, 0, 1.0, 1.0, 0.0]), target) == 1.0
    assert np.isnan(derive(np.array([0, 0, 0, 7.0, 0.5, np.nan]), target))


def test_target_that_is_a_sensor_needs_no_column_of_its_own() -> None:
    process = load(Path("dags/processes/hydraulic.yaml"))
    shown = process.model_copy(update={"target": process.target.model_copy(update={"column": "TS1"})})
    values = np.tile(np.arange(60.0)[:, None], 14)
    placed = place(Recording("a", "rig", START, process.sensor_names, values), shown, "completion")
    assert placed.target == 49.5


@settings(max_examples=100)
@given(order=st.permutations(range(6)))
def test_order_of_arrival_changes_no_reading(order: list[int]) -> None:
    times = np.arange(6) * 2.0
    shuffled = replace(WHOLE, values=VALUES[order], times_s=times[order], target=np.asarray(WHOLE.target)[order])
    placed = place(shuffled, PROCESS, "completion")
    assert_array_equal(placed.values, VALUES)
    assert placed.target == 40.0
    best = np.maximum.accumulate(order)
    assert placed.disordered == int((np.asarray(order)[1:] <= best[:-1]).sum())
