from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowNotFoundException

from dq_airflow import hooks
from dq_pipeline import wiring
from dq_pipeline.settings import Settings

KAFKA = Connection(
    conn_id="dq_kafka",
    conn_type="kafka",
    login="dq",
    password="secret",
    extra='{"bootstrap.servers": "a:9093,b:9093", "security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN"}',
)
DATABASE = Connection(
    conn_id="dq_database", conn_type="postgres", host="db", port=5433, login="dq", password="p@ss", schema="dq"
)
MLFLOW = Connection(conn_id="dq_mlflow", conn_type="http", host="mlflow", port=5000)
LAKE = Connection(conn_id="dq_lake", conn_type="aws", extra='{"uri": "s3://bucket/dq"}')


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> dict[str, Connection]:
    found = {"dq_kafka": KAFKA, "dq_database": DATABASE, "dq_mlflow": MLFLOW, "dq_lake": LAKE}

    def get(conn_id: str) -> Any:
        if conn_id not in found:
            raise AirflowNotFoundException(conn_id)
        return found[conn_id]

    monkeypatch.setattr(Connection, "get", staticmethod(get))
    monkeypatch.setenv("DQ_PROCESS_DIR", "/processes")
    return found


def test_connections_become_settings(known: dict[str, Connection]) -> None:
    settings = Settings.resolve(environ={}, connections=hooks.connections({}))
    assert settings.kafka_security == {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "PLAIN",
        "sasl_plain_username": "dq",
        "sasl_plain_password": "secret",
    }
    assert settings.kafka_bootstrap_servers == "a:9093,b:9093"
    assert settings.database_url.get_secret_value() == "postgresql+psycopg2://dq:p%40ss@db:5433/dq"
    assert settings.mlflow_tracking_uri == "http://mlflow:5000"
    assert settings.lake_uri == "s3://bucket/dq"
    assert settings.process_dir == Path("/processes")
    assert settings.source("lake_uri").startswith("Airflow Connection")


def test_no_connections_leave_the_defaults(known: dict[str, Connection]) -> None:
    known.clear()
    assert Settings.resolve(environ={}, connections=hooks.connections({})).kafka_bootstrap_servers == "localhost:9092"


def test_a_password_is_not_taken_to_a_server_that_the_environment_names(known: dict[str, Connection]) -> None:
    environ = {"KAFKA_BOOTSTRAP_SERVERS": "elsewhere:9092", "DQ_DATABASE_URL": "postgresql://other/dq"}
    settings = Settings.resolve(environ=environ, connections=hooks.connections(environ))
    assert settings.kafka_bootstrap_servers == "elsewhere:9092"
    assert settings.kafka_sasl_password is None
    assert settings.database_url.get_secret_value() == "postgresql+psycopg2://other/dq"


@pytest.mark.parametrize(
    ("connection", "brokers"),
    [
        (Connection(conn_id="k", conn_type="kafka", host="broker", port=9092), "broker:9092"),
        (Connection(conn_id="k", conn_type="kafka", host="a:1,b:2", port=9092), "a:1,b:2"),
    ],
)
def test_brokers_may_be_the_host(connection: Connection, brokers: str) -> None:
    assert hooks.kafka(connection)["kafka_bootstrap_servers"] == brokers


@pytest.mark.parametrize(
    ("connection", "uri"),
    [
        (Connection(conn_id="m", conn_type="http", host="https://mlflow.example"), "https://mlflow.example"),
        (Connection(conn_id="m", conn_type="http", host="mlflow", schema="https"), "https://mlflow"),
    ],
)
def test_mlflow_may_be_a_whole_address(connection: Connection, uri: str) -> None:
    assert hooks.mlflow(connection) == {"mlflow_tracking_uri": uri}


def test_an_address_of_people_is_a_connections_password(known: dict[str, Connection]) -> None:
    known["dq_alerts_chat"] = Connection(conn_id="dq_alerts_chat", conn_type="generic", password="json://host")
    known["dq_alerts_bare"] = Connection(conn_id="dq_alerts_bare", conn_type="generic", host="json://host")
    assert hooks.alert_address("chat") == "json://host"
    assert hooks.alert_address("bare") == hooks.alert_address("unknown") == ""


def test_notices_are_heard_and_passed_on(
    known: dict[str, Connection], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dq_pipeline.records import Notice

    told: list[Notice] = []
    notice = Notice("vacuum", "warning", "2 offsets were lost", "partition 0")
    kept: list[Notice] = []
    ledger = SimpleNamespace(add_notice=lambda notice, _: kept.append(notice), close=lambda: None)
    monkeypatch.setattr(wiring, "_ledger", lambda _: ledger)
    with caplog.at_level("INFO"), hooks.open_world(told) as world:
        world.notifier.notify(notice)
    assert told == kept == [notice]
    assert "2 offsets were lost" in caplog.text
