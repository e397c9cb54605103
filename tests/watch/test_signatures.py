"""The four signatures: each is told where it is, and not where something else is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import poisson

from dq_pipeline.feedback.governor import ErrorRatio
from dq_pipeline.watch.erratic import erratic, volatility_ratio
from dq_pipeline.watch.latency import latency, too_many
from dq_pipeline.watch.sign import Sign
from dq_pipeline.watch.stuck_scores import narrowest, spread, stuck_scores
from dq_pipeline.watch.unnoticed_error import unnoticed_error

QUICK = np.full(30, 1.0)
SLOW = np.r_[np.full(25, 1.0), np.full(5, 30.0)]


@given(st.integers(0, 30), st.integers(1, 5000), st.floats(0.05, 50.0))
def test_the_chance_is_poissons(events: int, samples: int, per_1000: float) -> None:
    expected = poisson.sf(events - 1, per_1000 * samples / 1000.0)
    assert too_many(events, samples, per_1000) == pytest.approx(expected, abs=1e-9)


def seen(events: int, seconds: np.ndarray, limit_s: float | None = None, samples: int = 1000) -> Sign:
    return latency(events, 0, samples, seconds, per_1000=1.0, floor_s=2.0, limit_s=limit_s)


@pytest.mark.parametrize(
    ("events", "seconds", "which", "severity"),
    [
        (1, QUICK, [], "warning"),
        (5, QUICK, [], "warning"),
        (6, QUICK, ["drift"], "warning"),
        (1, SLOW, ["latency"], "warning"),
        (9, SLOW, ["drift", "latency"], "critical"),
    ],
)
def test_latency_says_which_of_both(events: int, seconds: np.ndarray, which: list[str], severity: str) -> None:
    found = seen(events, seconds)
    assert found.evidence["which"] == which
    assert found.verdict == ("sick" if which else "well")
    assert not which or found.severity == severity


def test_a_latency_that_is_by_design_is_none_and_a_stated_limit_counts() -> None:
    assert seen(0, np.r_[np.full(25, 0.1), np.full(5, 1.9)]).verdict == "well"
    assert seen(0, np.full(3, 9.0), limit_s=5.0).verdict == "sick"
    assert seen(0, SLOW, limit_s=60.0).verdict == "well"
    assert seen(0, np.full(10, 9.0)).verdict == "unknown", "nothing is usual yet"
    assert seen(2, QUICK, samples=1).verdict == "well", "two events are never too many"


def error(low: float, noticed: str = "", *, estimated: bool = False) -> Sign:
    ratio = ErrorRatio(low + 0.2, low, 2.0, 1.0, 100, 200, "mae", estimated=estimated)
    return unnoticed_error([ratio], limit=1.25, noticed=noticed, release="7")


def test_an_error_is_unnoticed_while_nothing_has_noticed_it() -> None:
    assert error(1.3).verdict == "sick"
    assert "expected" in error(1.3, estimated=True).text
    noticed = error(1.3, "drift event 4 is open")
    assert noticed.verdict == "well"
    assert "drift event 4" in noticed.text
    assert error(1.2).verdict == "well", "not surely"
    windows = [ErrorRatio(1.3, low, 1.3, 1.0, n, 200, "mae") for low, n in ((1.1, 200), (1.4, 50))]
    assert unnoticed_error(windows, limit=1.25, noticed="").evidence["samples"] == 50, "sooner in the newest ones"
    expected = ErrorRatio(2.0, 1.9, 2.0, 1.0, 200, 0, "mean error", estimated=True)
    assert unnoticed_error([windows[0], expected], limit=1.25, noticed="").verdict == "well", "truths count first"
    assert unnoticed_error([None, None], limit=1.25, noticed="").verdict == "unknown"


def compared(new: np.ndarray, old: np.ndarray, truth: np.ndarray | None = None, *, classes: bool = False) -> Sign:
    nothing = np.full(len(new), np.nan)
    return erratic(
        new,
        old,
        np.full(len(new), 2.0),
        nothing if truth is None else truth,
        limit=1.5,
        release="2",
        replaced="1",
        rng=np.random.default_rng(0),
        classes=classes,
    )


def test_a_release_is_erratic_where_it_jumps_and_the_plant_does_not() -> None:
    rng = np.random.default_rng(1)
    level = np.cumsum(rng.normal(scale=0.05, size=100))
    old = level + rng.normal(scale=0.1, size=100)
    nervous, calm = level + rng.normal(scale=0.5, size=100), level + rng.normal(scale=0.1, size=100)
    found = compared(nervous, old)
    assert (found.verdict, found.key) == ("sick", "erratic:2")
    assert found.evidence["ratio"] == pytest.approx(5.0, rel=0.35)
    assert 0.0 < found.evidence["disagreement"] < 1.0
    assert compared(nervous, old, level).verdict == "sick", "what it is off by jumps too"
    assert compared(calm, old).verdict == "well"
    assert compared(nervous[:19], old[:19]).verdict == "unknown"
    assert compared(nervous, np.zeros(100)).verdict == "unknown", "nothing to compare with"


def test_a_release_that_follows_a_plant_that_jumps_is_right() -> None:
    rng = np.random.default_rng(2)
    truth = rng.normal(size=100)
    slack, close = 0.2 * truth + rng.normal(scale=0.05, size=100), truth + rng.normal(scale=0.05, size=100)
    assert compared(close, slack).verdict == "sick", "without truths nobody can know"
    found = compared(close, slack, truth)
    assert found.verdict == "well"
    assert "follows the plant" in found.text


def test_classes_that_flip() -> None:
    rng = np.random.default_rng(3)
    steady, flipping = np.repeat([0.0, 1.0, 0.0, 2.0], 25), rng.integers(0, 3, 100).astype(float)
    assert compared(flipping, steady, classes=True).verdict == "sick"
    assert compared(steady, flipping, classes=True).verdict == "well"


@given(st.floats(0.1, 10.0), st.floats(-5.0, 5.0))
def test_the_ratio_knows_no_offset_and_scales(scale: float, offset: float) -> None:
    old = np.sin(np.arange(40.0))
    found = volatility_ratio(scale * old + offset, old, np.random.default_rng(0))
    assert found == (pytest.approx(scale), pytest.approx(scale))


def test_scores_are_stuck_where_their_spread_collapses_or_the_oracle_disagrees() -> None:
    rng = np.random.default_rng(4)
    spread_out, constant = rng.beta(20, 3, 50), np.full(50, 0.8)
    assert stuck_scores(spread_out, 0.2, limit=0.1).verdict == "well"
    direct = stuck_scores(constant, 0.2, limit=0.1)
    assert (direct.verdict, direct.evidence["scorer"], direct.below) == ("sick", False, True)
    learned = stuck_scores(constant, 0.2, limit=0.1, beside=0.19)
    assert (learned.verdict, learned.evidence["scorer"]) == ("sick", True)
    both = stuck_scores(constant, 0.2, limit=0.1, beside=0.0)
    assert (both.verdict, both.evidence["scorer"]) == ("sick", False), "the samples themselves are all alike"
    strays = stuck_scores(spread_out, 0.2, limit=0.1, disagreement=0.3, tolerance=0.1)
    assert (strays.verdict, strays.evidence["scorer"], strays.figure, strays.limit) == ("sick", True, 0.3, 0.1)
    assert stuck_scores(constant, 0.0, limit=0.1).verdict == "unknown", "they always were"
    assert stuck_scores(constant[:49], 0.2, limit=0.1).verdict == "unknown"
    assert stuck_scores(constant, None, limit=0.1).verdict == "unknown"


def test_a_spread_that_is_narrow_now_and_then_has_not_collapsed() -> None:
    rng = np.random.default_rng(5)
    scores = np.where(rng.random(5000) < 0.12, rng.uniform(0.0, 0.5, 5000), rng.normal(0.98, 0.005, 5000))

    def said(scores: np.ndarray) -> str:
        newest = scores[-50:]
        return stuck_scores(newest, narrowest(scores[:-50], spread(newest)), limit=0.1).verdict

    assert {said(scores[:i]) for i in range(550, 5000, 50)} == {"well"}
    assert narrowest(scores[:99], 0.0) is None
    assert said(np.r_[scores, np.full(117, 0.8)]) == "sick", "many of them before anybody looks"
    assert said(np.r_[scores[:200], np.full(3000, 0.8)]) == "unknown", "for longer than what is remembered"
