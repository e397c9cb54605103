"""Several releases on the same samples."""

from __future__ import annotations

import numpy as np
import pytest

from dq_pipeline.release.side_by_side import LAST_VALUE, side_by_side, slices


def test_ratios_are_paired_and_hold_the_truth() -> None:
    rng = np.random.default_rng(0)
    hard = np.exp(rng.normal(size=400))  # what makes a sample hard is the same for both
    truth = np.zeros(400)
    found = side_by_side(truth, {"1": hard, "2": 1.5 * hard}, "1", np.random.default_rng(1))
    one, other, last = found
    assert other.ratio == pytest.approx(1.5)
    assert (other.ratio_low, other.ratio_high) == (pytest.approx(1.5), pytest.approx(1.5))
    assert one.low < hard[1:].mean() < one.high
    assert one.ratio is None
    assert (last.name, last.error) == (LAST_VALUE, 0.0)


def test_only_samples_that_all_answered_count() -> None:
    truth = np.array([1.0, np.nan, 3.0, 4.0])
    found = side_by_side(
        truth, {"1": truth + 1.0, "2": np.array([1.0, 2.0, np.nan, 5.0])}, "1", np.random.default_rng(0)
    )
    assert [one.samples for one in found] == [1, 1, 1], "the first has no last value, the third no second answer"
    assert [one.error for one in found] == [1.0, 1.0, 1.0]
    assert found[1].ratio_low is None, "too few for an interval"
    nothing = side_by_side(np.full(3, np.nan), {"1": np.zeros(3)}, "1", np.random.default_rng(0))
    assert [one.error for one in nothing] == [None, None]


def test_classes_are_wrong_or_right() -> None:
    truth = np.tile([0.0, 1.0], 50)
    found = side_by_side(truth, {"1": np.zeros(100), "2": truth}, "1", np.random.default_rng(0), classes=True)
    assert found[0].error == pytest.approx(0.5, abs=0.01)
    assert found[1].error == 0.0
    assert found[2].error == 1.0


def test_slices_are_the_large_ones_and_none_without_a_value() -> None:
    values = ["a"] * 30 + [""] * 40 + ["b"] * 50 + ["c"] * 5
    assert {name: len(index) for name, index in slices(values).items()} == {"b": 50, "a": 30}
