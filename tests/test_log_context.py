"""Lines say what they are about, in every thread that works for it, and never more than one line each."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextvars import copy_context
from pathlib import Path

import pytest

from dq_pipeline import log_context
from dq_pipeline.log_context import JsonLines, about, current, heard_by, note

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(log_context, "_listeners", [])
    token = log_context._about.set({})
    yield
    log_context._about.reset(token)


def line(message: str, *args: object, error: BaseException | None = None) -> dict[str, str]:
    found = (type(error), error, None) if error else None
    record = logging.LogRecord("dq.test", logging.WARNING, __file__, 1, message, args, found)  # type: ignore[arg-type]
    text = JsonLines().format(record)
    assert "\n" not in text
    shown: dict[str, str] = json.loads(text)
    return shown


def test_a_line_says_what_it_is_about_while_the_block_lasts() -> None:
    with about(dq_process="pump"):
        note(dq_batch="b1")
        with about(dq_batch="b2", dq_release="3"):
            assert dict(current()) == {"dq_process": "pump", "dq_batch": "b2", "dq_release": "3"}
        shown = line("two\nlines of %s", "it")
        assert (shown["dq_process"], shown["dq_batch"], "dq_release" in shown) == ("pump", "b1", False)
        assert (shown["message"], shown["level"], shown["logger"]) == ("two\nlines of it", "warning", "dq.test")
    assert dict(current()) == {}
    assert "dq_process" not in line("x")


def test_an_error_is_told_in_the_same_line() -> None:
    assert "ValueError: odd\nthing" in line("failed", error=ValueError("odd\nthing"))["error"]


def test_threads_are_apart_unless_they_work_for_it() -> None:
    seen: list[dict[str, str]] = []

    def look() -> None:
        seen.append(dict(current()))

    with about(dq_process="pump"):
        for target, args in ((look, ()), (copy_context().run, (look,))):
            thread = threading.Thread(target=target, args=args)
            thread.start()
            thread.join()
    assert seen == [{}, {"dq_process": "pump"}]


def test_another_library_hears_it_once() -> None:
    heard: list[dict[str, str]] = []

    def listener(**names: str) -> None:
        heard.append(names)

    heard_by(listener)
    heard_by(listener)
    with about(dq_process="pump"):
        note(dq_batch="b")
    assert heard == [{"dq_process": "pump"}, {"dq_batch": "b"}]


@pytest.mark.parametrize("chosen", ["json", "text", "xml"])
def test_the_commands_log_as_they_are_told_to(chosen: str) -> None:
    program = (
        "import logging; from dq_pipeline.cli import terminal, main; from dq_pipeline.log_context import set_up; "
        f"set_up(logging.INFO, {chosen!r}); terminal._named('pump'); logging.getLogger('dq').warning('odd %s', 'thing')"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=os.environ, capture_output=True, text=True)
    if chosen == "xml":
        assert "expected text or json; found 'xml'" in done.stderr
        return
    assert done.returncode == 0, done.stderr
    if chosen == "json":
        shown = json.loads(done.stderr)
        assert (shown["message"], shown["dq_process"]) == ("odd thing", "pump")
    else:
        assert done.stderr == "WARNING:dq:odd thing\n"
