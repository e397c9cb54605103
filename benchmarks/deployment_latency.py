"""From the sensor's firing to the committed range: the deployment of 50 pump-downs against a no-op DAG of its shape.

Both run in turn on one live stack of the benchmark's own: Kafka, PostgreSQL, MLflow, and Airflow with LocalExecutor.
The clock starts when `wait` ends in the triggerer and stops when the ledger commits, in the middle of `act`.
"""

from __future__ import annotations

import time
from datetime import datetime
from statistics import median
from typing import Any

import numpy as np
import psycopg2

from benchmarks import noop
from benchmarks.stack import ROOT, messages, stack
from dq_pipeline.demo.airflow_api import AirflowApi, create_pools
from dq_pipeline.recording import Recording
from dq_pipeline.simulate.vacuum import simulate
from dq_pipeline.wiring import World

NAME = "latency"
SAMPLES = 50
HISTORY = 120
STREAM = {"min_samples": 2 * SAMPLES, "max_wait_s": 120, "horizon_wait_s": 120}
"""The sensor fires when all messages of a round are there."""
PARTS = ("kafka", "postgres", "mlflow", "airflow")
GOAL = 2.0
WARM_UP = 2
_PATIENCE_S = 180.0


def measure(short: bool) -> list[dict[str, Any]]:
    """Median seconds of both, and their ratio."""
    rounds = 4 if short else 12
    recordings = simulate(HISTORY + (rounds + WARM_UP) * SAMPLES, np.random.default_rng(5))
    ours, against = [], []
    dag_files = {"deployment.py": (ROOT / "dags" / "deployment.py").read_text("utf-8"), "noop.py": noop.FILE}
    with stack(NAME, recordings[:HISTORY], STREAM, PARTS, dag_files) as (world, ends):
        create_pools(world.settings)
        airflow = AirflowApi(ends.airflow_url, ends.airflow_user, ends.airflow_password)
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


def _answer(world: World, airflow: AirflowApi, recordings: list[Recording]) -> float:
    """Publish one round and wait until its run has ended."""
    dag = f"{NAME}_deployment"
    known = {run["dag_run_id"] for run in airflow.runs(dag) if run["state"] == "success"}
    world.stream.publish(messages(world, NAME, recordings))
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
