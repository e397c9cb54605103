from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dq_pipeline.model.boosting import CANDIDATES, candidates
from dq_pipeline.model.search import expanding_splits, search, stratified_splits


@given(st.integers(2, 200), st.integers(1, 6))
def test_time_ordered_splits_never_look_ahead(n: int, folds: int) -> None:
    seen: list[int] = []
    for older, block in expanding_splits(n, folds, n // 2):
        assert older.max(initial=-1) < block.min()
        seen += block.tolist()
    assert seen == list(range(n - n // 2, n))


@given(st.lists(st.sampled_from([0.0, 1.0, 2.0]), min_size=3, max_size=90), st.integers(0, 5))
def test_stratified_splits_spread_every_class(labels: list[float], seed: int) -> None:
    target = np.array(labels)
    held_all = []
    for fitted, held in stratified_splits(target, 3, np.random.default_rng(seed)):
        assert sorted([*fitted, *held]) == list(range(len(target)))
        held_all += held.tolist()
        for label in np.unique(target):
            assert abs(int(np.sum(target[held] == label)) - np.sum(target == label) / 3) < 1
    assert sorted(held_all) == list(range(len(target)))


def test_the_best_comes_first_and_ties_go_to_the_first_listed() -> None:
    losses = {3: 2.0, 4: 1.0, 6: 1.0}
    said: list[tuple[int, int, str]] = []
    trials = search(
        ({"max_depth": 3}, {"max_depth": 4}, {"max_depth": 6}),
        lambda candidate, _fitted, _held: losses[int(candidate["max_depth"])],
        [(np.arange(2), np.arange(2, 4))],
        lambda *step: said.append(step),
    )
    assert [int(t.candidate["max_depth"]) for t in trials] == [4, 6, 3]
    assert said == [(1, 3, "search"), (2, 3, "search"), (3, 3, "search")]


def test_a_larger_search_draws_the_rest_reproducibly() -> None:
    first, again = (candidates(9, np.random.default_rng(7)) for _ in range(2))
    assert first == again
    assert first[: len(CANDIDATES)] == CANDIDATES
    assert len(first) == 9
    assert candidates(1, np.random.default_rng(7)) == ({},)


def test_as_many_candidates_as_fit_and_one_at_least() -> None:
    now = [0.0]

    def loss(*_: object) -> float:
        now[0] += 2.0
        return now[0]

    def tried(seconds: float) -> int:
        now[0] = 100.0
        folds = [(np.arange(2), np.arange(2, 4))]
        found = search(({},) * 9, loss, folds, lambda *_: None, seconds=seconds, clock=lambda: now[0])
        assert now[0] - 100.0 <= max(seconds, 2.0)
        return len(found)

    assert [tried(seconds) for seconds in (0.5, 3.9, 4.0, 11.0, 1000.0)] == [1, 1, 2, 5, 9]
