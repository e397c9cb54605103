"""Evidence is kept row by row, and a demo's figures become such rows."""

from __future__ import annotations

import json

from dq_pipeline.demo.report import evidence_rows
from dq_pipeline.evidence import write


def test_a_part_replaces_its_own_rows_only(tmp_path):
    write(tmp_path, "bench", [{"name": "a", "value": 1}, {"name": "b", "value": 2}])
    file = write(tmp_path, "bench", [{"name": "b", "value": 3, "holds": True, "note": "dropped"}], partial=True)
    assert [(row["name"], row["value"], row["holds"]) for row in json.loads(file.read_text())] == [
        ("a", 1, None),
        ("b", 3, True),
    ]
    assert set(json.loads(file.read_text())[1]) == {"name", "value", "unit", "against", "bar", "holds"}


def test_a_demo_becomes_rows():
    summary = {
        "process": "vacuum",
        "seconds": 400.0,
        "drift": {"injected_at": 10, "detected_at": 14},
        "figures": {
            "after it, not learned yet": {"samples": 5, "mae": 2.0},
            "after it, learned": {"samples": 5, "mae": 1.0},
        },
        "loop": None,
    }
    rows = {row["name"]: row for row in evidence_rows(summary)}
    assert rows["demo/vacuum/seconds"]["holds"] is False
    assert rows["demo/vacuum/drift_found_after"]["value"] == 4
    assert (rows["demo/vacuum/mae_learned"]["value"], rows["demo/vacuum/mae_learned"]["against"]) == (1.0, 2.0)
    missed = {**summary, "drift": {"injected_at": None, "detected_at": None}, "figures": {}}
    assert [row["name"] for row in evidence_rows(missed)] == ["demo/vacuum/seconds"]
