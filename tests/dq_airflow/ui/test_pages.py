"""Every route asks who is there, and every write who may; what is confirmed is what was shown. Airflow is played."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from airflow.api_fastapi.core_api.security import get_user
from airflow.exceptions import DagNotFound, DagRunAlreadyExists
from fastapi import FastAPI, HTTPException, Request

from dq_airflow.ui import access, app, confirming, opened, process, releases, rendering, runbooks, running
from dq_pipeline import steps
from dq_pipeline.errors import StateError
from dq_pipeline.process import PAGES, Process
from tests.integration.conftest import process_file

Ask = Callable[..., httpx.Response]
ROUTES = [(route.path, method) for route in app.make_app().routes for method in route.methods]  # type: ignore[attr-defined]
WRITES = [path for path, method in ROUTES if method == "POST"]
READS = [path for path, method in ROUTES if method == "GET" and path != "/metrics"]  # which has a token of its own
ROLLBACK = "/dq/api/pump/rollback"
FILLED = {"process": "pump", "review": 3, "number": 3, "batch_id": "b1", "name": "calibration"}


class World:
    """Stands for the world: release 2 answers, and answered after release 1."""

    ledger = SimpleNamespace(production=lambda _: SimpleNamespace(version="2"))

    def process(self, name: str) -> Process:
        return Process.model_validate(process_file(name))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Which rights on which DAG were asked for."""
    heard: list[tuple[str, str]] = []

    def rights(method: str, access_entity: Any = None, param_dag_id: str | None = None) -> Any:
        def inner(_: Request, user: Any) -> None:
            heard.append((method, str(param_dag_id)))
            if method != "GET" and user.get_name() == "viewer":
                raise HTTPException(403, "Forbidden")
            if method == "POST" and user.get_name() == "bert":
                raise HTTPException(403, "Forbidden")

        return inner

    monkeypatch.setattr(access, "requires_access_dag", rights)
    monkeypatch.setattr(running, "requires_access_dag", rights)
    return heard


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: list[tuple[str, str]]) -> Ask:
    """One request to the app under /dq of another one; `X-User` says who is logged in."""
    (tmp_path / "pump.yaml").touch()
    monkeypatch.setenv("DQ_PROCESS_DIR", str(tmp_path))

    async def user(request: Request) -> Any:
        if "X-User" not in request.headers:
            raise HTTPException(401, "Not authenticated")
        return SimpleNamespace(get_name=lambda: request.headers["X-User"])

    @contextmanager
    def world() -> Iterator[Any]:
        yield World()

    sub = app.make_app(opened.Opened(world))
    sub.dependency_overrides[get_user] = user
    root = FastAPI()
    root.mount("/dq", sub)

    def request(path: str, who: str | None = None, body: Any = None, **headers: str) -> httpx.Response:
        sent = {"Authorization": "Bearer x", "Content-Type": "application/json"} | ({"X-User": who} if who else {})
        content = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()

        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(root, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
                method = "GET" if body is None else "POST"
                return await client.request(method, path, headers=sent | headers, content=content)

        return asyncio.run(send())

    return request


def at(path: str) -> str:
    return f"/dq{path.format(**FILLED)}"


@pytest.mark.parametrize("path", READS)
def test_reading_takes_a_log_in(ask: Ask, path: str) -> None:
    assert ask(at(path)).status_code == 401


@pytest.mark.parametrize("path", WRITES)
def test_writing_takes_the_right_to_and_no_other_site(ask: Ask, path: str, asked: list[tuple[str, str]]) -> None:
    assert ask(at(path), None, {}).status_code == 401
    assert ask(at(path), "viewer", {}).status_code == 403
    assert asked[-1][1] == "pump_deployment"
    elsewhere = {"Authorization": "", "Sec-Fetch-Site": "cross-site"}
    assert ask(at(path), "anna", {}, **elsewhere).status_code == 403
    for raw in (b"", b"{broken", b"[]", b'{"unknown": 1}', b"[" * 20_000, b"\xff\xfe"):
        assert ask(at(path), "anna", raw).status_code == 422, raw


@pytest.mark.parametrize("path", [path for path in READS if "{process}" in path])
def test_a_page_asks_for_the_right_to_its_process(ask: Ask, path: str, asked: list[tuple[str, str]]) -> None:
    gone = at(path).replace("pump", "nothing", 1)
    assert ask(gone, "anna").status_code == 404
    assert asked == [("GET", "nothing_deployment")]


def test_every_page_of_a_process_is_in_the_navigation() -> None:
    pages = {path.removeprefix("/{process}").lstrip("/") for path in READS if path.startswith("/{process}")}
    assert {page for page in pages if "/" not in page and page != "sample"} == set(rendering.PLACES)


# --- confirmation


def person(name: str) -> Any:
    return SimpleNamespace(get_name=lambda: name)


def test_a_token_stands_for_one_page_of_one_person() -> None:
    token = confirming.issue(person("anna"), "pump", "close", 3, now=lambda: 1000.0)
    name = confirming.check(token, person("anna"), "pump", "close", 3, now=lambda: 2000.0)
    assert name == confirming.check(token, person("anna"), "pump", "close", 3, now=lambda: 3000.0)
    wrong: list[tuple[str, str, str, str, Any, float]] = [
        (token, "bert", "pump", "close", 3, 2000.0),
        (token, "anna", "press", "close", 3, 2000.0),
        (token, "anna", "pump", "rollback", 3, 2000.0),
        (token, "anna", "pump", "close", 4, 2000.0),
        (token, "anna", "pump", "close", 3, 1001.0 + confirming.HOLDS_S),
        (token.replace(".1000.", ".9000."), "anna", "pump", "close", 3, 2000.0),
        ("made.up.token", "anna", "pump", "close", 3, 2000.0),
        ("ünïcode", "anna", "pump", "close", 3, 2000.0),
    ]
    for given, who, of, action, standing, now in wrong:
        with pytest.raises(HTTPException) as refused:
            confirming.check(given, person(who), of, action, standing, now=lambda at=now: at)  # type: ignore[misc]
        assert refused.value.status_code == 409


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """DAG runs that were asked for."""
    heard: list[dict[str, Any]] = []

    def trigger(**given: Any) -> None:
        if given["run_id"] in [run["run_id"] for run in heard]:
            raise DagRunAlreadyExists(SimpleNamespace(dag_id=given["dag_id"], run_id=given["run_id"]))  # type: ignore[arg-type]
        heard.append(given)

    monkeypatch.setattr(running, "trigger_dag", trigger)
    monkeypatch.setattr(running.DagModel, "get_current", lambda _: SimpleNamespace(is_paused=False))
    monkeypatch.setattr(steps, "restorable", lambda *_: None)
    return heard


def back(who: str, over: str = "2", **more: Any) -> dict[str, Any]:
    token = confirming.issue(person(who), "pump", "rollback", over)
    return {"version": "1", "why": "worse on the new material", "token": token} | more


def test_a_rollback_is_asked_of_its_dag_once(ask: Ask, runs: list[dict[str, Any]]) -> None:
    said = back("anna")
    first, second = (ask(ROLLBACK, "anna", said).json() for _ in range(2))
    assert (first["new"], second["new"]) == (True, False)
    (run,) = runs
    assert run["dag_id"] == "pump_rollback"
    assert run["conf"] == {"version": "1", "reason": "worse on the new material"}
    assert run["triggering_user_name"] == "anna"
    assert first["page"] == f"/dags/pump_rollback/runs/{run['run_id']}"


def test_what_is_no_way_back_is_refused(ask: Ask, runs: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask(ROLLBACK, "bert", back("bert")).status_code == 403, "who may not run pump_rollback"
    assert ask(ROLLBACK, "anna", back("anna", over="1")).status_code == 409, "another release answers by now"
    for wrong in ({"version": "1; DROP"}, {"version": 1}, {"why": "bad"}, {"why": " " * 9}, {"why": "x" * 1001}):
        assert ask(ROLLBACK, "anna", back("anna", **wrong)).status_code == 422, wrong

    def none(*_: Any) -> None:
        raise StateError("never was in Production")

    monkeypatch.setattr(steps, "restorable", none)
    assert ask(ROLLBACK, "anna", back("anna")).status_code == 409
    monkeypatch.setattr(steps, "restorable", lambda *_: None)

    def unknown(**_: Any) -> None:
        raise DagNotFound("no such DAG")

    monkeypatch.setattr(running, "trigger_dag", unknown)
    assert "parsed" in ask(ROLLBACK, "anna", back("anna")).json()["detail"]
    assert runs == []


def test_the_page_takes_the_reasons_that_the_dag_takes() -> None:
    text = (Path(__file__).resolve().parents[3] / "dags/rollback.py").read_text(encoding="utf-8")
    assert f"minLength={releases.FEWEST}, maxLength={releases.MOST}" in text


# --- what is drawn


def series(n: int) -> list[dict[str, Any]]:
    point = {"start": "2026-03-01T12:00:00+00:00", "batch": "b", "threshold": 0.3, "drift_threshold": None}
    held = {"offline_error": 0.1, "expected_error": None, "latency_s": None, "trailing_error": 0.2, "statistic": 1.5}
    return [point | held | {"sample": i, "unified": i % 7 / 10} for i in range(n)]


def test_a_chart_holds_no_more_than_a_screen_shows() -> None:
    found = {"series": series(5000), "marks": [], "error_is": "error", "detector": "window"}
    charts = {chart["id"]: chart for chart in process.charts(found)}
    assert len(charts["scores"]["points"]["y"]) <= process.MOST_POINTS
    assert {0.0, 0.6} <= set(charts["scores"]["points"]["y"]), "extremes are kept"
    assert charts["drift"]["lines"] == []
    assert [line["name"] for line in charts["error"]["lines"]] == ["when the release was evaluated"]
    assert charts["latency"]["points"]["y"] == []
    assert charts["latency"]["words"] == "nothing is known yet"
    assert process.p_value(found) == pytest.approx(0.2231, rel=1e-3)
    assert process.p_value(found | {"detector": "sequential"}) is None


def test_a_runbook_leads_to_runbooks_alone_and_runs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "other.md").touch()
    text = (
        "# Hot\n<script>x</script> [a](other.md#b) [c](../secret.md) [d](javascript:x) [e](https://elsewhere.example)"
    )
    (tmp_path / "hot.md").write_text(text)
    monkeypatch.setattr(runbooks, "FOLDER", tmp_path)
    found = runbooks.rendered("hot")
    assert found is not None
    assert "<script" not in found
    assert found.count("<a ") == 1
    assert 'href="{root}/about/runbooks/other"' in found
    assert "javascript" not in found.replace("[d](javascript:x)", "")
    assert runbooks.rendered("../hot") is runbooks.rendered("cold") is None


def test_no_process_takes_the_name_of_a_page() -> None:
    first = {path.split("/")[1] for path, _ in ROUTES if path.count("/") and not path.startswith("/{")} - {""}
    assert first == PAGES
    for name in PAGES:
        with pytest.raises(ValueError, match="which are pages"):
            Process.model_validate(process_file(name))
