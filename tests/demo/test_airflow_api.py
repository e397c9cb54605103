from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from dq_pipeline.demo.airflow_api import AirflowApi
from dq_pipeline.errors import ServerError


class Server(ThreadingHTTPServer):
    """Answers what it was told to, and remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, str, Any, str]] = []
        self.answers: dict[str, list[tuple[int, Any]]] = {}


class Handler(BaseHTTPRequestHandler):
    server: Server

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        self.server.asked.append((self.command, self.path, body, self.headers.get("Authorization", "")))
        queue = self.server.answers.get(self.path, [(200, {})])
        status, answer = queue.pop(0) if len(queue) > 1 else queue[0]
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    do_GET = do_POST = do_PATCH = _answer  # noqa: N815 - the names http.server looks for

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as served:
        served.answers["/auth/token"] = [(201, {"access_token": "t"})]
        thread = threading.Thread(target=served.serve_forever, args=(0.01,))
        thread.start()
        yield served
        served.shutdown()
        thread.join()


@pytest.fixture
def api(server: Server) -> AirflowApi:
    return AirflowApi(f"http://127.0.0.1:{server.server_port}", "admin", "secret")


def test_logs_in_once_and_triggers_without_a_date(server, api):
    api.trigger("p_initialization", "demo-1")
    api.pause("p_deployment", False)
    assert server.asked[0][2] == {"username": "admin", "password": "secret"}
    assert [(method, path) for method, path, _, _ in server.asked[1:]] == [
        ("POST", "/api/v2/dags/p_initialization/dagRuns"),
        ("PATCH", "/api/v2/dags/p_deployment"),
    ]
    assert server.asked[1][2] == {"dag_run_id": "demo-1", "logical_date": None, "conf": {}}
    assert server.asked[2][2:] == ({"is_paused": False}, "Bearer t")


def test_a_dag_that_is_not_there_yet_is_no_error_and_a_run_that_is_there_neither(server, api):
    server.answers["/api/v2/dags/p"] = [(404, {})]
    server.answers["/api/v2/dags/p/dagRuns"] = [(409, {})]
    assert not api.has("p")
    api.trigger("p", "again")


def test_a_refusal_says_why(server, api):
    server.answers["/api/v2/dags/p/dagRuns"] = [(400, {"detail": "no such parameter"})]
    with pytest.raises(ServerError, match="no such parameter"):
        api.trigger("p", "r")


def test_logs_in_again_when_the_token_ran_out_and_asks_again_when_the_server_stumbled(server, api):
    server.answers["/api/v2/dags/p/dagRuns/r"] = [(401, {}), (503, {}), (200, {"state": "running"})]
    assert api.run_state("p", "r") == "running"
    assert [path for _, path, _, _ in server.asked].count("/auth/token") == 2


def test_a_server_that_goes_on_failing_is_said(server, api):
    server.answers["/api/v2/dags/p/dagRuns/r"] = [(500, {"detail": "broken"})]
    with pytest.raises(ServerError, match="broken"):
        api.run_state("p", "r")
