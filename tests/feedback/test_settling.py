from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dq_pipeline.feedback.settling import clear, rounds, seen_all_the_same
from dq_pipeline.records import PredictionRow, TargetRow
from dq_pipeline.sections.feedback import Review as Rules

ANSWER = PredictionRow("s1", "3", "champion", 2.0, 1.0, 3.0, 0.6, None, False)
ONE = (TargetRow("s1", 2.2, "labels", "lab"),)
TWO = (*ONE, TargetRow("s1", 2.3, "file", "shift"))


def settled(**options: Any) -> Any:
    known: dict[str, Any] = {"unified": 0.6, "threshold": 0.25, "answer": ANSWER, "labels": ONE, "scale": 1.0}
    values = {**known, "classes": False, **options}
    return clear(values.pop("rules", Rules(accept_within=0.25)), values.pop("kinds", ["wide_interval"]), **values)


def test_a_score_far_below_the_threshold_rejects() -> None:
    found = settled(unified=0.1, kinds=["doubtful_score"])
    assert (found.rule, found.action) == ("reject_below", "reject")
    assert "0.1" in found.why
    assert settled(unified=0.2, kinds=["doubtful_score"]) is None, "below the threshold, but not far"
    assert settled(unified=0.1, kinds=["doubtful_score"], rules=Rules(reject_below=0.0)) is None


def test_labels_that_agree_within_the_interval_are_believed() -> None:
    found = settled(labels=TWO, kinds=["conflicting_labels"])
    assert (found.rule, found.action, found.value) == ("labels_agree", "accept", 2.3)
    apart = (TWO[0], TargetRow("s1", 2.6, "file", "shift"))
    assert settled(labels=apart, kinds=["conflicting_labels"]) is None
    outside = tuple(TargetRow("s1", v, o) for v, o in ((3.0, "labels"), (3.2, "file")))
    assert settled(labels=outside, kinds=["beyond_interval"]) is None
    twice = (TWO[0], TargetRow("s1", 2.25, "labels", "lab"))
    assert settled(labels=twice, kinds=["conflicting_labels"]) is None, "one sender agrees with himself"
    assert settled(labels=TWO, kinds=["doubtful_score"], unified=0.2) is None, "the recording is in doubt"


def test_a_label_near_the_answer_is_believed_where_only_the_answer_was_odd() -> None:
    assert settled().rule == "accept_within"
    assert settled(kinds=["wide_interval", "beyond_interval"]) is None
    assert settled(labels=(TargetRow("s1", 2.3, "labels"),)) is None
    assert settled(rules=Rules()) is None, "only where the process file states it"
    assert settled(labels=()) is None


@pytest.mark.parametrize(
    "odd",
    [
        {"kinds": ["wide_interval", "reported"]},
        {"rules": Rules(settle=False)},
        {"answer": None},
        {"answer": PredictionRow("s1", "3", "champion", 2.0, 1.0, 3.0, 0.6, "last_good", False)},
        {"unified": None},
    ],
)
def test_everything_else_is_for_people(odd: dict[str, Any]) -> None:
    assert settled(labels=TWO, **odd) is None


def test_classes_agree_where_they_are_equal() -> None:
    answer = PredictionRow("s1", "3", "champion", 1.0, 1.0, 1.0, 0.6, None, False)
    same = (TargetRow("s1", 1.0, "labels"), TargetRow("s1", 1.0, "file"))
    assert settled(answer=answer, labels=same, classes=True, scale=0.0).rule == "labels_agree"
    other = (TargetRow("s1", 1.0, "labels"), TargetRow("s1", 2.0, "file"))
    assert settled(answer=answer, labels=other, classes=True, scale=9.0) is None
    assert settled(answer=answer, labels=same[:1], classes=True, scale=0.0).rule == "accept_within"


def test_a_share_is_seen_all_the_same_and_a_share_wants_two_opinions() -> None:
    names = [f"cycle-{i}" for i in range(3000)]
    assert np.mean([seen_all_the_same(Rules(), name) for name in names]) == pytest.approx(0.1, abs=0.02)
    assert not any(seen_all_the_same(Rules(seen_share=0.0), name) for name in names)
    assert {rounds(Rules(), name, ["conflicting_labels"]) for name in names} == {1}
    both = [rounds(Rules(second_opinion=0.5), name, []) for name in names]
    assert np.mean([one == 2 for one in both]) == pytest.approx(0.5, abs=0.04)
    conflicts = Rules(second_opinion="conflicts")
    assert (rounds(conflicts, "a", ["conflicting_labels"]), rounds(conflicts, "a", ["wide_interval"])) == (2, 1)
