from __future__ import annotations

from typing import Any

import pytest

from dq_airflow.ui import wording
from dq_pipeline.records import FlagKind

EVIDENCE: dict[str, tuple[dict[str, Any], list[str]]] = {
    "wide_interval": ({"statistic": 0.4, "usual": 0.1}, ["often wrong", "0.4 kW", "0.1 kW"]),
    "unusual_prediction": ({"value": 2.0, "usual": [1.0, 1.5]}, ["2 kW", "from 1 kW to 1.5 kW"]),
    "out_of_distribution": (
        {"statistic": 4.2, "usual": 1.3, "sensors": [{"sensor": "PS3", "share": 0.61}]},
        ["4.2", "1.3", "PS3 (61%)"],
    ),
    "low_score": ({"unified": 0.42, "lowest": {"accuracy": 0.3}}, ["0.42 or lower", "accuracy 0.3"]),
    "doubtful_score": ({"unified": 0.31, "threshold": 0.25}, ["0.31", "0.25"]),
    "beyond_interval": ({"value": 2.0, "target": 2.6, "half_widths": 5.9}, ["2.6 kW", "2 kW", "5.9 times"]),
    "reported": ({"why": "valve <b>open</b>", "rating": 2}, ["“valve <b>open</b>”", "2 of 5"]),
    "conflicting_labels": (
        {"values": [{"value": 1.0, "annotator": "anna"}, {"value": 2.0, "origin": "http"}]},
        ["1 kW by anna", "2 kW by http"],
    ),
}


def test_every_kind_of_flag_has_a_name_and_a_sentence() -> None:
    assert {str(kind) for kind in FlagKind} <= set(wording.KINDS) & set(EVIDENCE)


@pytest.mark.parametrize("kind", EVIDENCE)
def test_evidence_in_words(kind: str) -> None:
    evidence, words = EVIDENCE[kind]
    told = wording.told({"kind": kind, "evidence": evidence}, unit="kW")
    assert [word for word in words if word not in told] == []


@pytest.mark.parametrize("kind", [*EVIDENCE, "made_up"])
def test_evidence_of_another_form_is_shown_as_it_is(kind: str) -> None:
    assert wording.told({"kind": kind, "evidence": {"odd_thing": 0.123456, "none": None}}) == "odd thing 0.1235"
    assert wording.told({"kind": kind, "evidence": {}}) == "No evidence was kept."


def test_labels_by_unit_or_class() -> None:
    assert wording.label(1.0, ("good", "bad")) == "bad"
    assert wording.label(7.0, ("good", "bad")) == "7"
    assert [wording.label(2.25, (), "kW"), wording.label(2.25), wording.label(None)] == ["2.25 kW", "2.25", "-"]
