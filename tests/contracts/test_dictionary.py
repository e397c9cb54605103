"""Columns, units and words that are not what was learned from."""

from __future__ import annotations

import numpy as np

from dq_pipeline.contracts.dictionary import columns, units, unknown, words

SENSORS = ("a", "b")


def test_a_sensor_that_went_silent_is_a_breach_and_one_that_always_was_is_none() -> None:
    now = np.array([[1.0, 1.0]] * 8 + [[0.0, 1.0]] * 2)
    before = np.array([[0.0, 1.0]] * 10)
    (found,) = columns(now, before, SENSORS)
    assert (found.name, found.verdict, found.samples) == ("column=a", "breach", 8)
    assert [one.name for one in columns(now, None, SENSORS)] == ["column=a", "column=b"]
    assert columns(np.full((3, 2), np.nan), before, SENSORS) == []


def test_unknown_columns_are_watched() -> None:
    (found,) = unknown({"PS1_new": 12})
    assert (found.name, found.verdict, found.samples) == ("column=PS1_new", "watch", 12)


def test_a_unit_that_was_not_sent_before_is_named() -> None:
    before = {"a": {"bar": 50}, "b": {"degC": 50}}
    (found,) = units({"a": {"bar": 10, "psi": 40}, "b": {"degC": 50}}, before)
    assert found.name == "unit=a"
    assert "psi" in found.why
    assert "bar" in found.why
    assert units(before, before) == []
    assert units({"a": {"psi": 1}}, {"a": {}}) == []


def test_words_that_are_new_or_gone() -> None:
    before = {"shift": ("day", "night"), "recipe": ("A",), "id": tuple(str(i) for i in range(60))}
    rows = [{"shift": "day", "firmware": "2"}, {"shift": "dawn", "firmware": "2", "id": "x"}]
    found = {one.name: one for one in words(rows, before)}
    assert set(found) == {"metadata=firmware", "metadata=recipe", "metadata=shift"}
    assert found["metadata=shift"].samples == 1
    assert "dawn" in found["metadata=shift"].why
    assert all(one.verdict == "watch" for one in found.values())
    assert words([], before) == []
