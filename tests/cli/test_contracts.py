"""`dq contracts`: what is told, and the exit code that a script can heed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from dq_pipeline import steps
from dq_pipeline.cli import contracts
from dq_pipeline.cli.main import app

RESULT = {
    "contract": "error",
    "slice": "shift=[night]",
    "release": "3",
    "verdict": "breach",
    "samples": 200,
    "first": 100,
    "stop": 300,
    "value": 0.8,
    "lower": 0.7,
    "upper": 0.9,
    "expected": 0.4,
    "expected_lower": 0.4,
    "expected_upper": 0.4,
    "detail": {"why": "0.8 of 200 samples where 0.4 is expected"},
    "at": "2026-03-01T12:00:00+00:00",
}
VERSION = {"name": "error", "version": 1, "state": "in_force", "who": "anna", "at": "2026-03-01T12:00:00+00:00"}
PARITY: dict[str, Any] = {"first": None, "steps": [], "checked": ["grid", "prediction"], "trace": []}


def shown() -> dict[str, Any]:
    return {
        "process": "rig",
        "contracts": [
            {"name": "error", "version": 1, "pending": False, "results": [RESULT]},
            {"name": "nulls", "version": None, "pending": True, "results": []},
        ],
        "stream": [],
        "versions": [VERSION],
        "history": [RESULT],
    }


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the steps answer, in a world without servers, and what they were asked for."""
    told: dict[str, Any] = {"breaches": 0, "parity": PARITY, "why": None, "release": "3", "synced": []}

    @contextmanager
    def world() -> Iterator[SimpleNamespace]:
        yield SimpleNamespace(ledger=SimpleNamespace(migrate=lambda: None), process=lambda name: name)

    monkeypatch.setattr(contracts, "world", world)
    monkeypatch.setattr(contracts, "person", lambda: "anna")
    monkeypatch.setattr(steps, "sync", lambda _world, _process, *, who: told["synced"].append(who))
    monkeypatch.setattr(steps, "reconcile", lambda _world, _process: told)
    monkeypatch.setattr(steps, "contracts", lambda _world, _process: shown())
    return told


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["contracts", "rig", *arguments], env={"COLUMNS": "180"})


def test_lists_contracts_with_their_figures_and_edits(asked: dict[str, Any]) -> None:
    done = run()
    assert done.exit_code == 0
    for word in ("shift=[night]", "breach", "0.8 (0.7 to 0.9)", "not judged yet", "Not in the ledger yet: nulls"):
        assert word in done.output
    assert "Versions" not in done.output
    assert asked["synced"] == []


def test_history_shows_versions_and_findings(asked: dict[str, Any]) -> None:
    done = run("--history")
    assert "anna" in done.output
    assert "100 to 299" in done.output


def test_json_and_nothing_else(asked: dict[str, Any]) -> None:
    found = json.loads(run("--json").output)
    assert found["contracts"][0]["results"][0]["verdict"] == "breach"
    assert "history" not in found
    assert "history" in json.loads(run("--json", "--history").output)


def test_sync_says_who(asked: dict[str, Any]) -> None:
    assert run("--sync").exit_code == 0
    assert asked["synced"] == ["anna"]


@pytest.mark.parametrize(
    ("change", "code", "told"),
    [
        ({}, 0, "gives what it gave"),
        ({"breaches": 1}, 2, "gives what it gave"),
        ({"parity": {**PARITY, "first": "features", "steps": ["features"]}}, 2, "first features"),
        ({"why": "no release answers yet", "parity": None}, 0, "no release answers yet"),
    ],
)
def test_check_judges_now_and_says_so_by_its_exit_code(
    asked: dict[str, Any], change: dict[str, Any], code: int, told: str
) -> None:
    asked.update(change)
    done = run("--check")
    assert done.exit_code == code, done.output
    assert told in done.output
    assert asked["synced"] == ["anna"]
