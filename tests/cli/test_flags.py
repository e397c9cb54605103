from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from dq_pipeline import steps
from dq_pipeline.cli import flags
from dq_pipeline.cli.main import app
from dq_pipeline.records import FlagKind

ROW = {
    "sample_id": "run [7]",
    "kind": "out_of_distribution",
    "release": "3",
    "p": 0.012,
    "rejected": False,
    "who": None,
    "at": "2026-03-01T12:00:00+00:00",
    "evidence": {"statistic": 31.0, "usual": 12.5, "level": 0.014, "sensors": [{"sensor": "PS1", "share": 0.81}]},
}
RATE = {"release": "3", "flagged": 7, "answered": 90, "per_100": 7.8, "budget_per_100": 5.0, "why": None}
FOUND: dict[str, Any] = {"process": "rig", "rate": RATE, "flags": [ROW]}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the steps were asked for, in a world without servers."""
    calls: list[Any] = []

    @contextmanager
    def world() -> Iterator[SimpleNamespace]:
        yield SimpleNamespace(ledger=SimpleNamespace(migrate=lambda: None))

    def listed(_world: object, process: str, **options: Any) -> dict[str, Any]:
        calls.append((process, options))
        return FOUND

    def said(_world: object, process: str, sample: str, **options: Any) -> dict[str, Any]:
        calls.append((process, sample, options))
        return {"process": process, "sample_id": sample, "new": len(calls) == 1, "rejected": options["reject"]}

    monkeypatch.setattr(flags, "world", world)
    monkeypatch.setattr(steps, "flags", listed)
    monkeypatch.setattr(steps, "report", said)
    return calls


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "160"})


def test_lists_flags_with_their_evidence_and_the_rate(asked: list[Any]) -> None:
    shown = run("flags", "rig", "--kind", "out_of_distribution", "--kind", "reported", "--since", "2026-03-01")
    assert shown.exit_code == 0, shown.output
    for words in ("run [7]", "PS1 81%", "7 of 90 samples, 7.8 per 100", "its budget is 5 per 100"):
        assert words in shown.output
    kinds = (FlagKind.OUT_OF_DISTRIBUTION, FlagKind.REPORTED)
    assert asked == [("rig", {"kinds": kinds, "since": datetime(2026, 3, 1, tzinfo=UTC), "limit": 50})]
    assert json.loads(run("flags", "rig", "--json").output) == FOUND
    assert run("flags", "rig", "--kind", "other").exit_code == 2


def test_a_release_that_flags_nothing_says_why(asked: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"process": "rig", "rate": {**RATE, "why": "release 2 has no flag rules"}, "flags": []}
    monkeypatch.setattr(steps, "flags", lambda *_, **__: found)
    shown = run("flags", "rig").output
    assert "No sample is flagged." in shown
    assert "Nothing is flagged by itself: release 2 has no flag rules." in shown
    assert not asked


@pytest.mark.parametrize(("given", "written"), [("out", "out/rig-flags.parquet"), ("x.jsonl", "x.jsonl")])
def test_exports_into_a_folder_or_a_file(
    asked: list[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, given: str, written: str
) -> None:
    monkeypatch.setattr(steps, "export_rows", lambda *_, **__: iter(()))
    done = run("flags", "rig", "--export", str(tmp_path / given), "--json")
    assert json.loads(done.output) == {"process": "rig", "samples": 0, "file": str(tmp_path / written)}
    assert (tmp_path / written).exists()
    refused = run("flags", "rig", "--export", str(tmp_path / "x.xlsx"))
    assert (refused.exit_code, ".parquet or .jsonl expected" in refused.output) == (1, True)
    assert not asked


def test_reports_once(asked: list[Any]) -> None:
    first = run("report", "rig", "s1", "--why", "valve open", "--rating", "2", "--reject")
    assert first.output == "s1 of rig is reported; it will never train.\n"
    assert run("report", "rig", "s1", "--why", "valve open").output == "s1 of rig was reported so already.\n"
    process, sample, options = asked[0]
    assert (process, sample, bool(options.pop("who"))) == ("rig", "s1", True)
    assert options == {"why": "valve open", "rating": 2, "reject": True}
    assert run("report", "rig", "s1").exit_code == 2, "a reason is asked for"


def test_labels_that_conflict_are_shown_with_who_said_them(asked: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    said = [{"value": 1.5, "origin": "labels", "annotator": "anna"}, {"value": 2.5, "origin": "http", "annotator": ""}]
    row = {**ROW, "kind": "conflicting_labels", "p": None, "evidence": {"values": said}}
    monkeypatch.setattr(steps, "flags", lambda *_, **__: {**FOUND, "flags": [row]})
    assert "values 1.5 (anna) and 2.5 (http)" in run("flags", "rig").output
    assert not asked
