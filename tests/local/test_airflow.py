"""The local Airflow, live: who may log in, what a task sees, and how quickly it all goes."""

import json
import shutil
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from dq_pipeline.local import Endpoints, down, orphans, status, up
from dq_pipeline.local.record import Record

pytestmark = pytest.mark.live

DAG = """
import os
from airflow.sdk import dag, task

@dag(schedule=None)
def probe():
    @task
    def look():
        import dq_pipeline
        names = ("DQ_DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS", "MLFLOW_TRACKING_URI", "DQ_LAKE_URI", "DQ_PROCESS_DIR",
                 "DQ_VAR", "DQ_PROBE", "PYTHONDONTWRITEBYTECODE")
        return {name: os.environ.get(name) for name in names}
    look()

probe()
"""


@pytest.fixture(scope="module")
def platform() -> Iterator[Endpoints]:
    root = Path(tempfile.mkdtemp(prefix="dq live "))
    root.chmod(0o755)
    (root / "dags").mkdir()
    (root / "dags" / "probe.py").write_text(DAG)
    yield up(["airflow"], root / "var", dags=root / "dags", env={"DQ_PROBE": "seen", "PYTHONDONTWRITEBYTECODE": "1"})
    began = time.monotonic()
    down(root / "var")
    assert time.monotonic() - began < 15
    assert orphans.find(Record.load(root / "var")) == []
    shutil.rmtree(root)


def call(endpoints: Endpoints, path: str, body: dict[str, Any] | None = None, token: str | None = None) -> Any:
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(
        urllib.request.Request(endpoints.airflow_url + path, data, headers), timeout=30
    ) as answer:
        return json.load(answer)


def log_in(endpoints: Endpoints, user: str, password: str) -> str:
    return str(call(endpoints, "/auth/token", {"username": user, "password": password})["access_token"])


def test_a_task_finds_the_servers(platform: Endpoints) -> None:
    token = log_in(platform, platform.airflow_user, platform.airflow_password)
    deadline = time.monotonic() + 60
    while True:
        try:
            run = call(platform, "/api/v2/dags/probe/dagRuns", {"logical_date": None}, token)["dag_run_id"]
            break
        except urllib.error.HTTPError as error:  # not parsed yet
            if error.code != 404 or time.monotonic() > deadline:
                raise
            time.sleep(0.5)
    address = f"/api/v2/dags/probe/dagRuns/{run}"
    while (state := call(platform, address, token=token)["state"]) in ("queued", "running"):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert state == "success"
    result = f"{address}/taskInstances/look/xcomEntries/return_value?deserialize=true"
    found = call(platform, result, token=token)["value"]
    assert found["DQ_DATABASE_URL"] == platform.database_url
    assert found["DQ_PROCESS_DIR"] == str(platform.process_dir)
    assert found["DQ_VAR"] == str(platform.var)
    assert found["DQ_PROBE"] == "seen"
    assert found["PYTHONDONTWRITEBYTECODE"] is None
    assert found["KAFKA_BOOTSTRAP_SERVERS"]


def test_a_viewer_may_look_and_not_act(platform: Endpoints) -> None:
    token = log_in(platform, "viewer", Record.load(platform.var).viewer_password)
    assert "dags" in call(platform, "/api/v2/dags", token=token)
    with pytest.raises(urllib.error.HTTPError, match="403"):
        call(platform, "/api/v2/dags/probe/dagRuns", {"logical_date": None}, token)


def test_a_killed_component_is_back_and_the_others_were_left_alone(platform: Endpoints) -> None:
    before = {program.name: program.pid for program in status(platform.var)}
    psutil.Process(before["airflow-scheduler"]).kill()
    env = {"DQ_PROBE": "seen"}
    assert up(["airflow"], platform.var, dags=platform.dags, env=env) == platform
    after = {program.name: program.pid for program in status(platform.var)}
    assert after["airflow-scheduler"] != before["airflow-scheduler"]
    assert after["airflow-api-server"] == before["airflow-api-server"]
