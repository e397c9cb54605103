from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dq_pipeline.feedback.review import (
    MARK,
    Agreement,
    fingerprint,
    half_width,
    priority,
    ruling,
    share_of,
    tally,
)
from dq_pipeline.records import Flag, FlagKind, Opinion, PredictionRow, Review, TargetRow

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ANSWER = PredictionRow("s1", "3", "champion", 2.0, 1.5, 2.5, 0.6, None, False, expected_error=0.25)


def says(who: str, action: Any = "correct", after: float | None = None, **options: Any) -> Opinion:
    return Opinion(1, "s1", who, action, 2.0, after, **options)


def test_what_people_report_comes_before_any_oddity() -> None:
    odd = [Flag("s1", kind, "3", {"statistic": 1e9, "usual": 1.0}, p=1e-12) for kind in FlagKind if kind != "reported"]
    worst = sum(priority(odd, replace(ANSWER, expected_error=99.0)).values())
    least = sum(priority([Flag("s2", FlagKind.REPORTED, "")], None).values())
    assert worst < least


def test_priority_grows_with_surprise_distance_and_expected_error() -> None:
    def total(p: float, statistic: float, expected: float) -> float:
        flag = Flag("s1", FlagKind.OUT_OF_DISTRIBUTION, "3", {"statistic": statistic, "usual": 2.0}, p=p)
        return sum(priority([flag], replace(ANSWER, expected_error=expected)).values())

    assert total(0.01, 4.0, 0.1) == pytest.approx(2.0 + 0.25 + 0.2)
    assert total(0.001, 4.0, 0.1) > total(0.01, 4.0, 0.1)
    assert total(0.01, 8.0, 0.1) > total(0.01, 4.0, 0.1)
    assert total(0.01, 4.0, 0.3) > total(0.01, 4.0, 0.1)
    twice = [Flag("s1", FlagKind.WIDE_INTERVAL, release, p=0.01) for release in ("1", "2")]
    assert priority(twice, None)["surprise"] == 2.0, "a kind counts once"


def test_an_interval_without_width_gives_no_scale() -> None:
    assert half_width(ANSWER) == 0.5
    for lower, upper in ((None, 2.0), (2.0, 2.0), (-np.inf, 1.0), (3.0, 2.0)):
        assert half_width(replace(ANSWER, lower=lower, upper=upper)) == 0.0
    assert half_width(None) == 0.0


def test_the_draw_by_id_has_the_share_it_says() -> None:
    drawn = np.array([share_of(f"cycle-{i}", "seen") for i in range(4000)])
    assert (drawn >= 0).all()
    assert (drawn < 1).all()
    assert np.mean(drawn < 0.1) == pytest.approx(0.1, abs=0.02)
    other = np.array([share_of(f"cycle-{i}", "other") for i in range(4000)])
    assert abs(np.corrcoef(drawn, other)[0, 1]) < 0.05


def test_the_same_content_has_the_same_fingerprint_whatever_stands_for_a_gap() -> None:
    values = np.array([[1.0, np.nan], [0.0, 3.0]])
    same = np.array([[1.0, -np.nan], [-0.0, 3.0]])
    assert fingerprint(values) == fingerprint(same)
    assert fingerprint(values) != fingerprint(values.T)
    assert fingerprint(values) != fingerprint(np.nan_to_num(values))


AGREE = Agreement(0.1)


def test_one_opinion_settles_and_two_that_differ_do_not() -> None:
    first = tally([says("anna", "accept")], AGREE, rounds=1, most=3)
    assert (first.outcome, first.value, first.by) == ("accept", 2.0, ("anna",))
    assert tally([says("anna", "accept")], AGREE, rounds=2, most=3).outcome is None
    for other in (says("bert", after=2.3), says("bert", "reject")):
        open_still = tally([says("anna", "accept"), other], AGREE, rounds=1, most=3)
        assert (open_still.outcome, open_still.rounds) == (None, 2)
    near = tally([says("anna", "accept"), says("bert", after=2.05)], AGREE, rounds=2, most=3)
    assert (near.outcome, near.value, near.by) == ("accept", 2.0, ("anna", "bert"))


def test_the_third_decides_and_where_none_agree_the_sample_is_rejected() -> None:
    three = [says("anna", "accept"), says("bert", after=3.0), says("cleo", after=3.05)]
    assert tally(three, AGREE, rounds=2, most=3).by == ("bert", "cleo")
    nobody = [says("anna", "accept"), says("bert", after=3.0), says("cleo", after=4.0)]
    assert tally(nobody, AGREE, rounds=2, most=4).outcome is None
    lost = tally(nobody, AGREE, rounds=2, most=3)
    assert (lost.outcome, lost.by) == ("reject", ())
    tie = [*three[:1], says("dora", "accept"), says("bert", after=3.0), says("cleo", after=3.0)]
    assert tally(tie, AGREE, rounds=2, most=9).outcome is None, "two against two is no majority"


def test_skipping_and_rules_are_no_votes() -> None:
    said = [says("anna", "skip"), says("rule:x", "reject", automatic=True)]
    assert tally(said, AGREE, rounds=1, most=3).outcome is None
    assert tally([*said, says("bert", after=3.0)], AGREE, rounds=1, most=3).value == 3.0


@given(st.lists(st.sampled_from([2.0, 2.05, 3.0, None]), min_size=1, max_size=4), st.integers(1, 2))
def test_the_outcome_does_not_depend_on_the_order(values: list[float | None], rounds: int) -> None:
    said = [says(str(i), "reject" if v is None else "correct", v) for i, v in enumerate(values)]
    found = {tally(order, AGREE, rounds=rounds, most=3).outcome for order in permutations(said)}
    assert len(found) == 1


def _review(**options: Any) -> Review:
    values = {"state": "waiting", "priority": 1.0, "reasons": {}, "rounds": 1, "opened_at": NOW}
    return Review(7, "s1", **{**values, **options})  # type: ignore[arg-type]


def _ruled(said: list[Opinion], **options: Any) -> Any:
    result = tally(said, AGREE, **{"rounds": 1, "most": 3, **options})
    return ruling(_review(), said, result, release="3", now=NOW)


def test_a_settlement_makes_a_label_or_a_flag() -> None:
    right = _ruled([says("anna", after=3.0)])
    assert right.targets == (TargetRow("s1", 3.0, "review", "anna", NOW),)
    assert (right.flags, right.automatic) == ((), False)
    bad = _ruled([says("anna", "reject", why="valve open")])
    (flag,) = bad.flags
    assert (flag.kind, flag.rejected, flag.who, flag.mark) == ("reported", True, "anna", f"{MARK}7")
    assert (flag.evidence["why"], bad.targets, bad.value) == ("valve open", (), None)
    assert _ruled([says("anna", "skip")]).outcome is None


def test_what_nobody_agrees_on_is_marked_as_settled_by_rule() -> None:
    nobody = _ruled([says("anna", "accept"), says("bert", after=3.0), says("cleo", after=4.0)], rounds=2)
    (extra,) = nobody.opinions
    assert (nobody.outcome, nobody.automatic, extra.who, extra.automatic) == ("reject", True, "rule:no_agreement", True)
    assert nobody.flags[0].rejected
    assert "no two of 3" in extra.why
