from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dq_pipeline.feedback.budget import joint_level, p_values

statistics = arrays(np.float64, st.integers(1, 40), elements=st.floats(-5, 5))


@given(reference=statistics, fresh=statistics)
def test_p_values_lie_above_their_floor_and_fall_with_the_statistic(reference: np.ndarray, fresh: np.ndarray) -> None:
    p = p_values(fresh, reference)
    assert ((1 / (len(reference) + 1) <= p) & (p <= 1)).all()
    order = np.argsort(fresh)
    assert (np.diff(p[order]) <= 0).all()


@given(reference=statistics, budget=st.floats(0.01, 0.5))
def test_the_level_keeps_the_budget_on_the_reference(reference: np.ndarray, budget: float) -> None:
    level = joint_level([reference, -reference], budget)
    others = np.array(
        [
            min(
                p_values(kind[i : i + 1], np.delete(kind, i))[0]
                for kind in (reference, -reference)
            )
            for i in range(len(reference))
        ]
    )  # fmt: skip
    assert np.sum(others <= level) <= budget * (len(reference) + 1) + 1e-9


def test_fresh_samples_are_flagged_at_the_budget_though_the_kinds_agree_in_part() -> None:
    rng, rates = np.random.default_rng(0), []
    for _ in range(200):
        draws = rng.normal(size=(3, 1200))
        draws[1] += draws[0]
        reference, fresh = draws[:, :200], draws[:, 200:]
        level = joint_level(list(reference), 0.05)
        p = np.min([p_values(new, old) for new, old in zip(fresh, reference, strict=True)], axis=0)
        rates.append(np.mean(p <= level))
    assert 0.04 < np.mean(rates) < 0.06


def test_what_cannot_be_flagged_and_what_is_not_known_cost_nothing() -> None:
    known = np.arange(100.0)
    silent, unknown = np.full(100, -np.inf), np.full(100, np.nan)
    assert joint_level([known, silent, unknown], 0.05) == joint_level([known], 0.05) == 0.05
    assert p_values(np.array([-np.inf, np.nan]), silent).tolist() == [1.0, 1.0]


def test_too_few_samples_flag_nothing() -> None:
    assert joint_level([np.arange(15.0)], 0.05) == 0.0
