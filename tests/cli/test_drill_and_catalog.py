"""`dq drill` and `dq catalog`: what a person reads, and what a machine does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from dq_pipeline import steps
from dq_pipeline.catalog.entry import Entry, Review, Source
from dq_pipeline.cli import catalog, drill
from dq_pipeline.cli.main import app

PASSED: dict[str, Any] = {
    "process": "rig",
    "key": "a",
    "fault": "unit",
    "sensor": "flow",
    "severity": 14.5038,
    "verdict": "passed",
    "began_at": "2026-03-02T09:00:00+00:00",
    "samples": {"found": 3, "named": 25, "alerted": 25},
    "seconds": {"found": 0.52, "named": 0.52, "alerted": 0.52},
    "expected": ["calibration"],
    "cause": "calibration",
    "subject": "flow",
    "why": "reads psi for bar",
}
SKIPPED = {
    **{k: PASSED[k] for k in ("process", "key", "fault", "sensor", "severity", "began_at")},
    "verdict": "skipped",
}
ENTRIES = [
    Entry("table/scores", "table", "dq.scores", "Samples.", Source("schema.py", "ab", "c0ffee"), "Tests.", "None."),
    replace(
        Entry("lake/raw.arrow", "lake", "raw.arrow", "Messages.", Source("paths.py"), "Read back.", "None."),
        stale="never reviewed",
    ),
]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    seen: list[dict[str, Any]] = []

    @contextmanager
    def world() -> Iterator[Any]:
        yield SimpleNamespace(process=lambda name: SimpleNamespace(name=name), processes={"rig": None})

    def run(_world: Any, process: str, **options: Any) -> dict[str, Any]:
        seen.append(options)
        return {**PASSED, "process": process}

    def looked(_world: Any, _entries: Any, name: str, *, who: str, note: str) -> Review:
        seen.append({"name": name, "who": who, "note": note})
        return Review(name, "ab", who, note, datetime(2026, 3, 2, tzinfo=UTC))

    for module in (drill, catalog):
        monkeypatch.setattr(module, "world", world)
    monkeypatch.setattr(steps, "drill", run)
    monkeypatch.setattr(steps, "drills", lambda _world, _process: [PASSED, {**SKIPPED, "why": "on hold"}])
    monkeypatch.setattr(steps, "catalog", lambda *_args, **_options: ENTRIES)
    monkeypatch.setattr(steps, "review_entry", looked)
    return seen


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_drill_is_run_with_what_was_asked_and_says_what_it_was_put_down_to(asked: list[dict[str, Any]]) -> None:
    shown = run("drill", "rig", "--fault", "unit", "--sensor", "flow", "--severity", "14.5")
    assert "passed: expected calibration, put down to calibration flow (reads psi for bar)" in shown
    assert "25, 0.5 s" in shown
    told = asked[0]
    assert (told["fault"], told["sensor"], told["severity"], told["samples"]) == ("unit", "flow", 14.5, None)
    assert told["key"].startswith("cli-")
    assert json.loads(run("drill", "rig", "--json"))["verdict"] == "passed"


def test_past_drills_are_listed_and_none_is_run(asked: list[dict[str, Any]]) -> None:
    shown = run("drill", "rig", "--past")
    assert "skipped" in shown
    assert [row["verdict"] for row in json.loads(run("drill", "rig", "--past", "--json"))] == ["passed", "skipped"]
    assert asked == []


def test_the_catalog_is_listed_written_and_reviewed(asked: list[dict[str, Any]], tmp_path: Path) -> None:
    shown = run("catalog", "rig", "--html", str(tmp_path / "out" / "catalog.html"))
    assert "2 entries, 1 of them to be reviewed" in shown
    assert "schema.py (c0ffee)" in shown
    assert "lake/raw.arrow" in (tmp_path / "out" / "catalog.html").read_text(encoding="utf-8")
    assert [one["name"] for one in json.loads(run("catalog", "--stale", "--json"))] == ["lake/raw.arrow"]
    assert [one["name"] for one in json.loads(run("catalog", "--kind", "table", "--json"))] == ["table/scores"]
    run("catalog", "--review", "lake/raw.arrow", "--note", "read a file back")
    assert asked[0]["name"] == "lake/raw.arrow"
    assert asked[0]["note"] == "read a file back"
    refused = CliRunner().invoke(app, ["catalog", "--kind", "song"])
    assert refused.exit_code == 1
    assert "Unknown kind 'song'. In the catalog: lake, table." in refused.stderr
