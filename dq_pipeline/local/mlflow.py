"""The MLflow server: runs and models in PostgreSQL, artifacts in `var`."""

from __future__ import annotations

import http.client
import sys

from dq_pipeline.local.addresses import HOST
from dq_pipeline.local.context import Context
from dq_pipeline.local.supervisor import Program, Slot

SLOT = Slot("mlflow")


def program(context: Context) -> Program:
    """How to run the tracking server and registry; one worker and no job runners (2 processes instead of 15)."""
    port = context.record.ports["mlflow"]
    artifacts = context.var / "mlflow" / "artifacts"
    artifacts.mkdir(parents=True, exist_ok=True)
    return Program(
        name="mlflow",
        argv=(sys.executable, "-P", "-m", "mlflow", "server", "--host", HOST, "--port", str(port), "--workers", "1"),
        environment={
            "MLFLOW_BACKEND_STORE_URI": context.database_url("mlflow"),  # not an argument: it holds a password
            "MLFLOW_ARTIFACTS_DESTINATION": str(artifacts),
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_DISABLE_TELEMETRY": "true",
        },
        ready=lambda _: responds(port, "/health"),
        ready_within_s=180.0,
    )


def responds(port: int, path: str) -> bool:
    """Whether the HTTP server on the loopback address answers `path` with 200."""
    connection = http.client.HTTPConnection(HOST, port, timeout=3)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
