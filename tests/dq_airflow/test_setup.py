from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from dq_airflow.pools import POOLS
from dq_airflow.setup import create_pools, main
from dq_pipeline.errors import ConfigurationError


class Airflow(ThreadingHTTPServer):
    """The two requests of Airflow's API that the setup makes."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.pools: dict[str, Any] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answers(BaseHTTPRequestHandler):
    server: Airflow

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/auth/token":
            good = body == {"username": "admin", "password": "right"}
            self._answer(201 if good else 401, {"access_token": "t"} if good else {"detail": "Invalid credentials"})
        elif self.headers.get("Authorization") != "Bearer t":
            self._answer(403, {})
        elif body["name"] in self.server.pools:
            self._answer(409, {})
        else:
            self.server.pools[body["name"]] = body
            self._answer(201, body)

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def airflow() -> Iterator[Airflow]:
    server = Airflow()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_creates_the_pools_once(airflow: Airflow) -> None:
    assert create_pools(airflow.url, "admin", "right") == list(POOLS)
    assert {name: pool["slots"] for name, pool in airflow.pools.items()} == {n: s for n, (s, _) in POOLS.items()}
    assert create_pools(airflow.url, "admin", "right") == []


def test_a_refused_log_in_says_so(airflow: Airflow) -> None:
    with pytest.raises(ConfigurationError, match=r"found 401 .*Invalid credentials"):
        create_pools(airflow.url, "admin", "wrong")


def test_no_airflow_says_where_it_was_expected() -> None:
    with pytest.raises(ConfigurationError, match=r"127\.0\.0\.1:1/auth/token: expected Airflow's API"):
        create_pools("http://127.0.0.1:1", "admin", "right")


def test_runs_as_a_program(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {"URL": airflow.url, "USER": "admin", "PASSWORD": "wrong"}.items():
        monkeypatch.setenv(f"DQ_AIRFLOW_{name}", value)
    with pytest.raises(SystemExit, match="found 401"):
        main()
    monkeypatch.setenv("DQ_AIRFLOW_PASSWORD", "right")
    main()
    assert json.loads(capsys.readouterr().out) == {"created": list(POOLS)}
