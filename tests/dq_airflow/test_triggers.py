from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from airflow.sdk._shared.module_loading import import_string
from airflow.triggers.base import TaskSuccessEvent, TriggerEvent

from dq_airflow import triggers
from dq_airflow.lookout import Look
from dq_airflow.sensors import MicroBatchSensor
from dq_airflow.triggers import MicroBatchTrigger

WAIT = Look("wait", "waiting for samples", "3 unread", 0.0, 3)
FIRE = Look("fire", "ready", "25 unread", 0.0, 25)
FOUND = {"fire": True, "state": "ready", "why": "25 unread", "lag": 25}


class Script:
    """A lookout that finds what it was told to find."""

    def __init__(self, *looks: Look | Exception) -> None:
        self.looks = list(looks)
        self.threads: set[int] = set()
        self.closed = threading.Event()

    def __call__(self, *_: Any, **__: Any) -> Script:
        return self

    def look(self) -> Look:
        self.threads.add(threading.get_ident())
        found = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        if isinstance(found, Exception):
            raise found
        return found

    def close(self) -> None:
        self.closed.set()


async def events(trigger: MicroBatchTrigger) -> list[TriggerEvent]:
    return [event async for event in trigger.run()]


def run(monkeypatch: pytest.MonkeyPatch, script: Script, **options: Any) -> list[TriggerEvent]:
    monkeypatch.setattr(triggers, "Lookout", script)
    return asyncio.run(events(MicroBatchTrigger("vacuum", **options)))


def test_ends_the_task_in_the_triggerer(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(WAIT, WAIT, FIRE)
    (event,) = run(monkeypatch, script)
    assert isinstance(event, TaskSuccessEvent)
    assert event.xcoms == {"return_value": FOUND}
    assert script.closed.wait(10)


def test_hands_over_to_a_worker_if_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    (event,) = run(monkeypatch, Script(FIRE), ends_task=False)
    assert type(event) is TriggerEvent
    assert event.payload == FOUND


def test_looks_from_one_thread_that_is_not_the_loops(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(WAIT, WAIT, WAIT, FIRE)
    run(monkeypatch, script)
    assert len(script.threads) == 1
    assert threading.get_ident() not in script.threads


def test_ends_with_nothing_after_its_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    (event,) = run(monkeypatch, Script(WAIT), rest_s=0.0)
    assert isinstance(event, TaskSuccessEvent)
    assert event.xcoms is not None
    assert event.xcoms["return_value"]["fire"] is False


def test_a_defect_is_raised_and_the_world_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(WAIT, TypeError("a defect"))
    with pytest.raises(TypeError, match="a defect"):
        run(monkeypatch, script)
    assert script.closed.wait(10)


def test_closes_when_it_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(Look("wait", "waiting for samples", "", 3600.0))
    monkeypatch.setattr(triggers, "Lookout", script)

    async def cancel() -> None:
        running = asyncio.create_task(events(MicroBatchTrigger("vacuum")))
        while not script.threads:
            await asyncio.sleep(0)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(cancel())
    assert script.closed.wait(10)


def test_is_made_anew_from_what_it_serializes() -> None:
    trigger = MicroBatchTrigger("vacuum", ends_task=False, poll_s=0.2, rest_s=9.0)
    path, arguments = trigger.serialize()
    assert import_string(path)(**arguments).serialize() == (path, arguments)


def test_the_sensor_starts_this_trigger() -> None:
    arguments = MicroBatchSensor(task_id="wait", process="vacuum").start_trigger_args
    trigger = import_string(arguments.trigger_cls)(**arguments.trigger_kwargs)
    assert isinstance(trigger, MicroBatchTrigger)
    assert (trigger.process, trigger.ends_task) == ("vacuum", True)
