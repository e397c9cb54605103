from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dq_pipeline.records import TargetRow
from dq_pipeline.records.truth import agree, conflicting, counting


def _rows(*said: tuple[float, str, str]) -> list[TargetRow]:
    return [TargetRow("a", value, origin, annotator) for value, origin, annotator in said]


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ([(1.0, "completion", ""), (2.0, "labels", "")], 2.0),
        ([(2.0, "labels", ""), (1.0, "completion", "")], 2.0),
        ([(2.0, "labels", ""), (3.0, "http", ""), (1.0, "completion", "")], 3.0),
        ([(4.0, "review", "anna"), (3.0, "file", "bert")], 4.0),
        ([(4.0, "review", "anna"), (5.0, "review", "bert"), (3.0, "file", "")], 5.0),
    ],
)
def test_a_reviewer_counts_before_the_newest_label_and_that_before_the_derived(said: Any, value: float) -> None:
    found = counting(_rows(*said))
    assert found is not None
    assert found.value == value


def test_nothing_said_counts_for_nothing() -> None:
    assert counting([]) is None
    assert conflicting([]) == ()


@pytest.mark.parametrize(
    "said",
    [
        [(1.0, "labels", "anna")],
        [(1.0, "completion", ""), (2.0, "labels", "anna")],
        [(1.0, "labels", ""), (1.0, "file", "bert"), (1.0 + 1e-9, "http", "cleo")],
        [(1.0, "labels", "anna"), (2.0, "file", "anna")],
        [(1.0, "labels", "anna"), (2.0, "file", "bert"), (1.0, "http", "bert")],
        [(1.0, "labels", ""), (2.0, "file", ""), (2.0, "review", "cleo")],
        [(1.0, "labels", ""), (2.0, "file", ""), (2.0, "review", "cleo"), (1.0, "http", "dora")],
        [(1.0, "review", "cleo"), (2.0, "labels", "bert"), (1.0, "labels", "bert")],
    ],
)
def test_a_repetition_a_correction_and_what_a_reviewer_has_heard_are_no_conflict(said: Any) -> None:
    assert conflicting(_rows(*said)) == ()


@pytest.mark.parametrize(
    ("said", "values"),
    [
        ([(1.0, "labels", ""), (2.0, "labels", "")], [1.0, 2.0]),
        ([(1.0, "labels", "anna"), (2.0, "file", "bert")], [1.0, 2.0]),
        ([(1.0, "labels", "anna"), (2.0, "file", "")], [1.0, 2.0]),
        ([(1.0, "labels", "anna"), (2.0, "file", "bert"), (3.0, "file", "bert")], [1.0, 3.0]),
        ([(1.0, "labels", ""), (2.0, "review", "cleo"), (3.0, "http", "")], [2.0, 3.0]),
        ([(1.0, "review", "cleo"), (2.0, "review", "dora"), (3.0, "labels", "")], [2.0, 3.0]),
    ],
)
def test_what_contradicts_stands_in_the_order_it_came(said: Any, values: list[float]) -> None:
    assert [row.value for row in conflicting(_rows(*said))] == values


@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9))
def test_agreeing_knows_no_order(a: float, b: float) -> None:
    assert agree(a, b) == agree(b, a)
    assert agree(a, a)


@given(st.floats(1e-3, 1e6), st.integers(3, 12))
def test_a_value_agrees_with_itself_rounded_to_digits_enough(value: float, digits: int) -> None:
    rounded = float(f"{value:.{digits - 1}e}")
    written = len(f"{rounded:.15g}".replace(".", "").strip("0"))
    assert agree(value, rounded) or written < 3
    assert not agree(value, value * 1.02)


@pytest.mark.parametrize(("a", "b"), [(0.0, 1e-9), (0.0, 0.04), (1.0, 2.0), (101.0, 102.0), (0.018, 0.0184)])
def test_other_values_and_classes_are_others(a: float, b: float) -> None:
    assert not agree(a, b)
