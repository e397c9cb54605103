"""The tutorial "your own process in 15 minutes", done as it is written, on servers of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dq_pipeline import local

from .tutorials import edited, steps, unmarked

ROOT = Path(__file__).resolve().parents[2]
PAGE = "own-process.md"
OWN = ("DQ_", "KAFKA_", "MLFLOW_", "AIRFLOW", "_AIRFLOW", "PYTEST")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that PostgreSQL may enter, which refuses root; its servers are stopped at the end."""
    made = Path(tempfile.mkdtemp(prefix="dq-tutorial-"))
    made.chmod(0o755)
    yield made
    local.down(made / "var")
    shutil.rmtree(made)


@pytest.fixture
def reader(folder: Path) -> Callable[[str], str]:
    """Types a command in that folder, and returns what was printed."""
    programs = folder / "bin"
    programs.mkdir()
    for name, module in (("python", ""), ("dq", "-m dq_pipeline.cli.main")):
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {module} "$@"\n')
        (programs / name).chmod(0o755)
    named = {name: value for name, value in os.environ.items() if not name.startswith(OWN)}
    named |= {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'plugins'}",
        "DQ_PROCESS_DIR": str(
            folder / "dags" / "processes"
        ),  # the reader's is in the checkout, which a test leaves alone
    }

    def types(command: str) -> str:
        done = subprocess.run(command, shell=True, cwd=folder, env=named, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    return types


def test_no_command_of_the_page_is_left_out() -> None:
    assert unmarked(PAGE) == 0


@pytest.mark.live
@pytest.mark.timeout(1800)
def test_the_page_leads_from_a_table_to_a_page(folder: Path, reader: Callable[[str], str]) -> None:
    seen: list[str] = []
    for kind, text in steps(PAGE):
        what, _, name = kind.partition(": ")
        if what == "file":
            (folder / name).write_text(text)
        elif what == "edit":
            file = folder / "dags" / "processes" / name
            file.write_text(edited(file.read_text(), text))
        else:
            if text == "dq down":
                airflow_answers_the_rest(reader, 120)
                the_page_shows_the_process(folder / "var", reader)
            reader(text)
            seen.append(text)
            if text == "dq run oven --until-idle":
                the_stream_was_answered(reader, 60)
    assert seen[-1] == "dq down"
    assert not (folder / "var" / "endpoints.json").exists()


def the_stream_was_answered(reader: Callable[[str], str], recordings: int) -> None:
    found: dict[str, Any] = json.loads(reader("dq status oven --json"))
    assert found["recordings"]["read"] == recordings
    assert found["alarms"] > 0, "the page's limit is reached now and then"
    assert (found["gaps"], found["duplicates"]) == (0, 0)
    assert len(json.loads(reader("cat sent.json"))["faults"]) == 3
    assert found["releases"][0]["mae"] < 0.5, "the core's spread is more than 2 degrees"


def airflow_answers_the_rest(reader: Callable[[str], str], recordings: int, within_s: float = 400.0) -> None:
    deadline = time.monotonic() + within_s
    while (found := json.loads(reader("dq status oven --json"))["recordings"]["read"]) < recordings:
        assert time.monotonic() < deadline, f"{recordings} recordings read expected; found {found}"
        time.sleep(2.0)


def the_page_shows_the_process(var: Path, reader: Callable[[str], str]) -> None:
    endpoints = json.loads((var / "endpoints.json").read_text())
    login = json.dumps({"username": endpoints["airflow_user"], "password": endpoints["airflow_password"]}).encode()
    headers = {"Content-Type": "application/json"}
    asked = urllib.request.Request(f"{endpoints['airflow_url']}/auth/token", data=login, headers=headers)
    with urllib.request.urlopen(asked, timeout=60) as answer:
        token = json.loads(answer.read())["access_token"]
    asked = urllib.request.Request(f"{endpoints['airflow_url']}/dq/", headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(asked, timeout=60) as answer:
        page = answer.read().decode()
    assert "oven" in page
    assert "Belt oven, core temperature" in page
