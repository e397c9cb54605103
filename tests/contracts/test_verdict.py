"""Verdicts: what is sure, what is not, and what nobody can say."""

from __future__ import annotations

import numpy as np
import pytest

from dq_pipeline.contracts.metrics import METRICS
from dq_pipeline.contracts.verdict import Expectation, Judgement, judge
from dq_pipeline.sections.contract import Tolerance

RNG = np.random.default_rng(1)
ERRORS = np.abs(RNG.normal(size=(300, 1)))
BEFORE = np.abs(RNG.normal(size=(50, 1)))


def judged(name: str, parts: np.ndarray, expected: Expectation, **options: object) -> Judgement:
    metric = METRICS[name]
    told = {"least": 20, **options}
    return judge(metric, parts, expected, metric.tolerance, np.random.default_rng(0), **told)  # type: ignore[arg-type]


def promised(parts: np.ndarray) -> Expectation:
    return Expectation(float(parts.mean()), parts)


def test_the_same_error_holds_and_thrice_is_a_breach() -> None:
    assert judged("mae", ERRORS, promised(BEFORE)).verdict == "hold"
    found = judged("mae", 3.0 * ERRORS, promised(BEFORE))
    assert found.verdict == "breach"
    assert found.lower is not None
    assert found.upper is not None
    assert found.value is not None
    assert 0 < found.lower < found.value < found.upper


def test_beyond_the_tolerance_and_not_sure_is_watched() -> None:
    found = judged("mae", 1.5 * ERRORS[:30], promised(BEFORE))
    assert found.verdict == "watch"
    assert "sure" in found.why


def test_too_few_samples_give_no_verdict_however_bad() -> None:
    found = judged("mae", 100.0 * ERRORS[:19], promised(BEFORE))
    assert (found.verdict, found.samples) == ("not_enough_data", 19)
    assert "20 needed" in found.why


def test_rows_that_say_nothing_do_not_count() -> None:
    parts = np.concatenate([ERRORS[:15], np.full((50, 1), np.nan)])
    assert judged("mae", parts, promised(BEFORE)).samples == 15


def test_where_nobody_says_what_to_expect_the_figure_is_told_all_the_same() -> None:
    found = judged("mae", ERRORS, Expectation(None, why="it was never evaluated"))
    assert (found.verdict, found.why) == ("not_enough_data", "it was never evaluated")
    assert found.value == pytest.approx(ERRORS.mean())


@pytest.mark.parametrize(("share", "verdict"), [(0.9, "hold"), (0.65, "breach"), (1.0, "hold")])
def test_only_too_little_coverage_is_a_breach(share: float, verdict: str) -> None:
    held = (np.arange(200) % 20 < 20 * share).astype(float)[:, None]
    assert judged("coverage", held, Expectation(0.9)).verdict == verdict


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_bias_either_way_is_a_breach(sign: int) -> None:
    parts = RNG.normal(size=(200, 1)) + 2.0 * sign
    assert judged("bias", parts, Expectation(0.0, scale=1.0)).verdict == "breach"
    assert judged("bias", parts - 2.0 * sign, Expectation(0.0, scale=1.0)).verdict == "hold"


def test_all_alike_is_not_certain() -> None:
    found = judged("alarm_rate", np.zeros((25, 1)), Expectation(0.02))
    assert found.upper is not None
    assert found.upper > 0.05


def test_slices_that_are_judged_together_share_the_level() -> None:
    one, many = (judged("mae", ERRORS, promised(BEFORE), family=n) for n in (1, 20))
    assert one.level == pytest.approx(20 * many.level)  # type: ignore[operator]
    assert many.upper > one.upper  # type: ignore[operator]


def test_no_error_at_all_is_no_reason_to_fail() -> None:
    assert judged("mae", np.zeros((30, 1)), promised(BEFORE)).verdict == "hold"
    assert judged("mae", ERRORS, Expectation(0.0)).verdict == "breach"


def test_false_breaches_are_rare_without_a_change() -> None:
    """At the tolerance that is usual; the benchmark `contracts` measures more."""
    broken = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        now, then = np.abs(rng.normal(size=(60, 1))), np.abs(rng.normal(size=(30, 1)))
        metric = METRICS["mae"]
        broken += judge(metric, now, promised(then), metric.tolerance, rng, least=20).verdict == "breach"
    assert broken <= 2


def test_an_absolute_tolerance_is_in_the_metrics_unit() -> None:
    rng, metric = np.random.default_rng(0), METRICS["null_rate"]
    parts = np.full((40, 1), 0.1)
    for absolute, verdict in ((0.05, "breach"), (0.2, "hold")):
        assert judge(metric, parts, Expectation(0.0), Tolerance(absolute=absolute), rng, least=20).verdict == verdict
