"""`dq governor` and its line in `dq status`: why a model is trained again, and why not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from typer.testing import CliRunner

from dq_pipeline import steps
from dq_pipeline.cli import governor
from dq_pipeline.cli.governor import line
from dq_pipeline.cli.main import app

FOUND: dict[str, Any] = {
    "process": "rig",
    "release": "3",
    "triggers": [
        {"name": "labels", "fires": True, "why": "60 new labelled samples, 50 wanted: enough"},
        {"name": "schedule", "fires": False, "why": "due tomorrow"},
    ],
    "why_not": [{"name": "cooldown", "why": "the last training ended at noon", "until": "2026-03-02T16:01:00+00:00"}],
    "due": None,
    "new_labels": 60,
    "since": "2026-03-02T09:00:00+00:00",
    "budget": {"used_s": 12.5, "limit_s": 600.0, "trainings": 2},
    "next_possible": "2026-03-02T16:01:00+00:00",
}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def world() -> Iterator[None]:
        yield None

    monkeypatch.setattr(governor, "world", world)
    monkeypatch.setattr(steps, "governor", lambda _world, process: {**FOUND, "process": process})


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["governor", *arguments], env={"COLUMNS": "160"})
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.usefixtures("asked")
def test_shows_why_why_not_the_budget_and_the_next_time() -> None:
    shown = run("rig")
    for words in ("60 new labelled samples", "yes", "the last training ended at noon", "2026-03-02T16:01"):
        assert words in shown
    assert "12.5 s in 2 trainings of the last 7 days, 600 s allowed" in shown
    assert json.loads(run("rig", "--json")) == FOUND


def test_one_line_says_all() -> None:
    assert line(FOUND) == "asked for by labels; held up by cooldown; `dq governor rig`"
    quiet = {**FOUND, "triggers": [], "why_not": []}
    assert line(quiet) == "nothing asks for it; nothing objects; `dq governor rig`"
    due = {"key": "refit-2-7", "kind": "refit", "why": "refit: alarm", "attempts": 0}
    waits = {**quiet, "due": due, "why_not": [{"name": "under_way"}, {"name": "hours"}]}
    assert line(waits) == "refit-2-7 is due: refit: alarm; held up by hours; `dq governor rig`"
