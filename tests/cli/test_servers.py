import json
import shutil
import tempfile
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from dq_pipeline.cli import servers


@pytest.fixture
def app() -> typer.Typer:
    application = typer.Typer()
    servers.register(application)
    return application


def test_an_unknown_server_is_one_line_and_a_failure(app: typer.Typer, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["up", "redis", "--var", str(tmp_path)])
    assert result.exit_code == 1
    assert "Unknown server 'redis'. Known: kafka, postgres, mlflow, airflow." in result.output


def test_down_where_nothing_runs_is_no_failure(app: typer.Typer, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["down", "--var", str(tmp_path)])
    assert result.exit_code == 0
    assert "Nothing was running." in result.output


@pytest.mark.integration
def test_up_prints_addresses_and_down_what_it_stopped(app: typer.Typer) -> None:
    root = Path(tempfile.mkdtemp(prefix="dq-cli-"))
    root.chmod(0o755)
    var = ["--var", str(root / "var"), "--json"]
    try:
        started = CliRunner().invoke(app, ["up", "postgres", *var])
        assert started.exit_code == 0, started.output
        assert json.loads(started.stdout)["database_url"].startswith("postgresql+psycopg2://dq:")
        again = CliRunner().invoke(app, ["up", "postgres", *var])
        assert json.loads(again.stdout) == json.loads(started.stdout)
    finally:
        stopped = CliRunner().invoke(app, ["down", *var])
        shutil.rmtree(root)
    assert json.loads(stopped.stdout)["stopped"] == ["postgres"]
