"""`dq alerts`: what was told and who took it, what was useful, and the exit code where something did not arrive."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from dq_pipeline import steps
from dq_pipeline.cli import alerts
from dq_pipeline.cli.main import app

NOTICE: dict[str, Any] = {
    "id": 12,
    "at": "2026-03-01T12:00:00+00:00",
    "kind": "watch/erratic",
    "severity": "warning",
    "title": "rig: [sensor] squeaks",
    "state": "sent",
    "why": None,
    "to": {"chat": "sent"},
    "more": ["one", "two"],
    "due_at": None,
    "useful": None,
}
WAITS = {**NOTICE, "id": 13, "state": "waiting", "to": {"pager": "refused with HTTP 503"}, "more": []}
WAITS |= {"due_at": "2026-03-01T12:05:00+00:00", "why": "quiet hours", "useful": True}
GONE = {**NOTICE, "id": 14, "state": "given up", "to": {"pager": "no answer within 10 s"}, "useful": False}
HELD = {**NOTICE, "id": 15, "state": "held", "to": {}, "why": "told with incident 3"}
RULE = {"kind": "watch/erratic", "notices": 9, "told": 8, "judged": 6, "useful": 1, "precision": 1 / 6, "muted": False}
RULES = [{**RULE, "proposal": "watch/erratic was useful in 1 of 6"}, {**RULE, "kind": "drift", "precision": None}]
RULES[1] |= {"muted": True, "proposal": None}
SENT = {"process": "rig", "sent": 2, "failed": 0, "given_up": 0, "waiting": 1, "held": 0, "error": None}


@pytest.fixture(autouse=True)
def found(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    answers: dict[str, Any] = {
        "notices": [HELD, GONE, WAITS, NOTICE],
        "sent": SENT,
        "test": {"sent": True, "why": None},
    }

    @contextmanager
    def world() -> Iterator[None]:
        yield None

    monkeypatch.setattr(alerts, "world", world)
    monkeypatch.setattr(steps, "notices", lambda _world, _process, limit: answers["notices"][:limit])
    monkeypatch.setattr(steps, "precision", lambda *_: RULES)
    monkeypatch.setattr(steps, "deliver", lambda *_, **__: answers["sent"])
    monkeypatch.setattr(steps, "send_test", lambda *_, **__: answers["test"])
    monkeypatch.setattr(steps, "judge_notice", lambda *_, useful, who: {**NOTICE, "useful": useful, "judged_by": who})
    return answers


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["alerts", "rig", *arguments], env={"COLUMNS": "220"})


def test_lists_what_was_told_and_how_useful_each_rule_was() -> None:
    shown = run()
    assert shown.exit_code == 0
    for words in (
        "rig: [sensor] squeaks (and 2 more)",
        "chat: sent",
        "pager: refused with HTTP 503; due 2026-03-01T12:05 (quiet hours)",
        "given up; pager: no answer within 10 s",
        "told with incident 3",
        "17%",
        "drift (muted)",
        "watch/erratic was useful in 1 of 6",
    ):
        assert words in shown.output
    said = json.loads(run("--json", "--limit", "2").stdout)
    assert said == {"process": "rig", "notices": [HELD, GONE], "rules": RULES}


def test_nobody_was_told_anything(found: dict[str, Any]) -> None:
    found["notices"] = []
    assert "Nobody was told anything yet." in run().output


def test_a_person_says_what_was_useful() -> None:
    assert "Notice 12 of rig counts as useful: rig: [sensor] squeaks" in run("--useful", "12").output
    assert "not useful" in run("--useless", "12").output
    assert json.loads(run("--useless", "12", "--json").stdout)["useful"] is False
    assert run("--useful", "12", "--useless", "13").exit_code == 1


def test_sends_and_tests(found: dict[str, Any]) -> None:
    sent = run("--send")
    assert (sent.exit_code, "2 sent, 0 to be tried again, 0 given up, 1 waiting" in sent.output) == (0, True)
    found["sent"] = {**SENT, "failed": 1}
    assert run("--send").exit_code == 1
    found["sent"] = {**SENT, "error": "rig.yaml: 1 problem"}
    assert "rig.yaml: 1 problem" in run("--send").output
    assert "chat took the test." in run("--test", "chat").output
    found["test"] = {"sent": False, "why": "refused with HTTP 401"}
    failed = run("--test", "chat")
    assert (failed.exit_code, failed.output.strip()) == (1, "chat did not take the test: refused with HTTP 401.")
