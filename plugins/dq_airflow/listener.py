"""Imports what tasks need in the scheduler, before LocalExecutor forks its workers: each task is born with it."""

from __future__ import annotations

import importlib
import logging
import sys
import time

from airflow.listeners import hookimpl

log = logging.getLogger(__name__)

PRELOAD = (
    "airflow.sdk.execution_time.task_runner",
    "numpy",
    "pandas",
    "xgboost",
    "sqlalchemy.dialects.postgresql",
    "psycopg2.extras",
    "pyarrow.pandas_compat",
    "dq_pipeline.wiring",
    "dq_pipeline.adapters.kafka",
    "dq_pipeline.adapters.lake",
    "dq_pipeline.adapters.ledger",
    "dq_pipeline.adapters.mlflow_registry",
    "mlflow.tracking.request_header.registry",
    "dq_pipeline.steps",
    "dq_airflow.tasks",
    "dq_airflow.sensors",
)


@hookimpl
def on_starting(component: object) -> None:  # noqa: ARG001 - the hook's own name for it
    """Preload in the scheduler alone; `component` cannot be asked, for its job type is not set yet."""
    if "scheduler" not in sys.argv[1:2] or all(name in sys.modules for name in PRELOAD):  # tasks ask again
        return
    began = time.monotonic()
    for name in PRELOAD:
        try:
            importlib.import_module(name)
        except ImportError:
            log.exception("Could not preload %s; tasks that need it will say the same", name)
    _compile()
    log.info("Preloaded %d modules for tasks in %.1f s", len(PRELOAD), time.monotonic() - began)


def _compile() -> None:
    """Call one compiled function: the first call in a process sets Numba itself up, a third of a second."""
    import numpy as np

    from dq_pipeline.quality.distance import jensen_shannon

    jensen_shannon(np.ones((1, 1, 1, 2)), np.ones((1, 1, 2)))
