from __future__ import annotations

import numpy as np
import pytest

from dq_pipeline.feedback.statistics import WINDOW, alone, apart, beyond, doubt, unusualness


def test_what_a_window_has_in_common_is_taken_off_and_no_gain_is_given() -> None:
    shared = np.full(WINDOW, 3.0)
    shared[0] = 9.0
    assert alone(shared, 1.0).tolist() == [7.0, *[1.0] * (WINDOW - 1)]
    assert alone(shared, 5.0).tolist() == shared.tolist(), "a calm window makes nothing look worse"
    assert alone(shared[:5], 1.0).tolist() == shared[:5].tolist(), "too few to have anything in common"
    nothing = np.full(WINDOW, np.nan)
    assert np.isnan(alone(nothing, 1.0)).all()


def test_distances_are_taken_from_the_windows_own_middle() -> None:
    near = np.arange(11.0)
    assert apart(near, 99.0).tolist() == (near - 5.0).tolist()
    assert apart(near[:5], 2.0).tolist() == [-2.0, -1.0, 0.0, 1.0, 2.0]


def test_doubt_is_confined_to_the_band() -> None:
    assert doubt(np.array([0.1, 0.2, 0.25, 0.3, 0.41]), 0.25, 0.15) == pytest.approx(
        [-0.15, -0.05, 0.0, -0.05, -np.inf]
    )
    assert np.isnan(doubt(np.array([np.nan]), 0.25, 0.15)).all()


def test_errors_count_in_half_widths_and_only_beyond_the_interval() -> None:
    value, lower, upper = np.full(3, 10.0), np.full(3, 8.0), np.full(3, 12.0)
    truth = np.array([11.9, 16.0, 4.0])
    assert beyond(value, lower, upper, truth, classes=0).tolist() == [-np.inf, 3.0, 3.0]
    assert beyond(value, lower, upper, truth, classes=20)[1] > 1e6


def test_outputs_are_unusual_on_either_side_of_a_skewed_middle() -> None:
    usual = np.array([0.0, 1.0, 5.0])
    found = unusualness(np.array([-1.0, 1.0, 9.0]), np.empty(0), usual, 0)
    assert found.tolist() == [2.0, 0.0, 2.0]
    rare = unusualness(np.array([0.0, 1.0, 2.0]), np.array([0.0, 0.0, 0.0, 1.0]), usual, 3)
    assert rare.tolist() == [0.25, 0.75, 1.0]
