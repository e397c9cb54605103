"""What the pages quote is so: commands, examples and keys."""

from __future__ import annotations

import json
import os
import re
import runpy
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
import yaml

from dq_pipeline import process_file
from dq_pipeline.cli.main import app
from dq_pipeline.errors import SampleError
from dq_pipeline.process import Process
from dq_pipeline.profile.profile import Profile
from dq_pipeline.quality import dimensions
from dq_pipeline.release import promotion
from dq_pipeline.samples import REASONS
from dq_pipeline.settings import Settings
from dq_pipeline.wire import decode, decode_label

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks(text: str, language: str) -> list[str]:
    return [body for kind, body in BLOCK.findall(text) if kind == language]


def commands(page: Path) -> list[str]:
    lines = [line for block in blocks(page.read_text(encoding="utf-8"), "console") for line in block.splitlines()]
    assert all(line.startswith("$ ") for line in lines), f"{page}: each line of a console block is a command"
    return [line.removeprefix("$ ") for line in lines]


RUN = {"dq --help", "dq doctor --json"}
"""Commands that start and change nothing: they are run, by tests of their own. The others are parsed."""
QUOTED = [(page.relative_to(ROOT).as_posix(), command) for page in PAGES for command in commands(page)]
PARSED = [(page, command) for page, command in QUOTED if command not in RUN]


