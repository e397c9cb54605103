"""Items on the grid: by their own times, missing where nothing came, late where they came late."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_array_equal

from dq_pipeline.encode import DELAY, Column, Encoder
from dq_pipeline.encode.placing import placed

ROWS, NAN = 8, np.nan


class Number(Encoder):
    """What an item says in figures."""

    every_rows: int | None = 1

    @property
    def columns(self):
        return (Column("value", "1", (0.0, 99.0)), DELAY)

    def measure(self, items):
        assert None not in items
        return np.array([[np.nan if item == "?" else float(item)] for item in items]).reshape(-1, 1)


class Sum(Number):
    """The same, added up."""

    counts = True
    every_rows: int | None = None


def _values(items, times, encoder=None, period_s=1.0):
    return placed(items, np.array(times, float), encoder or Number(), ROWS, period_s)


def test_an_item_stands_for_its_rows_and_no_longer():
    found = _values(["1", "2"], [0.0, 4.2], Number(every_rows=3))
    assert_array_equal(found[:, 0], [1, 1, 1, NAN, 2, 2, 2, NAN])


def test_an_item_without_end_stands_until_the_next():
    assert_array_equal(_values(["1", "2"], [1.0, 5.0], Number(every_rows=None))[:, 0], [NAN, 1, 1, 1, 1, 2, 2, 2])
    assert_array_equal(_values(["1"], [1.0], Number(every_rows=1_000_000))[:, 0], [NAN, *[1] * 7])


def test_an_item_that_cannot_be_read_is_missing_over_its_rows():
    assert_array_equal(_values(["1", "?"], [0.0, 3.0], Number(every_rows=5))[:, 0], [1, 1, 1, *[NAN] * 5])


def test_the_first_received_of_a_row_stands():
    assert_array_equal(_values(["1", "2", "3"], [0.2, 0.1, 0.3], Number(every_rows=1))[:, 0], [1, *[NAN] * 7])
    assert _values(["?", "2"], [0.0, 0.1])[0, 0] == 2


def test_rows_are_those_of_readings_and_what_lies_beyond_is_dropped():
    found = _values(["1", "2", "3", "4"], [-1.2, 0.9, 15.2, 1e308], period_s=2.0)
    assert_array_equal(found[:, 0], [2, *[NAN] * 7])
    assert_array_equal(_values(["1"], [0.25], period_s=0.5)[:, 0], [NAN, 1, *[NAN] * 6])


def test_sums_are_zero_in_silence_and_missing_after_too_much_of_it():
    items, times = ["1", "2", "4", "5"], [0.0, 0.3, 2.0, 7.0]
    assert_array_equal(_values(items, times, Sum())[:, 0], [3, 0, 4, 0, 0, 0, 0, 5])
    assert_array_equal(_values(items, times, Sum(every_rows=3))[:, 0], [3, 0, 4, 0, 0, NAN, NAN, 5])
    assert_array_equal(_values([], [], Sum())[:, 0], np.zeros(ROWS))
    assert_array_equal(_values([], [], Sum(every_rows=3))[:, 0], [0, 0, *[NAN] * 6])


def test_a_delay_is_how_far_behind_the_latest_one_an_item_came():
    items, times = ["1"] * 4, [0.0, 5.0, 2.0, 6.0]
    assert_array_equal(_values(items, times)[:, 1], [0, NAN, 3, NAN, NAN, 0, 0, NAN])
    assert_array_equal(_values(items, times, Sum())[:, 1], [0, 0, 3, 0, 0, 0, 0, 0])
    assert_array_equal(_values(["1"] * 3, [2.0, 2.0, 2.0], Sum())[:, 1], np.zeros(ROWS))  # at one time: in order


def test_none_is_nothing():
    found = _values(["1", None, None], [0.0, 1.0, 4.0], Number(every_rows=3))
    assert_array_equal(found[:, 0], [1, 1, 1, *[NAN] * 5])


@given(st.data(), st.sampled_from([Number(every_rows=2), Sum(), Sum(every_rows=2)]))
def test_the_rows_seen_so_far_do_not_depend_on_what_comes_later(data, encoder):
    times = np.sort(data.draw(arrays(float, st.integers(0, 12), elements=st.floats(0, ROWS, width=32))))
    items = [str(data.draw(st.integers(0, 9))) for _ in times]
    early = np.floor(times + 0.5) < 4
    whole = placed(items, times, encoder, ROWS, 1.0)
    head = placed([i for i, e in zip(items, early, strict=True) if e], times[early], encoder, 4, 1.0)
    assert_array_equal(whole[:4], head)


@pytest.mark.parametrize("encoder", [Number(), Sum()])
def test_nothing_makes_columns_all_the_same(encoder):
    assert placed([], np.empty(0), encoder, ROWS, 1.0).shape == (ROWS, 2)
    assert placed([None], np.zeros(1), encoder, ROWS, 1.0).shape == (ROWS, 2)
