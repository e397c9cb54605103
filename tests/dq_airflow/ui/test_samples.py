"""Samples over HTTP, up to the prediction: a real broker and ledger; Airflow's rights are played by a fake."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import httpx
import numpy as np
import pytest
from airflow.api_fastapi.core_api.security import get_user
from fastapi import HTTPException, Request

from dq_airflow.ui import access, app, opened, samples
from dq_pipeline.adapters.kafka import KafkaStream
from dq_pipeline.recording import Recording, cut
from dq_pipeline.records import OffsetRange
from dq_pipeline.samples import Scope
from dq_pipeline.simulate.damage import DAMAGES, corrupt_message
from dq_pipeline.wire.codec import Form, encode, message_key
from tests.integration.conftest import HORIZON, Plant, recordings, running, template  # noqa: F401

pytestmark = pytest.mark.integration

Post = Callable[..., httpx.Response]


@pytest.fixture
def post(running: Plant, monkeypatch: pytest.MonkeyPatch) -> Post:  # noqa: F811
    """Posts a body to the process' route as `who`; None is nobody."""

    def rights(*_: Any, **__: Any) -> Any:
        def inner(_: Request, user: Any) -> None:
            if user.get_name() == "viewer":
                raise HTTPException(403, "Forbidden")

        return inner

    async def user(request: Request) -> Any:
        if "X-User" not in request.headers:
            raise HTTPException(401, "Not authenticated")
        return SimpleNamespace(get_name=lambda: request.headers["X-User"])

    monkeypatch.setenv("DQ_PROCESS_DIR", str(running.world.settings.process_dir))
    monkeypatch.setattr(access, "requires_access_dag", rights)

    def send(
        body: bytes, who: str | None = "rig", kind: str = samples.JSON, world: Any = running.world, **headers: str
    ) -> httpx.Response:
        made = app.make_app(opened.Opened(lambda: nullcontext(world)))
        made.dependency_overrides[get_user] = user
        sent = {"Authorization": "Bearer x", "Content-Type": kind} | ({"X-User": who} if who else {}) | headers

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(made, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
                return await client.post(f"/api/{running.process}/samples", content=body, headers=sent)

        return asyncio.run(ask())

    return send


def message(plant: Plant, run: Recording, scope: Scope, form: Form = "json") -> bytes:
    shown = cut(run, HORIZON) if scope == "horizon" else run
    return encode(shown, scope, plant.world.process(plant.process), form)[1]


def on_topic(plant: Plant) -> int:
    topic = plant.world.process(plant.process).stream.topic
    return sum(after for _, after in plant.world.stream.watermarks(topic).values())


def test_what_is_posted_is_read_and_answered(running: Plant, post: Post) -> None:  # noqa: F811
    runs = recordings(12, running.rng)
    listed = [message(running, run, scope) for run in runs[:10] for scope in ("horizon", "completion")]
    answer = post(b"[" + b", ".join(listed) + b"]")
    assert answer.status_code == 202, answer.text
    assert [(one["row"], one["sample_id"], one["kind"]) for one in answer.json()["published"]][:3] == [
        (1, runs[0].sample_id, "horizon"),
        (2, runs[0].sample_id, "completion"),
        (3, runs[1].sample_id, "horizon"),
    ]
    assert on_topic(running) == 20, "the broker has them when the answer is given"
    for run in runs[10:]:
        for scope in ("horizon", "completion"):
            assert post(message(running, run, scope, "arrow"), kind=samples.ARROW).status_code == 202

    topic = running.world.process(running.process).stream.topic
    marks = running.world.stream.watermarks(topic)
    found = list(running.world.stream.read(topic, [OffsetRange(p, *ends) for p, ends in marks.items()]))
    expected = {
        (message_key(run.source, run.sample_id), message(running, run, scope, form), form, scope)  # type: ignore[arg-type]
        for form, some in (("json", runs[:10]), ("arrow", runs[10:]))
        for run in some
        for scope in ("horizon", "completion")
    }
    assert {
        (one.key, one.value, dict(one.headers)["dq-form"].decode(), dict(one.headers)["dq-kind"].decode())
        for one in found
    } == expected, "key, headers and the very bytes, as any source sends them"

    running.answer()
    assert {one["sample_id"] for one in running.messages("predictions")} == {run.sample_id for run in runs}
    assert running.messages("dead_letter") == []


def test_a_bad_message_is_named_and_the_good_ones_are_published(running: Plant, post: Post) -> None:  # noqa: F811
    first, second = recordings(2, running.rng)
    good, other = message(running, first, "horizon"), message(running, second, "completion")
    bad = json.dumps(json.loads(good) | {"sample_id": "odd", "values": [["x"] * 3] * HORIZON}).encode()
    answer = post(b"[" + b",".join([good, bad, b"3", other, good]) + b"]")
    told = answer.json()
    assert answer.status_code == 422
    assert [one["row"] for one in told["published"]] == [1, 4]
    assert [(one["row"], one["reason"], one["sample_id"]) for one in told["refused"]] == [
        (2, "not_numeric", "odd"),
        (3, "unreadable", None),
        (5, "duplicate", first.sample_id),
    ]
    assert "row 2" in told["detail"]
    assert on_topic(running) == 2


@pytest.mark.parametrize("kind", sorted(set(DAMAGES) - {"duplicate"}))
def test_the_stream_and_the_route_refuse_alike(running: Plant, post: Post, kind: str) -> None:  # noqa: F811
    (run,) = recordings(1, running.rng)
    settings = running.world.process(running.process)
    key, value, headers = encode(run, "completion", settings, "json")
    ((spoilt, kept),) = corrupt_message(value, headers, kind, np.random.default_rng(1))
    answer = post(spoilt)
    assert (answer.status_code, answer.json()["published"], on_topic(running)) == (422, [], 0)
    running.send(key, spoilt, kept)
    running.flush()
    running.answer()
    (refused,) = answer.json()["refused"]
    (letter,) = running.messages("dead_letter")
    assert (refused["reason"], refused["detail"][:40]) == (letter["reason"], letter["detail"][:40])
    assert refused["reason"] == DAMAGES[kind][1]


def test_sent_twice_is_answered_once(running: Plant, post: Post) -> None:  # noqa: F811
    """The platform's own rule: the second message of a sample is a duplicate, and changes nothing."""
    runs = recordings(10, running.rng)
    body = b"[" + b",".join(message(running, run, "completion") for run in runs) + b"]"
    assert [post(body).status_code for _ in range(2)] == [202, 202]
    running.answer()
    assert len(running.messages("predictions")) == 10
    assert {letter["reason"] for letter in running.messages("dead_letter")} == {"duplicate"}


def test_nothing_is_taken_from_who_may_not(running: Plant, post: Post) -> None:  # noqa: F811
    (run,) = recordings(1, running.rng)
    body = message(running, run, "completion")
    assert [post(sent, who).status_code for sent in (body, b"{broken") for who in (None, "viewer")] == [401, 403] * 2
    crossing = {"Authorization": "", "Sec-Fetch-Site": "cross-site"}
    assert post(body, **crossing).status_code == 403
    assert post(body, kind="text/plain").status_code == 422
    assert post(b" " * (access.MAX_BODY_BYTES + 1)).status_code == 413
    assert on_topic(running) == 0


def test_a_message_may_be_as_large_as_the_stream_takes_it_and_no_larger(running: Plant, post: Post) -> None:  # noqa: F811
    running.edit(stream={"max_message_bytes": 2048})
    (run,) = recordings(1, running.rng)
    answer = post(message(running, run, "completion"))
    assert (answer.status_code, answer.json()["refused"][0]["reason"]) == (422, "too_large")
    assert on_topic(running) == 0


def test_a_broker_that_is_away_is_said(running: Plant, post: Post) -> None:  # noqa: F811
    (run,) = recordings(1, running.rng)
    away = replace(running.world, stream=KafkaStream("localhost:1", timeout_s=1, connect_timeout_s=1))
    answer = post(message(running, run, "completion"), world=away)
    assert answer.status_code == 503
    assert "localhost:1" in answer.json()["detail"]
