from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from dq_pipeline.errors import ConfigurationError
from dq_pipeline.settings import Settings

FLAG = {"kafka_bootstrap_servers": "flag:1"}
ENVIRON = {"KAFKA_BOOTSTRAP_SERVERS": "environment:2"}
CONNECTION = {"kafka_bootstrap_servers": "connection:3"}


def resolve(tmp_path: Path, flags=None, environ=None, connections=None) -> Settings:
    return Settings.resolve({"var": tmp_path, **(flags or {})}, environ=environ or {}, connections=connections)


def local_stack(tmp_path: Path) -> None:
    (tmp_path / "endpoints.json").write_text(
        json.dumps(
            {
                "kafka": "127.0.0.1:4",
                "database_url": "postgresql+psycopg2://dq:hidden@127.0.0.1:5/dq",
                "mlflow_uri": "http://127.0.0.1:6",
                "airflow_url": "",
                "var": str(tmp_path),
                "dags": "/project/dags",
                "process_dir": "/project/dags/processes",
                "lake_uri": str(tmp_path / "the lake"),
            }
        )
    )


@pytest.mark.parametrize(
    ("flags", "environ", "connections", "stack", "expected", "source"),
    [
        (FLAG, ENVIRON, CONNECTION, True, "flag:1", "flag"),
        (None, ENVIRON, CONNECTION, True, "environment:2", "environment KAFKA_BOOTSTRAP_SERVERS"),
        (None, None, CONNECTION, True, "connection:3", "Airflow Connection"),
        (None, None, None, True, "127.0.0.1:4", "local servers"),
        (None, None, None, False, "localhost:9092", "default"),
    ],
)
def test_precedence(tmp_path, flags, environ, connections, stack, expected, source):
    if stack:
        local_stack(tmp_path)
    settings = resolve(tmp_path, flags, environ, connections)
    assert settings.kafka_bootstrap_servers == expected
    assert settings.source("kafka_bootstrap_servers").startswith(source)


def test_every_setting_has_its_variable(tmp_path):
    settings = resolve(
        tmp_path,
        environ={
            "DQ_DATABASE_URL": "postgres://u:p@h:1/d",
            "MLFLOW_TRACKING_URI": "http://shared:1",
            "DQ_MLFLOW_TRACKING_URI": "http://ours:1",
            "DQ_LAKE_URI": "s3://bucket/prefix/",
            "DQ_DATA_DIR": "/data",
            "DQ_UNKNOWN": "left alone",
            "DQ_CACHE_DIR": " ",
        },
    )
    assert settings.database_url.get_secret_value() == "postgresql+psycopg2://u:p@h:1/d"
    assert settings.mlflow_tracking_uri == "http://ours:1"
    assert settings.cache_dir == tmp_path / "cache"
    assert settings.variables == {
        "DQ_DATA_DIR": "/data",
        "DQ_LAKE_URI": "s3://bucket/prefix",
        "DQ_VAR": str(tmp_path),
    }


def test_a_running_local_stack_names_its_process_files(tmp_path):
    local_stack(tmp_path)
    settings = resolve(tmp_path)
    assert settings.process_dir == Path("/project/dags/processes")
    assert settings.airflow_url is None
    assert settings.lake_uri == str(tmp_path / "the lake")


def test_paths_do_not_depend_on_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = Settings.resolve(environ={"DQ_LAKE_URI": "my lake"})
    assert settings.var == tmp_path / "var"
    assert settings.lake_uri == str(tmp_path / "my lake")
    assert settings.process_dir.is_absolute()


def test_passwords_are_not_shown(tmp_path):
    settings = resolve(
        tmp_path,
        {
            "database_url": "postgresql://dq:hidden@host/dq",
            "kafka_security_protocol": "SASL_SSL",
            "kafka_sasl_mechanism": "SCRAM-SHA-512",
            "kafka_sasl_username": "me",
            "kafka_sasl_password": "hidden",
            "airflow_password": "hidden",
        },
    )
    assert "hidden" not in repr(settings)
    assert "hidden" not in str(settings)
    assert "hidden" not in settings.model_dump_json()
    assert settings.kafka_security["sasl_plain_password"] == "hidden"
    assert settings.kafka_security["security_protocol"] == "SASL_SSL"


def test_every_wrong_setting_is_named_with_its_source_and_a_remedy(tmp_path):
    with pytest.raises(ConfigurationError) as caught:
        resolve(
            tmp_path,
            {"mlflow_tracking_uri": "nowhere"},
            {"KAFKA_BOOTSTRAP_SERVERS": "broker", "DQ_DATABASE_URL": "mysql://u:hidden@h/d"},
            {"kafka_security_protocol": "TLS"},
        )
    kafka, security, database, mlflow = str(caught.value).splitlines()
    assert kafka.startswith("kafka_bootstrap_servers (from environment KAFKA_BOOTSTRAP_SERVERS): expected host:port")
    assert "found 'broker'" in kafka
    assert "set KAFKA_BOOTSTRAP_SERVERS" in kafka
    assert "'SASL_SSL'" in security
    assert "Airflow Connection" in security
    assert database.startswith("database_url (from environment DQ_DATABASE_URL): expected postgresql")
    assert "flag mlflow_tracking_uri" in mlflow
    assert "hidden" not in str(caught.value)


def test_sasl_needs_its_credentials(tmp_path):
    with pytest.raises(ConfigurationError, match="DQ_KAFKA_SASL_USERNAME, DQ_KAFKA_SASL_PASSWORD"):
        resolve(tmp_path, {"kafka_security_protocol": "SASL_SSL", "kafka_sasl_mechanism": "PLAIN"})


def test_an_unknown_flag_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match=r"Unknown setting kafka_bootstrap\. Known: kafka_bootstrap_servers"):
        resolve(tmp_path, {"kafka_bootstrap": "x:1"})


def test_a_torn_address_file_is_named(tmp_path):
    (tmp_path / "endpoints.json").write_text('{"kafka": ')
    with pytest.raises(ConfigurationError, match=r"endpoints\.json.*dq up"):
        resolve(tmp_path)


def test_light_to_import():
    code = (
        "import sys, dq_pipeline.settings; "
        "print(sorted({'numpy', 'kafka', 'sqlalchemy', 'mlflow', 'fsspec'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert done.stdout.strip() == "[]"
