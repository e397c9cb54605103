"""What all DAGs of a process have in common."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from dq_airflow import callbacks
from dq_pipeline.process import Process

_START = datetime(2025, 1, 1, tzinfo=UTC)  # without one, Airflow schedules nothing; its value decides nothing


def common(process: Process, kind: str, doc: str | None) -> dict[str, Any]:
    """Arguments of the DAG `<process>_<kind>`: identity, owner, tags, retries and the failure callback."""
    return {
        "dag_id": f"{process.name}_{kind}",
        "description": f"{process.title}: {kind}",
        "doc_md": f"# {process.title}: {kind}\n\n{process.description}\n\n{doc or ''}",
        "tags": ["dq", kind, process.name, *process.tags],
        "start_date": _START,
        "catchup": False,
        "max_active_runs": 1,
        "default_args": {
            "owner": process.owner,
            "retries": 2,
            "retry_delay": timedelta(seconds=1),
            "retry_exponential_backoff": 2.0,
            "max_retry_delay": timedelta(minutes=1),
            "execution_timeout": timedelta(hours=6),
            "on_failure_callback": partial(callbacks.failed, process=process.name),
        },
    }
