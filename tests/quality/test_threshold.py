from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dq_pipeline.quality.threshold import CANDIDATES, Trial, accept, choose, sweep

scores = arrays(np.float64, st.integers(1, 60), elements=st.floats(0, 1))


def test_the_threshold_itself_is_good_enough():
    assert accept(np.array([0.0, 0.2499, 0.25, 1.0]), 0.25).tolist() == [False, False, True, True]


@given(unified=scores, floor=st.floats(0, 1))
def test_a_sweep_keeps_the_floor_and_tries_each_set_once(unified, floor):
    shown = []

    def loss(kept):
        shown.append(int(kept.sum()))
        return 1.0

    trials = sweep(unified, loss, floor)
    assert [trial.threshold for trial in trials] == sorted({trial.threshold for trial in trials})
    assert all(trial.retained >= floor for trial in trials)
    assert shown == sorted(set(shown), reverse=True)
    assert trials
    assert trials[0].threshold == CANDIDATES[0] == 0.0
    assert choose(trials, otherwise=0.5) == 0.0, "of equals, the one that keeps more"


def test_the_best_wins_if_it_is_clearly_better():
    trials = [Trial(0.0, 1.0, 2.0), Trial(0.25, 0.9, 1.0), Trial(0.7, 0.8, 0.5), Trial(0.9, 0.6, 0.495)]
    assert choose(trials, otherwise=0.1) == 0.7
    assert choose(trials[:2], otherwise=0.1) == 0.25
    assert choose([], otherwise=0.1) == 0.1
    assert choose([Trial(0.0, 1.0, float("inf"))], otherwise=0.1) == 0.1
