"""`dq watch`: what was looked at, and the exit code that says whether all is well."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from dq_pipeline import steps
from dq_pipeline.cli import watch
from dq_pipeline.cli.main import app

LAG: dict[str, Any] = {
    "kind": "lag",
    "subject": "rig.samples",
    "verdict": "sick",
    "text": "900 unread messages [of rig.samples]",
    "figure": 1200.0,
    "limit": 900.0,
    "severity": "critical",
    "evidence": {},
    "runbook": "docs/runbooks/lag.md",
}
SILENCE = {
    **LAG,
    "kind": "silence",
    "subject": "",
    "verdict": "well",
    "text": "4 s",
    "runbook": "docs/runbooks/silence.md",
}
FOUND: dict[str, Any] = {"process": "rig", "why": None, "sick": 1, "signs": [SILENCE, LAG]}
TOLD = {**FOUND, "alerts": ["lag:rig.samples"], "raised": ["lag:rig.samples"], "cleared": [], "due": None}


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    answers: dict[str, Any] = {"look": FOUND, "watch": TOLD}

    @contextmanager
    def world() -> Iterator[None]:
        yield None

    monkeypatch.setattr(watch, "world", world)
    monkeypatch.setattr(steps, "look", lambda *_: answers["look"])
    monkeypatch.setattr(steps, "watch", lambda *_: answers["watch"])
    return answers


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["watch", "rig", *arguments], env={"COLUMNS": "160"})


@pytest.mark.usefixtures("found")
def test_says_what_is_sick_and_what_to_do() -> None:
    shown = run()
    assert shown.exit_code == 1
    for words in ("lag rig.samples", "sick", "900 unread messages [of rig.samples]", "docs/runbooks/lag.md", "4 s"):
        assert words in shown.output
    assert "silence.md" not in shown.output, "what is well needs no page"
    assert json.loads(run("--json").stdout) == FOUND


@pytest.mark.usefixtures("found")
def test_tells_when_told_to() -> None:
    assert "Raised lag:rig.samples." in run("--tell").output
    assert json.loads(run("--tell", "--json").stdout) == TOLD


def test_all_is_well_or_there_is_nothing_to_look_at(found: dict[str, Any]) -> None:
    found["look"] = {**FOUND, "sick": 0, "signs": [SILENCE]}
    assert run().exit_code == 0
    found["look"] = {"process": "rig", "why": "rig has no release in Production yet", "sick": 0, "signs": []}
    shown = run()
    assert (shown.exit_code, shown.output.strip()) == (0, "rig has no release in Production yet")
