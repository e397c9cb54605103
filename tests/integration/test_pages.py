"""The pages on a process that runs: what each shows, and what its buttons do. Airflow's rights are played by a fake."""

from __future__ import annotations

import asyncio
import html
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import httpx
import numpy as np
import pytest
from airflow.api_fastapi.core_api.security import get_user
from fastapi import FastAPI, HTTPException, Request

from dq_airflow.ui import access, app, opened
from dq_pipeline.records import Alert, Cause, Diagnosis
from dq_pipeline.steps.clock import utc_now

from .conftest import Plant, faulty, recordings

pytestmark = pytest.mark.integration

Ask = Callable[..., httpx.Response]
WHY = "the transmitter was exchanged"


@pytest.fixture
def ask(running: Plant, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """One request to the app as Airflow mounts it, under /dq; `X-User` says who is logged in."""
    plant = running

    def rights(method: str, **_: Any) -> Any:
        def inner(_: Request, user: Any) -> None:
            if method != "GET" and user.get_name() == "viewer":
                raise HTTPException(403, "Forbidden")

        return inner

    async def user(request: Request) -> Any:
        return SimpleNamespace(get_name=lambda: request.headers["X-User"])

    @contextmanager
    def world() -> Iterator[Any]:
        yield plant.world

    monkeypatch.setenv("DQ_PROCESS_DIR", str(plant.world.settings.process_dir))
    monkeypatch.setattr(access, "requires_access_dag", rights)
    monkeypatch.setattr("dq_airflow.ui.running.requires_access_dag", rights)
    monkeypatch.setattr(access, "readable", lambda _: {plant.process})
    sub = app.make_app(opened.Opened(world))
    sub.dependency_overrides[get_user] = user
    root = FastAPI()
    root.mount("/dq", sub)

    def request(path: str, body: dict[str, Any] | None = None, who: str = "anna") -> httpx.Response:
        headers = {"X-User": who, "Authorization": "Bearer x", "Content-Type": "application/json"}

        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(root, raise_app_exceptions=True)
            async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
                content = None if body is None else json.dumps(body).encode()
                return await client.request("GET" if body is None else "POST", path, headers=headers, content=content)

        return asyncio.run(send())

    return request


def words(page: httpx.Response) -> str:
    assert page.status_code == 200, page.text
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page.text)))


def token(page: httpx.Response) -> str:
    found = re.search(r'name="token" value="([^"]+)"', page.text)
    assert found is not None, words(page)
    return found[1]


def streamed(plant: Plant) -> str:
    """Recordings, some broken, and a message that cannot be read; returns the micro-batch."""
    rng = np.random.default_rng(5)
    runs = recordings(12, rng, first=1000)
    plant.publish([faulty(run, rng) if i == 3 else run for i, run in enumerate(runs)])
    plant.send(b"x", b"{<b>broken</b>", [])
    plant.flush()
    answered = plant.answer()
    assert answered is not None
    return str(answered["batch_id"])


def test_pages_before_anything_came(running: Plant, ask: Ask) -> None:
    home = f"/dq/{running.process}"
    assert "ready; no sample has come yet" in words(ask("/dq/"))
    assert "No sample has come yet" in words(ask(home))
    assert "No micro-batch yet" in words(ask(f"{home}/batches"))
    assert "No incident is open" in words(ask(f"{home}/incidents"))
    assert "nothing to go back to" in words(ask(f"{home}/releases"))
    assert "Choose two releases or more" in words(ask(f"{home}/releases/compare?version=1"))
    assert "not judged yet" in words(ask(f"{home}/contracts"))
    assert "not audited yet" in words(ask(f"{home}/sensors"))
    assert "decides by what the process file says" in words(ask(f"{home}/settings"))


def test_a_stream_on_all_pages(running: Plant, ask: Ask) -> None:
    batch, home = streamed(running), f"/dq/{running.process}"
    front = ask("/dq/")
    assert "<polyline" in front.text
    for link in re.findall(rf'href="({home}[^"#]*)', front.text):
        assert ask(link).status_code == 200, link
    timeline = ask(home)
    assert "Samples 0 to 11 of 12" in words(timeline)
    drawn = json.loads(re.search(r'id="drawn">(.*?)</script>', timeline.text, re.DOTALL)[1])  # type: ignore[index]
    charts = {chart["id"]: chart for chart in drawn["charts"]}
    assert len(charts["scores"]["points"]["y"]) == 12
    assert set(charts["scores"]["points"]["batch"]) == {batch}
    assert [line["name"] for line in charts["scores"]["lines"]] == ["accepted from"]
    assert [line["name"] for line in charts["drift"]["lines"]] == ["alarm above"]
    assert charts["latency"]["points"]["y"]
    assert ask(f"{home}?last=5&stop=5").status_code == 200
    assert "Samples 0 to 4 of 12" in words(ask(f"{home}?last=5&stop=5"))
    assert ask(f"{home}?last=0").status_code == 422
    shown = ask(f"{home}/batches/{batch}")
    assert "<b>broken" not in shown.text
    assert "Quality by sensor" in words(shown)
    assert shown.text.count('class="judged"') == 3 * 5
    links = re.findall(rf'href="({home}/sample\?name=[^"]+)', shown.text)
    assert len(links) == 12
    one = ask(links[3])
    assert "Outside the band" in words(one)
    curves = json.loads(re.search(r'id="drawn">(.*?)</script>', one.text, re.DOTALL)[1])  # type: ignore[index]
    assert {sensor["name"] for sensor in curves["sensors"]} == {"flow", "inlet", "outlet"}
    assert all(sensor["band"] for sensor in curves["sensors"])
    for path in ("batches/nothing", "sample?name=nothing", "incidents/99", "releases/compare?version=1&version=99"):
        assert ask(f"{home}/{path}").status_code == 404, path