def dq(command: str, var: Path) -> subprocess.CompletedProcess[str]:
    named = {name: value for name, value in os.environ.items() if not name.startswith(("DQ_", "KAFKA_", "MLFLOW_"))}
    return subprocess.run(
        [sys.executable, "-m", "dq_pipeline.cli.main", *shlex.split(command)[1:]],
        cwd=ROOT,
        env={**named, "DQ_VAR": str(var)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_first_screen_holds_the_two_commands() -> None:
    first = README.splitlines()[:20]
    assert "$ make demo" in first
    assert "$ make test" in first


@pytest.mark.parametrize(("page", "command"), PARSED, ids=[f"{page}: {command}" for page, command in PARSED])
def test_every_quoted_command_exists_and_takes_what_it_is_given(page: str, command: str) -> None:
    words = shlex.split(command)
    match words[0]:
        case "make":
            done = subprocess.run(["make", "-n", *words[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
        case "dq":
            takes(typer.main.get_command(app), words)
        case "cp":
            assert (ROOT / words[1]).is_file()
        case "python":
            assert f"<!-- file: {words[1]} -->" in (ROOT / page).read_text(encoding="utf-8"), (
                "the page shows no such file"
            )
        case "docker":
            assert (ROOT / "docker-compose.yml").is_file()
        case _:
            pytest.fail(f"{page}: nobody checks {command!r}")


def takes(command: Any, words: list[str]) -> None:
    """Parse as the command line does, without running anything; raises where a name or an option is wrong."""
    name, *rest = words
    if hasattr(command, "commands") and rest and not rest[0].startswith("-"):
        assert rest[0] in command.commands, f"no command {rest[0]!r}"
        takes(command.commands[rest[0]], rest)
        return
    command.make_context(
        name, [word for word in rest if word not in ("-h", "--help")] or [], resilient_parsing=not rest
    )


def test_a_wrong_option_would_be_found() -> None:
    with pytest.raises(Exception, match="--nothing"):
        takes(typer.main.get_command(app), shlex.split("dq feed vacuum --nothing 3"))


def test_help_names_every_command_quoted(tmp_path: Path) -> None:
    done = dq("dq --help", tmp_path)
    assert done.returncode == 0, done.stderr
    for command in commands(ROOT / "README.md"):
        if command.startswith("dq ") and not command.startswith("dq -"):
            assert re.search(rf"\b{command.split()[1]}\b", done.stdout)


def test_doctor_says_what_to_fix_where_nothing_runs(tmp_path: Path) -> None:
    done = dq("dq doctor --json", tmp_path)
    found = json.loads(done.stdout)
    assert done.returncode == (0 if found["ok"] else 1)
    assert {"Kafka", "PostgreSQL", "MLflow", "Process files"} <= {check["name"] for check in found["checks"]}


def test_what_is_run_is_quoted() -> None:
    assert set(commands(ROOT / "README.md")) >= RUN


@pytest.fixture
def pump(tmp_path: Path) -> Process:
    """The process file that the README shows."""
    (example,) = blocks(README, "yaml")
    file = tmp_path / f"{yaml.safe_load(example)['process']}.yaml"
    file.write_text(example, encoding="utf-8")
    return process_file.load(file)


def test_the_process_file_shown_is_one(pump: Process) -> None:
    assert pump.sensor_names == ("current", "flow", "inlet")


def test_the_message_shown_is_one(pump: Process) -> None:
    sample, label = blocks((ROOT / "docs/messages.md").read_text(encoding="utf-8"), "json")
    message = decode(sample.encode(), None, pump)
    assert message.scope == "completion"
    assert not message.unknown
    assert message.recording.values.shape == (3, 3)
    assert message.recording.target is not None
    assert decode_label(label.encode(), None, pump).value == 8.07
    with pytest.raises(SampleError):
        decode(sample.replace('"version": 1', '"version": 2').encode(), None, pump)


def test_every_reason_is_explained() -> None:
    text = (ROOT / "docs/messages.md").read_text(encoding="utf-8").split("## Why a message is refused")[1]
    assert re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE) == list(REASONS)


def test_the_dimension_shown_works() -> None:
    example = next(block for block in blocks(README, "python") if "-> Floats" in block)
    space: dict[str, Any] = dict(vars(dimensions))
    exec(compile(example, "README.md", "exec"), space)  # noqa: S102 -- the page's own example
    stuck = np.array([[0, 4], [10, 0]])
    profile: Any = _Counted(seen=np.array([[10, 8], [10, 0]]), stuck=stuck)
    assert space["liveliness"](profile, None).tolist() == [[1.0, 0.5], [0.0, 0.0]]


class _Counted:
    """The part of a profile that the example reads."""

    def __init__(self, **counts: Any) -> None:
        self.seen, self._counts = counts["seen"], counts

    def counted(self, name: str) -> Any:
        return self._counts[name]


def test_profiles_have_what_the_example_reads() -> None:
    from dq_pipeline.profile.kernel import COUNTERS

    assert "stuck" in COUNTERS
    assert hasattr(Profile, "counted")
    assert hasattr(Profile, "seen")


def test_the_gate_shown_works(pump: Process) -> None:
    (example,) = blocks((ROOT / "docs/extend.md").read_text(encoding="utf-8"), "python")
    space: dict[str, Any] = dict(vars(promotion))
    exec(compile(example, "extend.md", "exec"), space)  # noqa: S102 -- the page's own example
    for n, passed in ((29, False), (30, True)):
        some = np.zeros(n)
        evidence = promotion.Evidence(some, some, None, some == 0.0, 0.9, 1.0, 1.0)
        assert space["enough_samples"](evidence, pump.promotion, np.random.default_rng(0)).passed is passed


def test_the_dag_shown_is_the_one_in_the_examples() -> None:
    example = next(block for block in blocks(README, "python") if "with DAG(" in block)
    assert example.strip() in (ROOT / "dags/examples/drift_report.py").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def generate() -> dict[str, Callable[..., str]]:
    """The program that writes pages, loaded from its file."""
    before = list(sys.path)
    try:
        return runpy.run_path(str(ROOT / "docs/generate.py"))
    finally:
        sys.path[:] = before


def test_the_page_of_process_files_is_up_to_date(generate: dict[str, Callable[..., str]]) -> None:
    page = (ROOT / "docs/processes.md").read_text(encoding="utf-8")
    assert page == generate["processes"](), "run `python docs/generate.py`"


def test_figures_are_those_of_docs_results(generate: dict[str, Callable[..., str]]) -> None:
    assert generate["with_evidence"](README) == README, "run `python docs/generate.py`"
    assert generate["figures"]() == (ROOT / "docs" / "figures.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", [page for page in PAGES if "<!-- figures: " in page.read_text(encoding="utf-8")])
def test_figures_in_pages_are_those_of_docs_results(generate: dict[str, Callable[..., str]], page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert generate["with_figures"](text) == text, "run `python docs/generate.py`"


def test_every_setting_is_named_and_no_other() -> None:
    text = (ROOT / "docs/settings.md").read_text(encoding="utf-8").split("## Airflow Connections")[0]
    named = {
        name for row in re.findall(r"^\| (`.*?) \|", text, re.MULTILINE) for name in re.findall(r"`DQ_(\w+)`", row)
    }
    assert named == {name.upper() for name in Settings.model_fields}
