"""The app by itself: who comes first, what is refused, what a client is told. Airflow's rights are played by a fake."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from airflow.api_fastapi.core_api.security import get_user
from fastapi import FastAPI, HTTPException, Request

from dq_airflow.ui import access, app, assets, labels, opened, reviews, telling
from dq_pipeline import steps
from dq_pipeline.errors import DataError, LedgerError, RegistryError, StateError
from dq_pipeline.wire.envelope import read_object, validate
from dq_pipeline.wire.request import messages_of

OPINION = {"action": "skip", "token": "t" * 8}
TAKEN = {"read": 1, "new": 1, "refused": []}
JUDGED = {"new": True, "state": "settled", "outcome": "accept"}
Ask = Callable[..., httpx.Response]


class World:
    """Stands for the world; steps are played too."""

    def process(self, name: str) -> Any:
        return SimpleNamespace(name=name, title="A pump", sensors={}, target=SimpleNamespace(classes=("good", "bad")))


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What was judged."""
    heard: list[dict[str, Any]] = []
    item = {"review": 3, "sample_id": "a", "kinds": ["reported"], "flags": [], "opinions": []}
    queue = {"waiting": 1, "settled": 0, "refused": 0, "items": [item]}
    monkeypatch.setattr(steps, "reviews", lambda *_, **__: queue)
    monkeypatch.setattr(steps, "waiting_for", lambda *_, **__: [3])
    monkeypatch.setattr(steps, "judge", lambda *_, **rest: heard.append(rest) or JUDGED)
    monkeypatch.setattr(steps, "add_labels", lambda _, __, rows, **rest: heard.append({"rows": rows, **rest}) or TAKEN)
    return heard