def test_what_is_in_quarantine_is_sent_again_once(running: Plant, ask: Ask) -> None:
    home = f"/dq/{running.process}"
    batch = streamed(running)
    page = ask(f"{home}/batches/{batch}")
    said = {"why": WHY, "token": token(page)}
    address = f"/dq/api/{running.process}/batches/{batch}/redrive"
    assert "form class" not in ask(f"{home}/batches/{batch}", who="viewer").text
    assert ask(address, said, who="viewer").status_code == 403
    assert ask(address, said, who="bert").status_code == 409, "the page was shown to somebody else"
    assert ask(address, said | {"token": "made-up.1.x"}).status_code == 409
    assert ask(address, said | {"why": "  "}).status_code == 422
    done = ask(address, said).json()
    assert (done["messages"], done["batches"]) == (1, 0)
    assert ask(address, said).status_code == 409, "things have changed since"
    assert "Send again" not in words(ask(f"{home}/batches/{batch}"))


def test_an_incident_is_read_and_ended(running: Plant, ask: Ask) -> None:
    home, ledger = f"/dq/{running.process}", running.world.ledger
    streamed(running)
    ledger.raise_alert(
        running.process, Alert("audit", "audit:flow", "warning", "<i>flow</i> reads twice", "flow"), utc_now()
    )
    (alert,) = ledger.alerts(running.process)
    record = {
        "hypotheses": [
            {"cause": "calibration", "subject": "flow", "confidence": 0.8, "onset": 3, "why": "only flow moved"}
        ],
        "slices": [{"name": "source=rig", "before": 0.1, "since": 0.3}],
        "decided_by": "neighbours",
    }
    told = Diagnosis(
        Cause.CALIBRATION, "flow", "critical", 0.8, "flow reads <b>twice</b>", {"against": "virtual"}, record,
        first=3, sensor="flow", alerts=(alert.id,),
    )  # fmt: skip
    number = ledger.open_incident(running.process, told, utc_now()).id
    assert "1 critical incident open" in words(ask("/dq/"))
    listed = ask(f"{home}/incidents")
    assert "<b>twice" not in listed.text
    page = ask(f"{home}/incidents/{number}")
    found = words(page)
    for expected in (
        "only flow moved",
        "source=rig",
        "neighbours",
        "reads twice",
        "A sensor measures wrong",
        "opened:",
    ):
        assert expected in found, expected
    assert "<i>flow" not in page.text
    address = f"/dq/api/{running.process}/incidents/{number}/close"
    said = {"why": WHY, "token": token(page), "ending": "repaired"}
    assert ask(address, said | {"ending": "learned"}).status_code == 422
    assert ask(address, said, who="viewer").status_code == 403
    assert ask(address, said).json()["ending"] == "repaired"
    assert ask(address, said).status_code == 200, "the same ending again is no change"
    ended = words(ask(f"{home}/incidents/{number}"))
    assert f"repaired, says anna: {WHY}" in ended
    assert "End the incident" not in ended
    assert ask(address, said | {"ending": "accepted"}).status_code == 409
    assert f"{number}: flow reads" in words(ask(f"{home}/incidents?state=ended"))


def test_an_edit_of_the_process_file_is_pending(running: Plant, ask: Ask) -> None:
    running.edit(promotion={"tolerance": 0.125})
    page = words(ask(f"/dq/{running.process}/settings"))
    assert "promotion.tolerance" in page
    assert "0.125" in page
    assert "edited, waits for a release" in words(ask("/dq/"))


def test_a_broken_process_file_hides_no_other(running: Plant, ask: Ask) -> None:
    running.edit(quality={"threshold": "<b>high</b>"})
    page = ask("/dq/")
    assert "its file is broken" in words(page)
    assert "<b>high" not in page.text
    assert ask(f"/dq/{running.process}").status_code == 409
    assert ask("/dq/about/catalogue").status_code == 200


def test_the_catalogue_and_runbooks(running: Plant, ask: Ask) -> None:
    page = words(ask("/dq/about/catalogue?kind=release"))
    assert f"release/{running.process}/" in page
    assert ask("/dq/about/catalogue?stale=true").status_code == 200
    assert "<h1>" in ask("/dq/about/runbooks/calibration").text
    assert 'href="/dq/about/runbooks/dead_sensor"' in ask("/dq/about/runbooks/calibration").text
    for name in ("nothing", "..%2f..%2fREADME", "README"):
        assert ask(f"/dq/about/runbooks/{name}").status_code == 404, name
