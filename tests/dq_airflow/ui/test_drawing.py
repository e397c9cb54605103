from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dq_airflow.ui import drawing

READINGS = st.lists(st.none() | st.floats(-1e6, 1e6), min_size=1, max_size=400)


def item(**changes: Any) -> dict[str, Any]:
    band = {"median": [1.0, 1.0], "lower": [0.0, None], "upper": [2.0, None]}
    found = {
        "t_s": [0.0, 2.0, 4.0],
        "curves": {"a": [1.0, 1.0, 9.0], "b": [5.0, None, 1.0]},
        "band": {"a": band, "b": band},
        "flags": [],
        "horizon_rows": 2,
        "period_s": 2.0,
    }
    return found | changes


def test_curves_lie_beside_their_band() -> None:
    drawn = drawing.curves(item(), {"a": "bar"})
    assert drawn["horizon_s"] == 4.0
    first, second = drawn["sensors"]
    assert (first["name"], first["outside"], second["name"], second["outside"]) == ("b", 1.0, "a", 0.0)
    assert (second["unit"], first["unit"]) == ("bar", "1")
    assert (second["t"], second["values"]) == ([0.0, 2.0, 4.0], [1.0, 1.0, 9.0])
    assert second["band"]["t"] == [0.0, 2.0]


def test_sensors_that_drive_the_distance_come_first() -> None:
    flag = {"kind": "out_of_distribution", "evidence": {"sensors": [{"sensor": "a", "share": 0.7}]}}
    drawn = drawing.curves(item(flags=[flag]), {})
    assert [(sensor["name"], sensor["drives"]) for sensor in drawn["sensors"]] == [("a", 0.7), ("b", None)]


@pytest.mark.parametrize("gone", [{"t_s": None}, {"curves": None}, {"curves": {}}])
def test_no_recording_is_no_curve(gone: dict[str, Any]) -> None:
    assert drawing.curves(item(**gone), {})["sensors"] == []


def test_a_curve_without_a_band_is_drawn() -> None:
    (sensor, _) = drawing.curves(item(band=None), {})["sensors"]
    assert (sensor["band"], sensor["outside"]) == (None, None)


def test_what_is_far_off_does_not_hide_the_band() -> None:
    band = {"median": [1.0] * 3, "lower": [0.0] * 3, "upper": [2.0] * 3}
    far = {"a": [1.0, 1e4, -1e4], "b": [1.0, 9.0, -3.0], "c": [5.0, None, 5.0]}
    flat = {part: [1.0] * 3 for part in band}
    drawn = drawing.curves(item(curves=far, band={"a": band, "b": band, "c": flat}), {})
    found = {sensor["name"]: (sensor["range"], sensor["off"]) for sensor in drawn["sensors"]}
    assert found == {"a": ([-2.0, 4.0], 2), "b": (None, 0), "c": (None, 0)}


@given(READINGS, st.integers(4, 50))
def test_thinning_keeps_extremes_order_and_size(readings: list[float | None], most: int) -> None:
    kept = drawing.thinned(readings, most)
    assert kept == sorted(set(kept))
    assert len(kept) <= max(most * 3 // 2 + 3, 0) or len(readings) <= most
    seen = [value for value in readings if value is not None]
    if seen:
        shown = [value for i in kept if (value := readings[i]) is not None]
        assert (min(shown), max(shown)) == (min(seen), max(seen))
    if None in readings:
        assert None in [readings[i] for i in kept]


def test_numbers_on_a_line() -> None:
    full = {"prediction": 2.0, "lower": 1.0, "upper": 3.0, "target": 5.0}
    assert drawing.scale(full) == {"lower": 5.0, "width": 45.0, "prediction": 27.5, "target": 95.0}
    assert drawing.scale({**full, "classes": ["a", "b"]}) is None
    assert drawing.scale({"prediction": 2.0, "target": None}) is None
    assert drawing.scale({"prediction": 2.0, "target": 2.0}) is None
    partly = drawing.scale({"prediction": 2.0, "target": 3.0, "lower": None, "upper": None})
    assert partly is not None
    assert set(partly) == {"prediction", "target"}
    assert all(math.isfinite(value) for value in partly.values())
