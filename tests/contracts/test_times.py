"""Clocks that are off, samples out of order, and what a replay says of neither."""

from __future__ import annotations

import numpy as np
import pytest

from dq_pipeline.contracts.times import clocks, overtaken, pace, seconds

START = np.datetime64("2026-01-01", "us") + np.arange(40) * np.timedelta64(60, "s")
RIG = np.array(["rig", "press"] * 20, dtype=object)


def came(delay: float = 30.0) -> np.ndarray:
    return seconds(START) + 60.0 + delay


def test_a_stream_in_real_time_and_a_replay() -> None:
    assert pace(START, came()) == pytest.approx(1.0)
    assert pace(START, np.arange(40.0) * 0.1) == pytest.approx(600.0)
    assert np.isnan(pace(START, np.full(40, np.nan)))


def test_good_clocks_are_named_and_not_off() -> None:
    found = clocks(RIG, START, came(), 60.0, {}, 60.0)
    assert [(one.source, one.off) for one in found] == [("press", 0.0), ("rig", 0.0)]


def test_a_clock_that_is_ahead_is_named() -> None:
    ahead = np.where(RIG == "rig", came(-3600.0), came())
    found = {one.source: one for one in clocks(RIG, START, ahead, 60.0, {}, 60.0)}
    assert found["rig"].off == pytest.approx(-3600.0)
    assert "ahead" in found["rig"].why
    assert found["press"].off == 0.0


def test_a_clock_that_moved_is_told_by_its_own_past() -> None:
    found = clocks(RIG, START, came(900.0), 60.0, {"rig": 30.0, "press": 900.0}, 60.0)
    assert {one.source: one.off for one in found} == {"press": 0.0, "rig": pytest.approx(870.0)}


def test_too_few_samples_say_nothing_of_a_clock() -> None:
    assert clocks(RIG[:10], START[:10], came()[:10], 60.0, {}, 60.0) == ()


def test_overtaken_within_a_source_alone() -> None:
    order = came()
    order[0] = order[10] + 1.0
    found = overtaken(RIG, START, order, 1.0)
    assert np.flatnonzero(found).tolist() == [0]
    at_once = np.zeros(40)
    at_once[1::2] = 0.005
    assert not overtaken(RIG, START[::-1], at_once, 1.0).any(), "all came at once"
    assert np.isnan(overtaken(RIG, START, np.full(40, np.nan), 1.0)).all()
