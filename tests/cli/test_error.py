from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from dq_pipeline import steps
from dq_pipeline.cli import error
from dq_pipeline.cli.main import app

BLOCK = {"expected": 0.2, "low": 0.1, "high": 0.4, "n_expected": 20, "first": "run [bold]", "last": "r27"}
OPEN = {**BLOCK, "observed": None, "n_observed": 0, "last_value": None}
KNOWN = {**BLOCK, "observed": 0.5, "n_observed": 20, "last_value": 0.3}
FOUND: dict[str, Any] = {
    "process": "rig",
    "release": "3",
    "why": None,
    "usual": 0.15,
    "expected": 0.2,
    "low": 0.1,
    "high": 0.4,
    "observed": 0.5,
    "n_expected": 40,
    "n_observed": 20,
    "ratio": 2.5,
    "scale": 1.0,
    "n_scale": 20,
    "last_value": 0.5,
    "blocks": [KNOWN, OPEN],
}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the step answers, and is asked for, in a world without servers."""
    kept: dict[str, Any] = {"found": FOUND}

    @contextmanager
    def world() -> Iterator[SimpleNamespace]:
        target = SimpleNamespace(target=SimpleNamespace(unit="kW"))
        yield SimpleNamespace(ledger=SimpleNamespace(migrate=lambda: None), process=lambda _: target)

    def estimate(_world: object, process: str, *, last: int) -> dict[str, Any]:
        kept["asked"] = (process, last)
        found: dict[str, Any] = kept["found"]
        return found

    monkeypatch.setattr(error, "world", world)
    monkeypatch.setattr(steps, "error_estimate", estimate)
    return kept


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["error", *arguments], env={"COLUMNS": "200"})


def test_shows_each_block_beside_its_truth_and_the_baselines(asked: dict[str, Any]) -> None:
    shown = run("rig", "--last", "40")
    assert (shown.exit_code, asked["asked"]) == (0, ("rig", 40))
    told = " ".join(shown.stdout.split())
    assert "0.2 kW expected of 40 answers, 9 of 10 within 0.1 to 0.4; 0.5 observed on 20 of them." in told
    assert "0.15 at training, 0.5 on the newest labels. Scaled by 1 from 20 labels." in told
    first, second = [row for row in shown.stdout.splitlines() if "run [bold]" in row]
    assert ("x" in first, "x" in second, "o" in second) == (True, False, True)


def test_says_why_nothing_is_expected_and_speaks_json(asked: dict[str, Any]) -> None:
    assert json.loads(run("rig", "--json").stdout) == FOUND
    asked["found"] = {**FOUND, "why": "no release answers yet", "blocks": []}
    assert run("rig").stdout == "Nothing is expected: no release answers yet.\n"


def test_a_block_without_an_interval_or_an_error_has_its_line() -> None:
    assert error.line({**OPEN, "low": None}, 0.4).strip() == "o"
    assert error.line({**KNOWN, "low": None, "expected": 0.0, "observed": 0.0}, 0.0).strip() == "x"
