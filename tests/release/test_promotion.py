from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from dq_pipeline.errors import DataError
from dq_pipeline.process import Promotion
from dq_pipeline.release.bootstrap import compare
from dq_pipeline.release.promotion import GATES, Evidence, GateResult, Verdict, assess, decide, probation

SETTINGS = Promotion(metric="mae", tolerance=0.02, min_retained=0.3, max_latency_ms=100.0)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def evidence(n: int = 60, held: int | None = None, **changes: object) -> Evidence:
    truth = np.random.default_rng(1).normal(size=n)
    noise = np.random.default_rng(2).normal(size=n)
    covered = np.arange(n) < (round(0.9 * n) if held is None else held)
    made = Evidence(truth, truth + 0.1 * noise, truth + 0.2 * noise, covered, 0.9, 0.8, 5.0)
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]


def verdict(found: Evidence, settings: Promotion = SETTINGS) -> Verdict:
    return decide(assess(found, settings, rng()))


def test_a_better_challenger_passes_every_gate() -> None:
    results = assess(evidence(), SETTINGS, rng())
    assert [result.name for result in results] == list(GATES)
    assert decide(results) == Verdict(True, (), "every gate passed")


def test_a_worse_challenger_is_refused() -> None:
    good = evidence()
    assert good.champion is not None
    found = verdict(dataclasses.replace(good, challenger=good.champion, champion=good.challenger))
    assert found.objections == ("not_worse",)
    assert "mae of the challenger" in found.reason


def test_an_equal_challenger_passes() -> None:
    good = evidence()
    assert verdict(dataclasses.replace(good, champion=good.challenger)).promote


def test_the_first_release_has_nobody_to_beat() -> None:
    assert verdict(evidence(champion=None)).promote


def test_tolerance_is_relative() -> None:
    good = evidence(200)
    slightly = good.truth + 1.05 * (good.challenger - good.truth)
    worse = dataclasses.replace(good, challenger=slightly, champion=good.challenger)
    assert not verdict(worse).promote
    assert verdict(worse, SETTINGS.model_copy(update={"tolerance": 0.1})).promote


@pytest.mark.parametrize("metric", ["mae", "rmse", "r2", "accuracy", "f1"])
def test_every_metric_knows_its_direction(metric: str) -> None:
    truth = np.random.default_rng(3).integers(0, 2, 80).astype(float)
    good, bad = truth.copy(), truth.copy()
    good[::20] = 1 - good[::20]
    bad[::3] = 1 - bad[::3]
    assert compare(metric, truth, bad, good, 0.02, rng()).worse > 0.95
    assert compare(metric, truth, good, bad, 0.02, rng()).worse < 0.05


@given(st.integers(0, 2**31), st.integers(1, 40))
def test_an_equal_pair_is_never_worse(seed: int, n: int) -> None:
    truth, value = np.random.default_rng(seed).normal(size=(2, n))
    assert compare("mae", truth, value, value, 0.0, rng()).worse == 0.0


def test_chance_rarely_refuses_an_equally_good_challenger() -> None:
    draw = np.random.default_rng(4)
    refused = 0
    for _ in range(60):
        truth = np.zeros(80)
        one, other = draw.normal(size=(2, 80))
        refused += compare("mae", truth, one, other, 0.02, rng()).worse >= 0.95
    assert refused <= 7  # 5 % of 60 are 3; binomial(60, .05) exceeds 7 in 1 % of cases


@pytest.mark.parametrize(("n", "held"), [(20, 13), (20, 14), (20, 20), (58, 58), (59, 59), (100, 79), (100, 78)])
def test_coverage_gate_is_the_exact_binomial_test(n: int, held: int) -> None:
    low = binomtest(held, n, 0.85, alternative="less").pvalue
    high = binomtest(held, n, 0.95, alternative="greater").pvalue
    found = GATES["coverage"](evidence(n, held), SETTINGS, rng())
    assert found.passed == (low >= 0.05 and high >= 0.05)
    assert found.value == held / n


def test_few_labels_give_no_verdict_on_coverage() -> None:
    found = GATES["coverage"](evidence(19, held=0), SETTINGS, rng())
    assert found.passed
    assert "no verdict: 19 labelled samples" in found.detail


def test_unlabelled_samples_count_for_nothing() -> None:
    good = evidence(100)
    truth = good.truth.copy()
    truth[10:] = np.nan
    assert "no verdict: 10" in GATES["coverage"](dataclasses.replace(good, truth=truth), SETTINGS, rng()).detail
    nothing = dataclasses.replace(good, truth=np.full(100, np.nan))
    assert verdict(nothing).promote


@pytest.mark.parametrize(
    ("gate", "changes"), [("retained_volume", {"retained": 0.29}), ("latency", {"latency_ms": 100.1})]
)
def test_volume_and_latency_object(gate: str, changes: dict[str, float]) -> None:
    assert verdict(evidence(**changes)).objections == (gate,)


def test_a_verdict_names_every_objection() -> None:
    results = [GateResult(name, name == "b", 0.0, 1.0, f"about {name}") for name in "abc"]
    assert decide(results) == Verdict(False, ("a", "c"), "a: about a; c: about c")


def test_probation_rolls_back_only_what_is_surely_worse() -> None:
    good = evidence(60)
    assert good.champion is not None
    assert probation(good.truth, good.challenger, good.champion, SETTINGS, rng()).passed
    fallen = probation(good.truth, good.champion, good.challenger, SETTINGS, rng())
    assert not fallen.passed
    assert "mae of the promoted" in fallen.detail
    early = probation(good.truth[:19], good.champion[:19], good.challenger[:19], SETTINGS, rng())
    assert early.passed
    assert "19 labelled samples on probation, 20 needed" in early.detail


def test_refuses_predictions_of_another_length() -> None:
    with pytest.raises(DataError, match="60 predictions expected"):
        assess(evidence(60, challenger=np.zeros(3)), SETTINGS, rng())


def test_a_first_release_is_told_its_coverage_and_let_in() -> None:
    found = GATES["coverage"](dataclasses.replace(evidence(60, held=20), champion=None), SETTINGS, rng())
    assert found.passed
    assert "significantly below" in found.detail
    assert not GATES["coverage"](evidence(60, held=20), SETTINGS, rng()).passed
