"""From the sensor's firing to the committed range: the deployment of 50 pump-downs against a no-op DAG of its shape.

Both run in turn on one live stack of the benchmark's own: Kafka, PostgreSQL, MLflow, and Airflow with LocalExecutor.
The clock starts when `wait` ends in the triggerer and stops when the ledger commits, in the middle of `act`.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import psycopg2
import pyarrow.parquet as pq
import yaml

from benchmarks import noop
from dq_pipeline import local, process_file, steps
from dq_pipeline.demo.airflow_api import AirflowApi, create_pools
from dq_pipeline.recording import Recording, cut
from dq_pipeline.records import Outgoing
from dq_pipeline.settings import Settings
from dq_pipeline.simulate.vacuum import simulate, to_table
from dq_pipeline.wire.codec import encode
from dq_pipeline.wiring import World, open_world

ROOT = Path(__file__).resolve().parents[1]
NAME = "latency"
SAMPLES = 50
HISTORY = 120
GOAL = 2.0
WARM_UP = 2
_PATIENCE_S = 180.0


def measure(short: bool) -> list[dict[str, Any]]:
    """Median seconds of both, and their ratio."""
    rounds = 4 if short else 12
    recordings = simulate(HISTORY + (rounds + WARM_UP) * SAMPLES, np.random.default_rng(5))
    ours, against = [], []
    with _stack(recordings[:HISTORY]) as (world, airflow):
        for turn in range(rounds + WARM_UP):
            first = HISTORY + turn * SAMPLES
            seconds = _answer(world, airflow, recordings[first : first + SAMPLES])
            nothing = _nothing(airflow, str(world.settings.var / "airflow"), turn)
            if turn >= WARM_UP:
                ours.append(seconds)
                against.append(nothing)
    ratio = median(ours) / median(against)
    return [
        _row("deployment_latency/50 samples", median(ours), "s"),
        _row("deployment_latency/no-op DAG", median(against), "s"),
        {**_row("deployment_latency/ratio", ratio, "x"), "against": 1.0, "bar": GOAL, "holds": ratio <= GOAL},
    ]


def _row(name: str, value: float, unit: str) -> dict[str, Any]:
    return {"name": name, "value": round(value, 3), "unit": unit, "against": None, "bar": None, "holds": None}


@contextmanager
def _stack(history: list[Recording]) -> Iterator[tuple[World, AirflowApi]]:
    """A live stack of one process with a release in Production."""
    var = Path(tempfile.mkdtemp(prefix="dq-latency-"))
    var.chmod(0o755)  # PostgreSQL, which refuses root, must enter
    dags, processes = var / "dags", var / "processes"
    dags.mkdir()
    processes.mkdir()
    shutil.copy(ROOT / "dags" / "deployment.py", dags)
    (dags / "noop.py").write_text(noop.FILE)
    pq.write_table(to_table(history), var / "history.parquet")
    (processes / f"{NAME}.yaml").write_text(yaml.safe_dump(_process_file(var)))
    try:
        env = {
            "DQ_VAR": str(var),
            "DQ_PROCESS_DIR": str(processes),
            "DQ_CACHE_DIR": str(var / "cache"),
            "DQ_LAKE_URI": str(var / "lake"),
        }
        ends = local.up(["kafka", "postgres", "mlflow", "airflow"], var, env=env, dags=dags)
        settings = Settings.resolve(environ={**os.environ, **ends.environment(), **env})
        airflow = AirflowApi(ends.airflow_url, ends.airflow_user, ends.airflow_password)
        with open_world(settings) as world:
            world.ledger.migrate()
            world.stream.ensure_topics(world.process(NAME))
            create_pools(settings)
            _initialize(world)
            yield world, airflow
    finally:
        local.down(var)
        shutil.rmtree(var, ignore_errors=True)


def _process_file(var: Path) -> dict[str, Any]:
    """The vacuum process; the sensor fires when all messages of a round are there."""
    process = process_file.load(ROOT / "dags" / "processes" / "vacuum.yaml")
    data = process.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    data |= {"process": NAME, "history": {**data["history"], "uri": str(var / "history.parquet"), "samples": HISTORY}}
    data["stream"] = {
        "topic": f"{NAME}.samples",
        "labels_topic": f"{NAME}.labels",
        "min_samples": 2 * SAMPLES,
        "max_wait_s": 120,
        "horizon_wait_s": 120,
    }
    return data


def _initialize(world: World) -> None:
    planned = steps.plan(world, NAME, run="first")
    chunks = [steps.annotate(world, NAME, run="first", **chunk) for chunk in planned["chunks"]]
    steps.unify(world, NAME, run="first", chunks=chunks)
    key = steps.train(world, NAME, run="first")["key"]
    steps.stage(world, NAME, key=key)
    steps.promote(world, NAME, key=key)


def _answer(world: World, airflow: AirflowApi, recordings: list[Recording]) -> float:
    """Publish one round and wait until its run has ended."""
    process = world.process(NAME)
    dag = f"{NAME}_deployment"
    known = {run["dag_run_id"] for run in airflow.runs(dag) if run["state"] == "success"}
    messages = []
    for recording in recordings:
        for scope in ("horizon", "completion"):
            shown = cut(recording, process.sample.horizon_rows) if scope == "horizon" else recording
            key, value, headers = encode(shown, scope, process, "arrow")  # type: ignore[arg-type]
            messages.append(Outgoing(process.stream.topic, key, value, tuple(headers)))
    world.stream.publish(messages)
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        for run in airflow.runs(dag, 5):
            if run["state"] == "success" and run["dag_run_id"] not in known:
                committed = _newest_commit(world)
                return (committed - _fired_at(airflow, dag, run["dag_run_id"])).total_seconds()
        time.sleep(0.5)
    raise TimeoutError(f"{dag} did not answer {len(recordings)} samples in {_PATIENCE_S:.0f} s")


def _nothing(airflow: AirflowApi, home: str, turn: int) -> float:
    run = f"turn-{turn}"
    airflow.trigger(noop.DAG_ID, run)
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        if airflow.run_state(noop.DAG_ID, run) == "success":
            committed = datetime.fromisoformat(noop.committed_at(run, home).read_text())
            return (committed - _fired_at(airflow, noop.DAG_ID, run)).total_seconds()
        time.sleep(0.5)
    raise TimeoutError(f"the no-op DAG did not end in {_PATIENCE_S:.0f} s")


def _fired_at(airflow: AirflowApi, dag: str, run: str) -> datetime:
    ends = {task["task_id"]: task["end_date"] for task in airflow.tasks(dag, run)}
    return datetime.fromisoformat(ends["wait"])


def _newest_commit(world: World) -> datetime:
    connection = psycopg2.connect(world.settings.database_url.get_secret_value().replace("+psycopg2", ""))
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT max(committed_at) FROM dq.batches WHERE process = %s", (NAME,))
            (moment,) = cursor.fetchone() or (None,)
    finally:
        connection.close()
    if not isinstance(moment, datetime):
        raise TypeError(f"expected the time of a commit; found {moment!r}")
    return moment
