"""`dq rollout`, `dq shadow` and `dq compare`: what people see and what machines get."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from dq_pipeline import steps
from dq_pipeline.cli import compare, rollout
from dq_pipeline.cli.main import app

UNDER_WAY: dict[str, Any] = {
    "version": "4",
    "state": "canary",
    "champion": "3",
    "share": 0.05,
    "since": 1200,
    "answered": 31,
    "who": "dq",
    "why": "out of shadow: 100 samples are judged",
    "at": "2026-03-02T09:00:00+00:00",
    "only_shadow": False,
    "judged": 12,
    "need": 200,
    "stays": "12 of 200 samples are judged",
    "figures": {
        "ratio": 1.12,
        "low": 0.95,
        "high": 1.3,
        "expected": {"candidate": 0.4, "champion": 0.5, "samples": 19},
    },
}
OVER = {
    **{k: v for k, v in UNDER_WAY.items() if k not in ("judged", "need", "stays")},
    "version": "2",
    "state": "aborted",
}
FIGURE = {"samples": 300, "error": 0.5, "low": 0.4, "high": 0.6, "ratio": None, "ratio_low": None, "ratio_high": None}
COMPARED: dict[str, Any] = {
    "process": "rig",
    "period": {"first": 10, "last": 309, "samples": 300, "judged": 300, "batches": 6},
    "error": "mean absolute error, bar",
    "figures": [
        {**FIGURE, "name": "as answered"},
        {**FIGURE, "name": "4", "ratio": 2.0, "ratio_low": 1.8, "ratio_high": 2.2},
        {**FIGURE, "name": "last value"},
    ],
    "learned": {"4": 12},
    "counts": {name: {"answered": 300, "alarms": 3, "fallbacks": 1, "coverage": 0.9} for name in ("as answered", "4")},
    "by": "recipe",
    "slices": [{"value": "deep", "samples": 120, "figures": [{**FIGURE, "name": "4"}]}],
    "reproduced": {
        "3": {"compared": 300, "differing": {}},
        "4": {"compared": 12, "differing": {"value": 2}},
    },
    "series": {"sample": [10, 11], "truth": [1.0, None], "as answered": [1.5, 2.0], "4": [1.0, 1.0]},
}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    calls: list[dict[str, Any]] = []

    @contextmanager
    def world() -> Iterator[None]:
        yield None

    def told(name: str, answer: Any) -> Any:
        def call(_world: None, process: str, *rest: Any, **given: Any) -> Any:
            calls.append({"step": name, "process": process, "rest": rest, **given})
            return answer

        return call

    for module in (rollout, compare):
        monkeypatch.setattr(module, "world", world)
    monkeypatch.setattr(steps, "rollouts", told("rollouts", [OVER, UNDER_WAY]))
    monkeypatch.setattr(steps, "abort_rollout", told("abort", {"version": "4", "state": "aborted"}))
    monkeypatch.setattr(steps, "pause_rollout", told("pause", {"version": "4", "state": "paused"}))
    monkeypatch.setattr(steps, "shadow", told("shadow", {"version": "2", "champion": "3", "samples": 50, "began": 7}))
    monkeypatch.setattr(steps, "compare", lambda *a, **given: told("compare", dict(COMPARED))(*a, **given))
    return calls


def run(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200"})
    assert result.exit_code == code, result.output
    return result.output


@pytest.mark.usefixtures("asked")
def test_shows_where_each_stands_and_why_it_stays() -> None:
    shown = run("rollout", "rig")
    for words in ("canary", "5%", "12 of 200", "1.12", "0.95 to 1.3", "aborted", "out of shadow"):
        assert words in shown
    assert (
        "4 stays: 12 of 200 samples are judged; of 19 samples without their truth an error of 0.4 is expected" in shown
    )
    assert json.loads(run("rollout", "rig", "--json")) == [OVER, UNDER_WAY]
    assert json.loads(run("rollout", "rig", "2", "--json")) == [OVER]
    assert rollout.line(UNDER_WAY).startswith("release 4 in canary, answers 5%: 12 of 200")


def test_a_person_who_ends_one_gives_a_reason(asked: list[dict[str, Any]]) -> None:
    assert "--why" in run("rollout", "rig", "--abort", code=1)
    assert not asked
    assert "aborted" in run("rollout", "rig", "--abort", "--why", "no")
    run("rollout", "rig", "4", "--pause", "--why", "closed")
    done = [call for call in asked if call["step"] in ("abort", "pause")]
    assert [(call["step"], call["rest"], call["why"]) for call in done] == [
        ("abort", ("4",), "no"),
        ("pause", ("4",), "closed"),
    ]


def test_any_release_may_be_put_in_shadow(asked: list[dict[str, Any]]) -> None:
    assert "beside release 3" in run("shadow", "rig", "2", "--samples", "50")
    assert (asked[-1]["rest"], asked[-1]["samples"]) == (("2",), 50)


def test_compares_over_a_period(asked: list[dict[str, Any]], tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    shown = run("compare", "rig", "--releases", "3, 4", "--since", "2026-03-01", "--by", "recipe", "--html", str(page))
    for words in ("300 samples of 6 micro-batches, numbers 10 to 309", "1.8 to 2.2", "recipe = deep", "last value"):
        assert words in shown
    assert "release 3 answered 300 of them then: all the same, bit for bit" in shown
    assert "release 4 answered 12 of them then: differs: value in 2" in shown
    assert "release 4 was trained on 12 of these samples: its error there is no forecast" in shown
    assert asked[-1]["releases"] == ["3", "4"]
    assert asked[-1]["since"] == datetime(2026, 3, 1, tzinfo=UTC)
    assert "last" not in asked[-1]
    assert "recipe = deep" in page.read_text()
    assert "series" not in json.loads(run("compare", "rig", "--json"))
    assert asked[-1]["last"] == 500
    run("compare", "rig", "--first", "0")
    assert "last" not in asked[-1], "from the first sample on is a period too"
