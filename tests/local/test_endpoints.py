from pathlib import Path

import pytest

from dq_pipeline.errors import ConfigurationError, ServerError
from dq_pipeline.local import Endpoints, down, status, up


def endpoints(var: Path) -> Endpoints:
    return Endpoints(
        "h:1", "postgresql+psycopg2://h/dq", "http://h:2", "", "", "", var, var / "dags", var / "processes", "lake"
    )


def test_a_second_process_reads_what_was_saved(tmp_path: Path) -> None:
    saved = endpoints(tmp_path)
    saved.save()
    assert Endpoints.load(tmp_path) == saved
    assert (tmp_path / "endpoints.json").stat().st_mode & 0o077 == 0


def test_only_what_is_up_is_in_the_environment(tmp_path: Path) -> None:
    environment = endpoints(tmp_path).environment()
    assert environment["KAFKA_BOOTSTRAP_SERVERS"] == "h:1"
    assert environment["DQ_PROCESS_DIR"] == str(tmp_path / "processes")
    assert "DQ_AIRFLOW_URL" not in environment


def test_without_servers_the_error_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ServerError, match="dq up"):
        Endpoints.load(tmp_path)


def test_down_and_status_of_an_untouched_folder_do_nothing(tmp_path: Path) -> None:
    down(tmp_path / "absent")
    assert status(tmp_path / "absent") == ()
    assert not (tmp_path / "absent").exists()


def test_an_unknown_part_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"'redis'.*kafka, postgres, mlflow, airflow"):
        up(["redis"], tmp_path / "var")
    assert not (tmp_path / "var").exists()
