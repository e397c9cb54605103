"""Airflow's four components on the local PostgreSQL, each a program of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import partial
from importlib.metadata import version
from pathlib import Path

import psycopg2

from dq_pipeline.errors import ServerError
from dq_pipeline.local.addresses import HOST
from dq_pipeline.local.context import Context, inherited
from dq_pipeline.local.mlflow import responds
from dq_pipeline.local.record import write_private
from dq_pipeline.local.supervisor import Program, Slot

SLOTS = (
    Slot("airflow-api-server", stop_wait_s=4),
    Slot("airflow-scheduler", stop_wait_s=4),
    Slot("airflow-dag-processor", stop_wait_s=4),
    Slot("airflow-triggerer", stop_wait_s=3),  # it ignores the first SIGTERM
)
_JOBS = {"scheduler": "SchedulerJob", "dag-processor": "DagProcessorJob", "triggerer": "TriggererJob"}

# What a laptop needs for quick runs and quick recovery; AIRFLOW__* of the caller comes before them.
_TUNING = {
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__PARALLELISM": "4",
    "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.1",
    "AIRFLOW__SCHEDULER__TRIGGER_TIMEOUT_CHECK_INTERVAL": "2",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "10",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
    "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "5",
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "5",
    "AIRFLOW__API__WORKERS": "1",
    # At its default of 5 about half the tasks hold their slot 5 s after they finished.
    "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
    "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
}


def programs(context: Context) -> list[Program]:
    """How to run the components; no log server, for every log is in `var`."""
    port = context.record.ports["airflow"]
    settings = environment(context)
    arguments = {
        "api-server": ("--host", HOST, "--port", str(port)),
        "scheduler": ("--skip-serve-logs",),
        "dag-processor": (),
        "triggerer": ("--skip-serve-logs",),
    }
    return [
        Program(
            name=f"airflow-{component}",
            argv=(sys.executable, "-P", "-m", "airflow", component, *options),
            environment=settings,
            ready=partial(_ready, context, component),
            ready_within_s=240.0,
        )
        for component, options in arguments.items()
    ]


def environment(context: Context) -> dict[str, str]:
    """The components' and tasks' variables: Airflow's settings, and where tasks find the other servers."""
    home, root = context.var / "airflow", Path(__file__).resolve().parents[2]
    own = {
        name: value
        for name, value in context.environment.items()
        if name.startswith(("AIRFLOW__", "DQ_")) and not name.startswith("DQ_AIRFLOW_")
    }
    return {
        **_TUNING,
        **own,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(context.dags),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(root / "plugins"),
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__FERNET_KEY": context.record.fernet_key,
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{context.airflow_url}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin,viewer:viewer",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": context.database_url("airflow"),
        "AIRFLOW__API__HOST": HOST,
        "AIRFLOW__API__PORT": str(context.record.ports["airflow"]),
        "AIRFLOW__API__BASE_URL": context.airflow_url,
        "AIRFLOW__API__SECRET_KEY": context.record.jwt_secret,
        "AIRFLOW__API_AUTH__JWT_SECRET": context.record.jwt_secret,
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
        "PYTHONPATH": f"{root}{os.pathsep}{root / 'plugins'}",  # this checkout's, whichever is installed
        "KAFKA_BOOTSTRAP_SERVERS": context.kafka,
        "MLFLOW_TRACKING_URI": context.mlflow_uri,
        "DQ_VAR": str(context.var),
        "DQ_DATABASE_URL": context.database_url("dq"),
        "DQ_LAKE_URI": context.lake_uri,
        "DQ_PROCESS_DIR": str(context.process_dir),
    }


def migrate(context: Context) -> None:
    """Create or upgrade Airflow's tables, and write the log-in; skipped when the database says it is at this version.

    The version is kept in the database itself (as its comment), so that it cannot outlive the tables.
    """
    home = context.var / "airflow"
    home.mkdir(exist_ok=True)
    passwords = {"admin": context.record.airflow_password, "viewer": context.record.viewer_password}
    write_private(home / "passwords.json", json.dumps(passwords) + "\n")
    current = f"apache-airflow {version('apache-airflow')}"
    connection = psycopg2.connect(context.database_url("airflow").replace("+psycopg2", ""))
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = 'airflow'")
            if cursor.fetchone() == (current,):
                return
            context.say("airflow: creating its tables")
            _run(context, "db", "migrate")
            cursor.execute("COMMENT ON DATABASE airflow IS %s", (current,))
    finally:
        connection.close()


def _run(context: Context, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "airflow", *arguments],
        cwd=context.var,
        env={**inherited(os.environ), **environment(context)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ServerError(f"`airflow {' '.join(arguments)}` failed:\n{(done.stdout + done.stderr)[-4000:]}")


def _ready(context: Context, component: str, started: float) -> bool:
    """Whether the component works since it started: the health page goes on saying so 30 s after a death."""
    if component == "api-server":
        return responds(context.record.ports["airflow"], "/api/v2/version")
    try:
        connection = psycopg2.connect(context.database_url("airflow").replace("+psycopg2", ""))
    except psycopg2.OperationalError:
        return False
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM job WHERE job_type = %s AND state = 'running' AND start_date >= to_timestamp(%s)",
                (_JOBS[component], started),
            )
            return cursor.fetchone() != (0,)
    finally:
        connection.close()
