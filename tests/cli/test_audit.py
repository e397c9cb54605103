"""`dq audit` and `dq sensors`: what people and machines read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from typer.testing import CliRunner

from dq_pipeline import steps
from dq_pipeline.cli import audit, sensors
from dq_pipeline.cli.main import app

WELL = {"gain": 1.0, "offset": 0.0, "against": "", "determined": 0.0, "start": 480}
FOUND: dict[str, Any] = {
    "release": "3",
    "first": 480,
    "stop": 530,
    "findings": [
        {**WELL, "sensor": "PS1", "fault": "unit", "text": "reads psi for bar", "gain": 14.5, "determined": 1.0},
        {**WELL, "sensor": "TS1", "fault": "none", "text": "measures as before"},
    ],
    "anomalies": [{"sensor": "PS1", "text": "calibration was due on 2026-04-30"}],
}
ROW: dict[str, Any] = {
    "sensor": "PS1",
    "unit": "bar",
    "range": [0.0, 250.0],
    "trusted": "PS2",
    "facts": {"firmware": "2.1"},
    "history": [],
    "audit": {"verdict": "unit", "text": "reads psi for bar"},
    "correction": {"gain": 14.5038, "offset": 0.0},
}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What the steps were asked for, in a world without servers."""
    calls: list[tuple[Any, ...]] = []

    @contextmanager
    def world() -> Iterator[None]:
        yield None

    def audited(_world: Any, process: str, *, window: int | None) -> dict[str, Any]:
        calls.append((process, window))
        return FOUND

    def noted(_world: Any, process: str, sensor: str, facts: dict[str, str], **options: Any) -> dict[str, Any]:
        calls.append((process, sensor, facts, options["why"], options["since"]))
        return {"sensor": sensor, "facts": facts, "since": options["since"] or datetime(2026, 5, 2, tzinfo=UTC)}

    for module in (audit, sensors):
        monkeypatch.setattr(module, "world", world)
    monkeypatch.setattr(steps, "audit", audited)
    monkeypatch.setattr(steps, "sensors", lambda _world, _process: [ROW])
    monkeypatch.setattr(steps, "note_sensor", noted)
    return calls


def run(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, [*arguments], env={"COLUMNS": "180"})
    assert result.exit_code == code, result.output
    return result.output


def test_an_audit_names_what_is_at_fault_and_what_is_odd(asked: list[tuple[Any, ...]]) -> None:
    shown = run("audit", "rig", "--window", "50")
    for words in ("Samples 480 to 529", "reads psi for bar", "14.5", "measures as before", "PS1: calibration was due"):
        assert words in shown
    assert json.loads(run("audit", "rig", "--json")) == FOUND
    assert asked == [("rig", 50), ("rig", None)]


def test_the_inventory_says_what_is_known(asked: list[tuple[Any, ...]]) -> None:
    shown = run("sensors", "rig")
    for words in ("0 to 250", "PS2", "firmware 2.1", "unit: reads psi for bar", "gain 14.5, offset 0"):
        assert words in shown
    assert json.loads(run("sensors", "rig", "--json")) == [ROW]
    assert not asked


def test_facts_are_noted(asked: list[tuple[Any, ...]]) -> None:
    facts = ("firmware=2.1", "calibrated=2026-05-01")
    shown = run("sensors", "rig", *facts, "--set", "PS1", "--why", "leak", "--since", "2026-05-01")
    since = datetime(2026, 5, 1, tzinfo=UTC)
    assert asked == [("rig", "PS1", {"firmware": "2.1", "calibrated": "2026-05-01"}, "leak", since)]
    assert "PS1 of rig: firmware 2.1, calibrated 2026-05-01 since 2026-05-01 00:00" in shown


@pytest.mark.usefixtures("asked")
def test_facts_want_a_sensor_and_a_value() -> None:
    assert "--set SENSOR expected" in run("sensors", "rig", "firmware=2.1", code=1)
    assert "facts as firmware=2.1 expected, found firmware" in run("sensors", "rig", "firmware", "--set", "PS1", code=1)