@pytest.fixture(autouse=True)
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What the DAGs heard; each time the news got lost on its way."""
    heard: list[tuple[str, str]] = []

    def announce(process: str, kind: str, _: Any) -> bool:
        heard.append((process, kind))
        raise RuntimeError("Airflow's database is away")

    monkeypatch.setattr(telling.assets, "announce", announce)
    return heard


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: list[dict[str, Any]]) -> FastAPI:
    """The app under /dq of another one, as Airflow mounts it; `X-User` says who is logged in."""
    (tmp_path / "pump.yaml").touch()
    monkeypatch.setenv("DQ_PROCESS_DIR", str(tmp_path))

    def rights(method: str, access_entity: Any = None, param_dag_id: str | None = None) -> Any:
        def inner(_: Request, user: Any) -> None:
            assert param_dag_id in ("pump_deployment", "nothing_deployment")
            if method != "GET" and user.get_name() == "viewer":
                raise HTTPException(403, "Forbidden")

        return inner

    async def user(request: Request) -> Any:
        if "X-User" not in request.headers:
            raise HTTPException(401, "Not authenticated")
        return SimpleNamespace(get_name=lambda: request.headers["X-User"])

    @contextmanager
    def world() -> Iterator[Any]:
        yield World()

    monkeypatch.setattr(access, "requires_access_dag", rights)
    sub = app.make_app(opened.Opened(world))
    sub.dependency_overrides[get_user] = user
    root = FastAPI()
    root.mount("/dq", sub)
    return root


@pytest.fixture
def ask(made: FastAPI) -> Ask:
    def request(path: str, who: str | None = None, body: Any = None, **options: Any) -> httpx.Response:
        headers = {"X-User": who} if who else {}
        headers |= {"Authorization": "Bearer x", "Content-Type": "application/json"} | options.pop("headers", {})
        if body is not None:
            options["content"] = body if isinstance(body, bytes) else json.dumps(body).encode()

        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(made, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
                return await client.request("GET" if body is None else "POST", path, headers=headers, **options)

        return asyncio.run(send())

    return request


def test_who_it_is_comes_before_what_is_asked(ask: Ask, said: list[dict[str, Any]]) -> None:
    path = "/dq/api/pump/reviews/3/opinions"
    for body in (OPINION, b"{broken", b" " * (access.MAX_BODY_BYTES + 1)):
        assert ask(path, None, body).status_code == 401
        assert ask(path, "viewer", body).status_code == 403
    assert ask("/dq/api/nothing/reviews/3/opinions", "viewer", OPINION).status_code == 403
    assert ask("/dq/api/nothing/reviews/3/opinions", "anna", OPINION).status_code == 404
    assert said == []


def test_the_reviewer_is_who_is_logged_in(ask: Ask, said: list[dict[str, Any]]) -> None:
    path = "/dq/api/pump/reviews/3/opinions"
    assert ask(path, "anna", OPINION | {"who": "bert"}).status_code == 422
    assert ask(path, "anna", OPINION).json() == JUDGED | {"next": None}
    assert [one["who"] for one in said] == ["anna"]


def test_what_is_done_stands_even_where_the_dags_cannot_be_told(ask: Ask, told: list[tuple[str, str]]) -> None:
    assert ask("/dq/api/pump/reviews/3/opinions", "anna", OPINION).status_code == 200
    assert ask("/dq/api/pump/labels", "anna", {"labels": [{"sample_id": "a", "value": 1.0}]}).status_code == 200
    assert told == [("pump", "reviews"), ("pump", "labels")]


def test_a_class_is_named_or_numbered(ask: Ask, said: list[dict[str, Any]]) -> None:
    path, correct = "/dq/api/pump/reviews/3/opinions", OPINION | {"action": "correct"}
    for value in ("bad", 1, 1.0):
        assert ask(path, "anna", correct | {"value": value}).status_code == 200
    assert [one["value"] for one in said] == [1.0] * 3
    for value in ("worse", 2, 0.5, True, None, [1]):
        assert ask(path, "anna", correct | {"value": value}).status_code == 422
    assert len(said) == 3


def test_a_label_is_signed_unless_it_names_who_gave_it(ask: Ask, said: list[dict[str, Any]]) -> None:
    rows = [{"sample_id": "a", "value": 1.0}, {"sample_id": "b", "value": "bad", "annotator": "laboratory"}]
    assert ask("/dq/api/pump/labels", "anna", {"labels": rows}).status_code == 200
    assert [row["annotator"] for row in said[0]["rows"]] == ["anna", "laboratory"]
    assert said[0]["origin"] == "http"
    assert ask("/dq/api/pump/labels", "anna", {"labels": []}).status_code == 422


def test_a_refused_label_is_no_success_and_the_others_are_taken(
    ask: Ask, told: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = [{"row": 2, "reason": "not_numeric", "detail": "expected a number"}]
    monkeypatch.setattr(steps, "add_labels", lambda *_, **__: {"read": 2, "new": 1, "refused": refused})
    rows = [{"sample_id": "a", "value": 1.0}, {"sample_id": "b", "value": "much"}]
    answer = ask("/dq/api/pump/labels", "anna", {"labels": rows})
    assert (answer.status_code, answer.json()["new"], answer.json()["refused"]) == (422, 1, refused)
    assert "row 2: not_numeric" in answer.json()["detail"]
    assert told == [("pump", "labels")]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://here"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Origin": "http://here"}, 200),
        ({"Origin": "https://here"}, 200),  # a proxy ends TLS
        ({"Origin": "http://here.example"}, 403),
        ({"Origin": "null"}, 403),
        ({}, 403),
        ({"Authorization": "Bearer token"}, 200),
    ],
)
def test_a_write_with_the_cookie_comes_from_a_page_of_ours(ask: Ask, headers: dict[str, str], status: int) -> None:
    sent = {"Authorization": "", **headers}
    assert ask("/dq/api/pump/reviews/3/opinions", "anna", OPINION, headers=sent).status_code == status


@pytest.mark.parametrize(
    ("error", "read", "write"),
    [
        (StateError("there is none"), 404, 409),
        (DataError("does not fit"), 409, 409),
        (RegistryError("down"), 503, 503),
        (LedgerError("no database"), 503, 503),
        (RuntimeError("secret detail"), 500, 500),
    ],
)
def test_an_error_of_ours_is_told_and_no_other(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, error: Exception, read: int, write: int
) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    for name in ("reviews", "review", "judge"):
        monkeypatch.setattr(steps, name, fail)
    answers = [
        (ask("/dq/api/pump/reviews/3", "anna"), read),
        (ask("/dq/pump/reviews/3", "anna"), read),
        (ask("/dq/api/pump/reviews/3/opinions", "anna", OPINION), write),
    ]
    for answer, status in answers:
        assert answer.status_code == status
        assert "Traceback" not in answer.text
        assert (str(error) in answer.text) is (status != 500)
    assert answers[0][0].headers["content-type"] == "application/json"
    assert answers[1][0].headers["content-type"].startswith("text/html")


def test_nobody_gets_a_page_that_leads_to_the_log_in(ask: Ask) -> None:
    page = ask("/dq/pump/reviews")
    assert page.status_code == 401
    assert 'href="/auth/login?next=/dq/pump/reviews"' in page.text
    assert "dq.css" not in page.text, "nothing that a log-in is needed for is asked for"


def test_files_are_found_and_nothing_beside_them(ask: Ask) -> None:
    assert ask("/dq/static/dq.css", "anna").headers["content-type"].startswith("text/css")
    for name in ("..%2fapp.py", "%2e%2e/app.py", "nothing.js", "../templates/layout.html"):
        assert ask(f"/dq/static/{name}", "anna").status_code == 404, name
    assert assets.plotly_address() is not None


def test_what_the_documentation_sends_is_taken() -> None:
    text = (Path(__file__).resolve().parents[3] / "docs/page.md").read_text(encoding="utf-8")
    forms = {"opinions": reviews.OpinionForm, "labels": labels.Labels, "reports": labels.Report}
    found = re.findall(r"/dq/api/hydraulic/(?:reviews/12/)?(\w+) [^\n]*\n *-d '([^']*)'", text)
    assert [name for name, _ in found] == list(forms)
    for name, body in found:
        forms[name].model_validate_json(body)
    (posted,) = re.findall(r"/dq/api/pump/samples [^\n]* -d '([^']*)'", text)
    (message,) = messages_of(posted.encode(), "json")
    validate(read_object(message, "a sample"), "pump")


def test_the_world_is_opened_once_and_again_after_a_failure() -> None:
    made: list[str] = []

    @contextmanager
    def world() -> Iterator[Any]:
        made.append("opened")
        if len(made) == 1:
            raise RegistryError("down")
        yield made
        made.append("closed")

    one = opened.Opened(world)
    with pytest.raises(RegistryError):
        one.world()
    assert one.world() is one.world()
    one.close()
    one.close()
    assert made == ["opened", "opened", "closed"]
