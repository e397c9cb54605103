"""What the demo asks of Airflow, through its REST API."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from dq_pipeline.errors import ConfigurationError, ServerError
from dq_pipeline.settings import Settings

_TIMEOUT_S = 60.0
_TRIES = 5


def create_pools(settings: Settings) -> list[str]:
    """Create the pools that the DAGs run in, by the plugin's own program; returns those that were missing.

    Raises
    ------
    ConfigurationError
        Airflow's address is not known, or it refuses.
    """
    if settings.airflow_url is None or settings.airflow_password is None:
        raise ConfigurationError(
            "Airflow's address and log-in expected: start it (`dq up airflow`) or set DQ_AIRFLOW_*."
        )
    root = Path(__file__).resolve().parents[2]
    path = os.pathsep.join(str(folder) for folder in (root, root / "plugins") if folder.is_dir())
    own = {
        "DQ_AIRFLOW_URL": settings.airflow_url,
        "DQ_AIRFLOW_USER": settings.airflow_user or "",
        "DQ_AIRFLOW_PASSWORD": settings.airflow_password.get_secret_value(),
        "PYTHONPATH": path,
    }
    command = [sys.executable, "-m", "dq_airflow.setup"]
    done = subprocess.run(command, env={**os.environ, **own}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ConfigurationError(f"Airflow's pools could not be created: {done.stderr.strip()[-1000:]}")
    created: list[str] = json.loads(done.stdout)["created"]
    return created


class AirflowApi:
    """A log-in, and the few requests the demo makes.

    Parameters
    ----------
    url
        Without a slash at its end.
    """

    def __init__(self, url: str, user: str, password: str) -> None:
        self._url, self._login = url, {"username": user, "password": password}
        self._token = ""

    def has(self, dag: str) -> bool:
        """Whether Airflow has read a DAG of that name."""
        return self._call("GET", f"/api/v2/dags/{_quoted(dag)}", missing=True) is not None

    def broken_files(self) -> dict[str, str]:
        """What is wrong with DAG files, by file."""
        found = self._call("GET", "/api/v2/importErrors") or {}
        return {row["filename"]: row["stack_trace"] for row in found.get("import_errors", ())}

    def pause(self, dag: str, paused: bool) -> None:
        """Stop a DAG from starting runs by itself, or let it."""
        self._call("PATCH", f"/api/v2/dags/{_quoted(dag)}", {"is_paused": paused})

    def trigger(self, dag: str, run: str, conf: dict[str, Any] | None = None) -> None:
        """Start a run of that id; the same id again starts nothing."""
        body = {"dag_run_id": run, "logical_date": None, "conf": conf or {}}
        self._call("POST", f"/api/v2/dags/{_quoted(dag)}/dagRuns", body, known=409)

    def run_state(self, dag: str, run: str) -> str:
        """State of a run: queued, running, success or failed."""
        found = self._call("GET", f"/api/v2/dags/{_quoted(dag)}/dagRuns/{_quoted(run)}") or {}
        return str(found.get("state"))

    def runs(self, dag: str, limit: int = 100) -> list[dict[str, Any]]:
        """The newest runs, newest first."""
        found = self._call("GET", f"/api/v2/dags/{_quoted(dag)}/dagRuns?order_by=-run_after&limit={limit}") or {}
        runs: list[dict[str, Any]] = found.get("dag_runs", [])
        return runs

    def tasks(self, dag: str, run: str) -> list[dict[str, Any]]:
        """The run's task instances: id, map index, state, start and end."""
        found = self._call("GET", f"/api/v2/dags/{_quoted(dag)}/dagRuns/{_quoted(run)}/taskInstances?limit=200") or {}
        instances: list[dict[str, Any]] = found.get("task_instances", [])
        return instances

    def _call(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, missing: bool = False, known: int = 0
    ) -> dict[str, Any] | None:
        """One request, with a log-in where it is needed; None where the answer is 404 (`missing`) or `known`."""
        for attempt in range(_TRIES):
            try:
                self._token = self._token or self._request("POST", "/auth/token", self._login, "")["access_token"]
                return self._request(method, path, body, self._token)
            except urllib.error.HTTPError as error:
                if (error.code == 404 and missing) or error.code == known:
                    return None
                detail = error.read(2000).decode(errors="replace")
                if error.code == 401:
                    self._token = ""
                elif error.code < 500:
                    raise ServerError(f"Airflow refuses {method} {path}: {error.code} {detail}") from None
                found = f"{error.code} {detail}"
            except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
                found = str(error)
            if attempt + 1 == _TRIES:
                break
        raise ServerError(f"Airflow does not answer {method} {self._url}{path}: {found}")

    def _request(self, method: str, path: str, body: dict[str, Any] | None, token: str) -> dict[str, Any]:
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as response:
            text = response.read()
        answer: dict[str, Any] = json.loads(text) if text else {}
        return answer


def _quoted(name: str) -> str:
    return urllib.parse.quote(name, safe="")
