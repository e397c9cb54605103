from __future__ import annotations

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from dq_pipeline.cli.main import app

COMMANDS = [
    "demo",
    "up",
    "down",
    "doctor",
    "topics",
    "simulate",
    "init",
    "feed",
    "run",
    "labels",
    "status",
    "releases",
    "promote",
    "rollback",
    "resume",
    "redrive",
    "incidents",
    "stress",
    "drill",
    "catalog",
    "import",
    "replay",
    "score",
    "drift",
]


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    """No server answers, and no setting of the caller's is seen."""
    for name in ("DQ_LAKE_URI", "DQ_DATA_DIR", "DQ_PROCESS_DIR", "DQ_AIRFLOW_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DQ_VAR", str(tmp_path))
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9")
    monkeypatch.setenv("DQ_DATABASE_URL", "postgresql://dq:hidden@127.0.0.1:9/dq")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")


def test_help_answers_without_loading_what_commands_need():
    heavy = "numpy pandas kafka mlflow sqlalchemy pyarrow xgboost numba fsspec"
    code = f"import sys; import dq_pipeline.cli.main; print([name for name in {heavy.split()} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_lists_every_command():
    result = CliRunner().invoke(app, ["--help"])
    assert result.exit_code == 0
    assert all(name in result.stdout for name in (*COMMANDS, "airflow"))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_teaches_and_speaks_json(command):
    result = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200"})
    assert result.exit_code == 0
    assert "--json" in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [["nonsense"], ["status", "--nonsense"], ["feed"], ["rollback", "vacuum"], ["feed", "vacuum", "--faults", "2"]],
    ids=" ".join,
)
def test_wrong_use_is_exit_code_2(arguments):
    assert CliRunner().invoke(app, arguments).exit_code == 2


@pytest.mark.usefixtures("nowhere")
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["init", "nothing"], "PostgreSQL server expected"),
        (["feed", "nothing"], "Unknown process 'nothing'"),
        (["status", "nothing"], "Unknown process 'nothing'"),
        (["status", "vacuum", "--json"], "PostgreSQL server expected"),
        (["releases", "vacuum"], "PostgreSQL server expected"),
        (["promote", "vacuum"], "PostgreSQL server expected"),
        (["labels", "vacuum", "labels.txt"], "a file named .csv"),
        (["airflow", "setup"], "dq up airflow"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_our_errors_are_one_line_and_exit_code_1(arguments, expected):
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1
    assert expected in result.stderr
    assert "Traceback" not in result.output
    assert "hidden" not in result.output
    assert result.stdout == ""


@pytest.mark.usefixtures("nowhere")
def test_debug_shows_where_an_error_comes_from():
    result = CliRunner().invoke(app, ["--debug", "status", "nothing"])
    assert result.exit_code == 1
    assert type(result.exception).__name__ == "ConfigurationError"


@pytest.mark.usefixtures("nowhere")
def test_json_is_all_there_is_on_standard_output(tmp_path):
    out = tmp_path / "some.parquet"
    result = CliRunner().invoke(app, ["simulate", "vacuum", "--samples", "2", "--out", str(out), "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == {"process": "vacuum", "uri": str(out), "samples": 2, "rows": 2400}
    assert out.exists()
