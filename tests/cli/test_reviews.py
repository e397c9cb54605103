from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree as Xml

import pytest
from typer.testing import CliRunner

from dq_pipeline import steps
from dq_pipeline.cli import reviews
from dq_pipeline.cli.main import app
from dq_pipeline.process import Process

ITEM: dict[str, Any] = {
    "review": 7,
    "sample_id": "run [7]",
    "state": "waiting",
    "priority": 12.5,
    "kinds": ["beyond_interval"],
    "reasons": {"kinds": ["beyond_interval"]},
    "rounds": 1,
    "release": "3",
    "prediction": 2.0,
    "lower": 1.5,
    "upper": 2.5,
    "target": 3.25,
    "target_origin": "labels",
    "target_name": "pressure",
    "unit": "bar",
    "classes": [],
    "unified": 0.61,
    "threshold": 0.25,
    "source": "rig",
    "start": "2026-03-01T12:00:00+00:00",
    "outcome": None,
    "automatic": False,
}
FOUND = {
    "process": "rig",
    "waiting": 4,
    "settled": 2,
    "refused": 1,
    "rules": {"accept_within": {"settled": 9, "seen": 2, "agreed": 1}},
    "items": [ITEM],
}
PROCESS = Process.model_validate(
    {
        "process": "rig",
        "title": "A rig",
        "stream": {"topic": "p.samples", "labels_topic": "p.labels"},
        "sample": {"rows": 20, "period_s": 1, "horizon_rows": 12, "profile_rows": 20},
        "sensors": {"p": {"unit": "bar", "range": [0, 50]}},
        "target": {"name": "pressure", "unit": "bar", "column": "p"},
        "history": {"uri": "x.parquet"},
    }
)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the steps were asked for, in a world without servers."""
    calls: list[Any] = []

    @contextmanager
    def world() -> Iterator[SimpleNamespace]:
        yield SimpleNamespace(ledger=SimpleNamespace(migrate=lambda: None), process=lambda _: PROCESS)

    def judged(_world: object, process: str, number: int, **options: Any) -> dict[str, Any]:
        calls.append((process, number, options))
        return {"review": number, "new": len(calls) == 1, "why": f"settled: {options['action']}"}

    def taken(_world: object, process: str, tasks: Any, *, who: str) -> dict[str, Any]:
        calls.append(tasks)
        problems = [{"task": 0, "path": "$[0].annotations", "problem": "expected a list; found 7"}]
        return {"taken": 0 if tasks else 2, "tasks": 2, "unannotated": 1, "problems": problems if tasks else []}

    def listed(_world: object, process: str, **options: Any) -> dict[str, Any]:
        calls.append((process, options))
        return FOUND

    shown = {**ITEM, "opinions": [], "band": None, "curves": {"p": [1.0, None, 3.0]}, "t_s": [0.0, 1.0, 2.0]}
    monkeypatch.setattr(reviews, "world", world)
    monkeypatch.setattr(steps, "reviews", listed)
    monkeypatch.setattr(steps, "review", lambda *_: shown)
    monkeypatch.setattr(steps, "judge", judged)
    monkeypatch.setattr(steps, "to_label_studio", lambda *_, **__: [{"data": {}}])
    monkeypatch.setattr(steps, "from_label_studio", taken)
    return calls


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "160"})


def test_lists_what_waits(asked: list[Any]) -> None:
    shown = run("reviews", "rig", "--limit", "5")
    assert shown.exit_code == 0, shown.output
    for words in (
        "run [7]",
        "12.5",
        "beyond_interval",
        "3.25 bar",
        "that a person saw in its place, both said the same in 1.",
        "4 wait, 2 are settled, 1 were refused.",
    ):
        assert words in shown.output
    assert asked == [("rig", {"state": "waiting", "limit": 5})]
    assert json.loads(run("reviews", "rig", "--json").output) == FOUND


def test_shows_a_sample_with_its_curves(asked: list[Any]) -> None:
    shown = run("review", "rig", "7").output
    for words in ("run [7] from rig", "3.25 bar (labels)", "2 bar, 1.5 bar to 2.5 bar by release 3", "▁·█"):
        assert words in shown
    assert asked == []


@pytest.mark.parametrize(
    ("arguments", "action", "value"),
    [
        (["--accept"], "accept", None),
        (["--correct", "1.93", "--confidence", "0.8"], "correct", 1.93),
        (["--reject", "--why", "valve"], "reject", None),
        (["--skip"], "skip", None),
    ],
)
def test_judges_once(asked: list[Any], arguments: list[str], action: str, value: float | None) -> None:
    assert run("review", "rig", "7", *arguments).output == f"Review 7 of rig: settled: {action}.\n"
    assert "it was said so already" in run("review", "rig", "7", *arguments).output
    process, number, options = asked[0]
    assert (process, number, options["action"], options["value"]) == ("rig", 7, action, value)
    assert options["who"]


def test_one_verdict_alone_and_a_number_are_expected(asked: list[Any]) -> None:
    both = run("review", "rig", "7", "--accept", "--skip")
    assert (both.exit_code, "found 2" in both.output) == (1, True)
    odd = run("review", "rig", "7", "--correct", "high")
    assert (odd.exit_code, "a number expected, found 'high'" in odd.output) == (1, True)
    assert asked == []


def test_exchanges_files_with_the_labelling_tool(asked: list[Any], tmp_path: Path) -> None:
    tasks, config = tmp_path / "out" / "tasks.json", tmp_path / "labelling.xml"
    done = run("reviews", "rig", "--export", str(tasks), "--config", str(config), "--json")
    assert json.loads(done.output) == {"process": "rig", "tasks": 1, "file": str(tasks)}
    assert json.loads(tasks.read_text()) == [{"data": {}}]
    assert Xml.fromstring(config.read_text()).tag == "View"
    file = tmp_path / "annotated.json"
    file.write_text("[]")
    good = run("reviews", "rig", "--import", str(file))
    assert (good.exit_code, good.output) == (0, "2 new opinions from 2 tasks; 1 not annotated\n")
    file.write_text("[7]")
    bad = run("reviews", "rig", "--import", str(file))
    assert bad.exit_code == 1
    assert "1 problem; nothing is taken\n  $[0].annotations: expected a list; found 7\n" in bad.output
    assert asked == [[], [7]]


def test_what_cannot_be_read_is_refused_before_anything_is_asked(asked: list[Any], tmp_path: Path) -> None:
    file = tmp_path / "annotated.json"
    file.write_text("{")
    broken = run("reviews", "rig", "--import", str(file), "--json")
    assert broken.exit_code == 1
    assert json.loads(broken.output)["problems"][0]["path"] == "$"
    assert run("reviews", "rig", "--import", str(tmp_path / "none.json")).exit_code == 1
    assert run("reviews", "rig", "--import", str(file), "--export", str(file)).exit_code == 1
    assert asked == []
