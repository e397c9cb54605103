"""The policy of a rollout: who answers, when a candidate is let go, and how often a good one is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dq_pipeline.process import Process
from dq_pipeline.release.rollout import BLOCK, Pairs, advise, interval, stake, takes

N = 600


def _process(**target: str) -> Process:
    return Process.model_validate(
        {
            "process": "rig",
            "title": "A rig",
            "stream": {"topic": "a", "labels_topic": "b"},
            "sample": {"rows": 10, "period_s": 1, "horizon_rows": 5, "profile_rows": 10},
            "sensors": {"s": {"unit": "1", "range": [0, 1]}},
            "target": {"name": "t", "from": "labels", **target},
            "history": {"uri": "x.parquet"},
        }
    )


REGRESSION = _process()


def _pairs(rng: np.random.Generator, ratio: float, *, n: int = N, rho: float = 0.0, shared: float = 0.5) -> Pairs:
    """Errors of two models, those of neighbouring samples alike by `rho`, those of the same sample by `shared`."""

    def series() -> np.ndarray:
        noise = rng.normal(size=n)
        for i in range(1, n):
            noise[i] = rho * noise[i - 1] + np.sqrt(1 - rho**2) * noise[i]
        return noise

    common = series()
    one, other = (np.sqrt(shared) * common + np.sqrt(1 - shared) * series() for _ in range(2))
    width = 1.645 * ratio
    none = np.zeros(n, dtype=bool)
    one, usual = ratio * one, 1.645
    return Pairs(np.zeros(n), one, other, one - width, one + width, other - usual, other + usual, none, none)


def _changed(pairs: Pairs, **columns: np.ndarray) -> Pairs:
    return Pairs(**{name: columns.get(name, getattr(pairs, name)) for name in Pairs.__slots__})


def _let_go_at(pairs: Pairs, every: int = 25) -> int | None:
    """Samples judged when a candidate is let go, looked at after each micro-batch."""
    for stop in range(every, len(pairs) + 1, every):
        seen = Pairs(**{name: getattr(pairs, name)[:stop] for name in Pairs.__slots__})
        if advise(seen, REGRESSION, stop, 10**9).action == "let_go":
            return stop
    return None


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.8])
def test_an_equal_candidate_is_hardly_ever_let_go_however_often_it_is_looked_at(rho: float) -> None:
    gone = [_let_go_at(_pairs(np.random.default_rng(seed), 1.0, rho=rho)) is not None for seed in range(40)]
    assert sum(gone) <= 2


def test_one_that_is_twice_as_bad_is_let_go_soon() -> None:
    stops = [_let_go_at(_pairs(np.random.default_rng(seed), 2.0)) for seed in range(20)]
    assert None not in stops
    assert np.median([stop for stop in stops if stop]) <= 200


def test_a_better_one_steps_up_and_one_look_is_as_good_as_many() -> None:
    pairs = _pairs(np.random.default_rng(1), 0.7)
    assert advise(pairs, REGRESSION, N - 1, N).action == "stay"
    assert advise(pairs, REGRESSION, N, N).action == "step_up"
    low, high = interval(pairs, REGRESSION, np.random.default_rng(0)) or (0.0, 0.0)
    assert 0.55 < low < 0.7 < high < 0.85


def test_an_answer_that_is_missing_counts_as_the_largest_error() -> None:
    nothing = np.full(N, np.nan)
    silent = _changed(_pairs(np.random.default_rng(2), 0.5), candidate=nothing, lower=nothing, upper=nothing)
    found = advise(silent, REGRESSION, N, N)
    assert found.action == "let_go"
    assert "no figure" in found.why


def test_labels_that_have_not_come_decide_nothing_and_alarms_do_without() -> None:
    unknown = _changed(_pairs(np.random.default_rng(3), 5.0), truth=np.full(N, np.nan))
    assert advise(unknown, REGRESSION, 0, 20).action == "stay"
    alarming = _changed(unknown, alarmed=np.ones(N, dtype=bool))
    assert "alarms" in advise(alarming, REGRESSION, 0, 20).why


def test_an_interval_that_is_too_narrow_is_found_unless_the_process_itself_has_changed() -> None:
    pairs = _pairs(np.random.default_rng(4), 1.0)
    same = pairs.champion
    narrow = _changed(pairs, candidate=same, lower=same - 0.5, upper=same + 0.5)
    found = advise(narrow, REGRESSION, N, N)
    assert found.action == "let_go"
    assert found.why.startswith("share of truths missed")
    both = _changed(narrow, champion_lower=narrow.lower, champion_upper=narrow.upper)
    assert advise(both, REGRESSION, N, N).action == "step_up"


def test_classes_are_right_or_wrong() -> None:
    process = _process(task="classification")
    rng = np.random.default_rng(5)
    truth = rng.integers(3, size=N).astype(float)
    good, bad = np.where(rng.random(N) < 0.1, 3.0, truth), np.where(rng.random(N) < 0.4, 3.0, truth)
    rest = (*[np.full(N, np.nan)] * 4, *[np.zeros(N, dtype=bool)] * 2)
    assert advise(Pairs(truth, bad, good, *rest), process, N, N).action == "let_go"
    assert advise(Pairs(truth, good, bad, *rest), process, N, N).action == "step_up"


@given(st.lists(st.floats(-1, 1), max_size=60))
def test_a_stake_is_positive_and_blind_to_the_order_of_blocks(gains: list[float]) -> None:
    values = np.array(gains)[: len(gains) // BLOCK * BLOCK]
    value = stake(values)
    assert value >= 0.0
    assert stake(values.reshape(-1, BLOCK)[::-1].ravel()) == pytest.approx(value)


def test_under_the_null_a_stake_grows_to_its_limit_no_more_often_than_promised() -> None:
    rng = np.random.default_rng(6)
    signs = rng.choice([-1.0, 1.0], size=(2000, 200))
    reached = [any(stake(row[:stop]) >= 20.0 for stop in range(BLOCK, 201, BLOCK)) for row in signs[:500]]
    assert np.mean(reached) <= 0.05


@given(st.text(max_size=20), st.floats(0, 0.5), st.floats(0, 0.5))
def test_a_larger_share_keeps_the_samples_of_a_smaller_one(sample_id: str, one: float, other: float) -> None:
    small, large = sorted((one, other))
    assert takes("7", sample_id, large) or not takes("7", sample_id, small)


def test_shares_are_what_they_say_and_releases_draw_for_themselves() -> None:
    ids = [f"r{i}" for i in range(20_000)]
    mine, theirs = ({name for name in ids if takes(version, name, 0.05)} for version in ("3", "4"))
    assert len(mine) == pytest.approx(1000, rel=0.12)
    assert len(mine & theirs) == pytest.approx(50, abs=30)
