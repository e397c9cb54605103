"""Create what the DAGs need in an Airflow installation, through its REST API. Safe to call again.

``python -m dq_airflow.setup`` takes Airflow's address and log-in from DQ_AIRFLOW_URL, DQ_AIRFLOW_USER and
DQ_AIRFLOW_PASSWORD, and prints what it created as JSON. It imports nothing of Airflow's, so it may run anywhere.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
from typing import Any

from dq_airflow.pools import POOLS
from dq_pipeline.errors import ConfigurationError

_TIMEOUT_S = 30.0


def create_pools(url: str, user: str, password: str) -> list[str]:
    """Create the pools that are not there yet; returns their names. Slots that a person changed are left alone.

    Raises
    ------
    ConfigurationError
        If Airflow refuses the log-in or the request, or does not answer.
    """
    token = _call(f"{url}/auth/token", {"username": user, "password": password}, None)["access_token"]
    created = []
    for name, (slots, description) in POOLS.items():
        pool = {"name": name, "slots": slots, "description": description, "include_deferred": False}
        if _call(f"{url}/api/v2/pools", pool, token, known=409):
            created.append(name)
    return created


def _call(url: str, body: dict[str, Any], token: str | None, *, known: int | None = None) -> dict[str, Any]:
    """POST; an answer with the status `known` is an empty one."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as response:
            answer: dict[str, Any] = json.load(response)
            return answer
    except urllib.error.HTTPError as error:
        if error.code == known:
            return {}
        detail = error.read(2000).decode(errors="replace")
        raise ConfigurationError(f"{url}: expected 201; found {error.code} {detail}") from None
    except (urllib.error.URLError, TimeoutError) as error:
        raise ConfigurationError(f"{url}: expected Airflow's API; found {error}") from None


def main() -> None:
    """`python -m dq_airflow.setup`: what `dq airflow setup` runs, for the library itself knows nothing of Airflow."""
    names = ("DQ_AIRFLOW_URL", "DQ_AIRFLOW_USER", "DQ_AIRFLOW_PASSWORD")
    try:
        created = create_pools(*(os.environ.get(name, "") for name in names))
    except ConfigurationError as error:
        sys.exit(str(error))
    sys.stdout.write(json.dumps({"created": created}) + "\n")


if __name__ == "__main__":
    main()
