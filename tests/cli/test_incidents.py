from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from dq_pipeline import steps
from dq_pipeline.cli import incidents
from dq_pipeline.cli.main import app

FOUND = {
    "id": 7,
    "cause": "calibration",
    "subject": "TS1",
    "sensor": "TS1",
    "severity": "critical",
    "confidence": 0.9,
    "alerts": 2,
    "action": {"what": "withhold", "state": "done", "detail": "nothing is learned"},
    "runbook": "docs/runbooks/calibration.md",
    "event": 3,
    "first": 480,
    "stop": None,
    "ending": None,
    "closed_by": None,
    "title": "rig: sensor TS1 is at fault since sample 480: reads degF for degC",
    "at": "2026-01-01T00:00:00+00:00",
    "evidence": {"explanation": "reads degF for degC"},
}
WHOLE = {
    "record": {
        "hypotheses": [
            {"cause": "calibration", "subject": "TS1", "confidence": 0.9, "onset": 480, "why": "its neighbours agree"}
        ],
        "slices": [{"name": "without TS1", "moved": 0.3}],
        "decided_by": "the neighbours",
        "timeline": [{"at": "2026-01-01T00:00:00+00:00", "sample": 500, "what": "opened"}],
    },
    "told": [
        {"id": 3, "kind": "contract", "severity": "warning", "title": "MAE is 2", "subject": "", "at": "",
         "cleared_at": None}
    ],
}  # fmt: skip


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """What the steps were asked for, in a world without servers."""
    calls: list[tuple[object, ...]] = []

    @contextmanager
    def world() -> Iterator[SimpleNamespace]:
        yield SimpleNamespace(process=lambda name: name)

    def close(_world: object, process: str, number: int, *, accept: bool, who: str, why: str) -> dict[str, object]:
        assert why == ""
        calls.append((process, number, accept, bool(who)))
        return {"ending": "accepted" if accept else "repaired", "learned": accept}

    monkeypatch.setattr(incidents, "world", world)
    monkeypatch.setattr(steps, "status", lambda _world, _process: {"incidents": [FOUND]})
    monkeypatch.setattr(steps, "close_incident", close)
    monkeypatch.setattr(steps, "incident", lambda _world, _process, _number: {**FOUND, **WHOLE})
    return calls


def test_lists_incidents(asked: list[tuple[object, ...]]) -> None:
    shown = CliRunner().invoke(app, ["incidents", "rig"])
    assert shown.exit_code == 0
    assert "TS1" in shown.output
    assert json.loads(CliRunner().invoke(app, ["incidents", "rig", "--json"]).output) == [FOUND]
    assert not asked


def test_shows_one_in_full(asked: list[tuple[object, ...]]) -> None:
    shown = CliRunner().invoke(app, ["incidents", "rig", "7"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0
    for words in ("its neighbours agree", "without TS1", "MAE is 2", "opened", "docs/runbooks/calibration.md"):
        assert words in shown.output
    assert json.loads(CliRunner().invoke(app, ["incidents", "rig", "7", "--json"]).output)["id"] == 7
    assert not asked


@pytest.mark.parametrize(
    ("flag", "accept", "said"), [("--accept", True, "learned now"), ("--repaired", False, "repaired")]
)
def test_ends_one(asked: list[tuple[object, ...]], flag: str, accept: bool, said: str) -> None:
    done = CliRunner().invoke(app, ["incidents", "rig", "--close", "7", flag])
    assert done.exit_code == 0
    assert said in done.output
    assert asked == [("rig", 7, accept, True)]


def test_how_it_ends_has_to_be_said(asked: list[tuple[object, ...]]) -> None:
    assert CliRunner().invoke(app, ["incidents", "rig", "--close", "7"]).exit_code == 1
    assert not asked
