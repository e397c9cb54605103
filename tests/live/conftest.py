"""One live platform for all tests of this folder: started at the first of them, stopped with the session's servers."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from dq_airflow.setup import create_pools
from dq_pipeline import local
from dq_pipeline.local import Endpoints
from dq_pipeline.local.record import Record
from dq_pipeline.simulate.vacuum import to_table
from dq_pipeline.wiring import open_world
from tests.integration.conftest import recordings, settings

from .platform import Airflow, Line, Platform, Trap, until, write_process

HERE = Path(__file__).parent
LINES = {
    # its release is to stay, whatever chance makes of a hundred recordings of no drift
    "pump": {"drift": {"policy": "static"}, "alarm": {"limit": 4.0}},
    # a rollback is to give its answers again bit for bit, and their intervals too
    "drifting": {"drift": {"false_alarms_per_1000": 0.05}, "model": {"recalibrate": False}},
    "beside": {},
    "faulty": {},
    "drilled": {"drift": {"false_alarms_per_1000": 0.05}, "drill": {"samples": 50}},
    "idle": {},
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Last, so that an idle Airflow slows no other test."""
    items.sort(key=lambda item: item.path.is_relative_to(HERE))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """What tasks said last, where a test failed."""
    report = yield
    platform = getattr(item, "funcargs", {}).get("platform")
    if report.failed and platform is not None:
        report.sections.append(("What the newest tasks logged", platform.last_words()))
    return report


@pytest.fixture(scope="session")
def names() -> dict[str, str]:
    """The processes' names; a broker of the caller's own may know those of an earlier session."""
    return {kind: f"{kind}{secrets.token_hex(3)}" for kind in LINES}


@pytest.fixture(scope="session")
def platform(mlflow_server: Endpoints, names: dict[str, str]) -> Iterator[Platform]:
    """Apache Kafka, PostgreSQL, MLflow and Airflow with the project's own DAGs and three small processes."""
    var = mlflow_server.var
    processes, config = var / "processes", var / "airflow" / "config"
    processes.mkdir()
    config.mkdir(parents=True)
    shutil.copy(HERE / "airflow_local_settings.py", config)
    history = var / "history.parquet"
    pq.write_table(to_table(recordings(220, np.random.default_rng(7)), target_column="yield_rate"), history)
    for kind, name in names.items():
        write_process(processes, name, history, **LINES[kind])
    own = settings(mlflow_server, mlflow_server.database_url, var, var / "cache")
    with open_world(own) as world:
        world.ledger.migrate()
        for name in names.values():
            world.stream.ensure_topics(world.process(name))
        environment = {"DQ_PROCESS_DIR": str(processes), "DQ_LAKE_URI": own.lake_uri}
        endpoints = local.up(["kafka", "postgres", "mlflow", "airflow"], var, env=environment)
        create_pools(endpoints.airflow_url, endpoints.airflow_user, endpoints.airflow_password)
        airflow = Airflow(endpoints.airflow_url, endpoints.airflow_user, endpoints.airflow_password)
        viewer = Airflow(endpoints.airflow_url, "viewer", Record.load(var).viewer_password)
        for name in names.values():
            for kind in ("adaptation", "feedback", "deployment"):
                until(lambda dag=f"{name}_{kind}": airflow.has(dag), f"{name}'s DAGs")
        yield Platform(endpoints, world, airflow, viewer, Trap(config))


@dataclass(frozen=True)
class Initialized:
    """A process after its initialization through Airflow, before its first message."""

    line: Line
    run: str
    in_ledger: list[tuple[str, str]]
    in_registry: list[tuple[str, str]]


@pytest.fixture(scope="session")
def initialized(platform: Platform, names: dict[str, str]) -> Initialized:
    """The pump; what its later messages lead to depends on the order of the tests."""
    line = platform.line(names["pump"])
    dag, run = f"{line.process}_initialization", "first"
    until(lambda: platform.airflow.has(dag), dag)
    platform.airflow.trigger(dag, run, {"chunk": 110})
    state = platform.airflow.ended(dag, run, 180)
    assert state == "success", platform.last_words()
    return Initialized(
        line,
        run,
        [(row.version, row.stage) for row in platform.world.ledger.releases(line.process)],
        [(found.version, found.stage) for found in platform.world.registry.versions(line.process)],
    )


@pytest.fixture
def pump(platform: Platform, initialized: Initialized) -> Iterator[Line]:
    """The pump in production, at rest before and after the test."""
    line = initialized.line
    until(line.at_rest, "the pump at rest")
    yield line
    platform.trap.let_go()
    until(line.at_rest, "the pump at rest after the test")
    platform.trap.clear()


@pytest.fixture(scope="session")
def drifting(platform: Platform, names: dict[str, str]) -> Line:
    """A process with a release, whose stream will drift."""
    line = platform.line(names["drifting"])
    line.initialize()
    return line
