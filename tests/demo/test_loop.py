"""What the demo of late labels says of itself, from figures that are known."""

from __future__ import annotations

from typing import Any

import pytest

from dq_pipeline.demo.loop import evidence_rows, shortcomings

FOUND: dict[str, Any] = {
    "labels": {"lag": 30, "sent": 360, "wrong": 11},
    "flags": {
        "samples": 353,
        "flagged": 49,
        "rate": 0.1388,
        "recall": 0.825,
        "recall_of_wrong_labels": 0.64,
        "recall_of_faults": 0.9,
        "by_kind": {},
    },
    "reviews": {"waiting": 2, "by_rule": {"reject": 5}, "by_person": {"accept": 16, "correct": 7}, "reviewers": ["a"]},
    "gate": {"caught": 1.0, "lost": 0.026},
    "trainings": [
        {"version": "1", "asked_by": "initial", "stage": "Archived", "samples": 287},
        {"version": "2", "asked_by": "labels", "stage": "Production", "samples": 400},
    ],
}


def test_a_loop_as_it_should_be_lacks_nothing() -> None:
    assert shortcomings(FOUND) == []
    rows = {row["name"]: row for row in evidence_rows("lab", FOUND)}
    assert all(row["holds"] in (True, None) for row in rows.values())
    assert rows["loop/lab/reviews_settled_by_a_person"]["value"] == 23
    assert rows["loop/lab/trainings"]["value"] == 1


@pytest.mark.parametrize(
    ("part", "figure", "value"),
    [
        ("flags", "recall", 0.69),
        ("flags", "rate", 0.19),
        ("gate", "caught", 0.5),
        ("gate", "lost", 0.09),
    ],
)
def test_what_misses_its_bar_is_told_and_written(part: str, figure: str, value: float) -> None:
    worse = FOUND | {part: FOUND[part] | {figure: value}}
    (told,) = shortcomings(worse)
    assert str(value) in told
    assert sum(row["holds"] is False for row in evidence_rows("lab", worse)) == 1


def test_a_reviewer_who_was_faster_leaves_the_gate_without_a_verdict() -> None:
    nothing = FOUND | {"gate": {"caught": None, "lost": 0.0}}
    assert shortcomings(nothing) == []
    rows = {row["name"]: row for row in evidence_rows("lab", nothing)}
    assert rows["loop/lab/gate_wrong_labels_refused"]["holds"] is None


def test_a_figure_that_misses_its_bar_by_chance_is_written_and_no_failure() -> None:
    near = FOUND | {"flags": FOUND["flags"] | {"recall": 0.775}}
    assert shortcomings(near) == []
    assert sum(row["holds"] is False for row in evidence_rows("lab", near)) == 1


def test_a_loop_that_never_trained_by_labels_is_no_loop() -> None:
    (told,) = shortcomings(FOUND | {"trainings": FOUND["trainings"][:1]})
    assert "asked for by new labels" in told
