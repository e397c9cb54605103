from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dq_pipeline.model.labels import label_guard


def test_a_lone_corrupted_label_is_dropped() -> None:
    target = np.random.default_rng(0).normal(10.0, 1.0, 200)
    target[[30, 150]] = 100.0, -40.0
    target[5] = np.nan
    assert np.flatnonzero(~label_guard(target)).tolist() == [5, 30, 150]


def test_a_process_that_moved_is_believed() -> None:
    rng = np.random.default_rng(1)
    target = np.concatenate([rng.normal(10.0, 0.1, 280), rng.normal(30.0, 0.1, 20)])
    assert label_guard(target).all()


@given(st.integers(1, 60), st.floats(-1e3, 1e3))
def test_labels_without_spread_fence_nothing(n: int, value: float) -> None:
    target = np.full(n, value)
    target[0] += 1.0
    assert label_guard(target).all() or n < 8


def test_no_labels_no_belief() -> None:
    assert label_guard(np.full(4, np.nan)).tolist() == [False] * 4
    assert label_guard(np.empty(0)).tolist() == []
