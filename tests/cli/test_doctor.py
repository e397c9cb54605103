from __future__ import annotations

import json
import socket
import threading
import time
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from dq_pipeline.adapters import probes
from dq_pipeline.adapters.probes import Finding
from dq_pipeline.cli import doctor
from dq_pipeline.settings import Settings

PROCESSES = Path(__file__).parents[2] / "dags" / "processes"


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def environ(tmp_path) -> dict[str, str]:
    """Names nothing that is there, except a lake and the process files."""
    port = closed_port()
    return {
        "DQ_VAR": str(tmp_path),
        "DQ_PROCESS_DIR": str(PROCESSES),
        "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{port}",
        "DQ_DATABASE_URL": f"postgresql://dq:hidden@127.0.0.1:{port}/dq",
        "MLFLOW_TRACKING_URI": f"http://127.0.0.1:{port}",
        "DQ_AIRFLOW_URL": f"http://127.0.0.1:{port}",
    }


def invoke(monkeypatch, environ: dict[str, str], *arguments: str):
    for name in [*environ, "DQ_LAKE_URI", "DQ_DATA_DIR", "DQ_CACHE_DIR"]:
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    app = typer.Typer()
    doctor.register(app)
    return CliRunner().invoke(app, list(arguments))


def test_says_what_is_wrong_and_what_to_do(monkeypatch, environ):
    began = time.monotonic()
    result = invoke(monkeypatch, environ, "--json")
    assert time.monotonic() - began < 8
    assert result.exit_code == 1
    answer = json.loads(result.stdout)
    checks = {check["name"]: check for check in answer["checks"]}
    assert not answer["ok"]
    assert {name: check["status"] for name, check in checks.items()} == {
        "Kafka": "failed",
        "Topics": "failed",
        "PostgreSQL": "failed",
        "MLflow": "failed",
        "Lake": "ok",
        "Process files": "ok",
        "Airflow": "failed",
    }
    assert "dq up kafka" in checks["Kafka"]["advice"]
    assert "environment KAFKA_BOOTSTRAP_SERVERS" in checks["Kafka"]["advice"]
    assert "refused" in checks["PostgreSQL"]["found"]
    assert all(check["advice"] for check in checks.values() if check["status"] == "failed")
    assert "hidden" not in result.output


def test_the_table(monkeypatch, environ):
    result = invoke(monkeypatch, environ)
    assert result.exit_code == 1
    assert "Process files" in result.stdout


def test_wrong_settings_end_it(monkeypatch, environ):
    result = invoke(monkeypatch, environ | {"KAFKA_BOOTSTRAP_SERVERS": "broker"})
    assert result.exit_code == 1
    assert "kafka_bootstrap_servers (from environment KAFKA_BOOTSTRAP_SERVERS)" in result.output


def test_a_probe_that_hangs_or_breaks_is_a_finding(environ):
    hold = threading.Event()

    def hangs(settings: Settings) -> Finding:
        hold.wait(30)
        return Finding("ok", "late")

    def breaks(settings: Settings) -> Finding:
        raise RuntimeError("no such luck")

    checks = doctor.examine(
        Settings.resolve(environ=environ),
        {"hangs": hangs, "breaks": breaks, "works": lambda _: Finding("ok", "here")},
        limit_s=0.5,
    )
    hold.set()
    assert [(check.name, check.finding.status) for check in checks] == [
        ("hangs", "failed"),
        ("breaks", "failed"),
        ("works", "ok"),
    ]
    assert "no answer within 0.5 s" in checks[0].finding.found
    assert "no such luck" in checks[1].finding.found


def test_an_unwritable_lake_and_bad_process_files(tmp_path, environ):
    (tmp_path / "file").write_text("not a folder")
    (tmp_path / "processes").mkdir()
    settings = Settings.resolve(
        {"lake_uri": str(tmp_path / "file"), "process_dir": tmp_path / "processes"}, environ=environ
    )
    assert probes.lake(settings).status == "failed"
    assert "none in" in probes.process_files(settings).found
    (tmp_path / "processes" / "bad.yaml").write_text("process: bad\n")
    assert "bad.yaml" in probes.process_files(settings).found


def test_airflow_unknown_is_skipped(tmp_path, environ):
    del environ["DQ_AIRFLOW_URL"]
    assert probes.airflow(Settings.resolve(environ=environ)).status == "skipped"


@pytest.mark.integration
def test_servers_that_are_there(servers, database_url, environ):
    settings = Settings.resolve(
        environ=environ | {"KAFKA_BOOTSTRAP_SERVERS": servers.kafka, "DQ_DATABASE_URL": database_url}
    )
    assert probes.kafka(settings).status == "ok"
    assert probes.topics(settings).status in ("ok", "warning")
    assert "no ledger in it yet" in probes.postgres(settings).found
    from dq_pipeline.adapters.ledger import PostgresLedger

    ledger = PostgresLedger(database_url)
    ledger.migrate()
    ledger.close()
    found = probes.postgres(settings)
    assert found.status == "ok", found
    import psycopg2

    connection = psycopg2.connect(database_url.replace("+psycopg2", ""))
    with connection, connection.cursor() as cursor:
        cursor.execute("UPDATE dq.alembic_version SET version_num = 'older'")
    connection.close()
    assert "ledger schema older; this code needs" in probes.postgres(settings).found
