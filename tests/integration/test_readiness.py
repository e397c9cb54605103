"""When the next micro-batch is worth pulling; looking consumes nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from dq_pipeline import steps
from dq_pipeline.errors import StreamError
from dq_pipeline.steps.clock import utc_now
from dq_pipeline.steps.readiness import Watch

from .conftest import Plant, recordings  # type: ignore[import-not-found]

pytestmark = pytest.mark.integration


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Moves the clock of whoever looks."""

    def move(seconds: float) -> None:
        def moved() -> datetime:
            return utc_now() + timedelta(seconds=seconds)

        monkeypatch.setattr(sys.modules[Watch.__module__], "utc_now", moved)

    return move


def test_nothing_to_read_is_waited_for(running: Plant) -> None:
    look = Watch(running.world, running.process).look()
    assert (look.fire, look.state, look.lag) == (False, "waiting for samples", 0)


def test_a_process_without_a_release_waits_for_one(plant: Plant) -> None:
    plant.publish(recordings(20, plant.rng))
    look = Watch(plant.world, plant.process).look()
    assert (look.fire, look.state) == (False, "waiting for a release")
    assert f"{plant.process}_initialization" in look.why
    assert steps.status(plant.world, plant.process)["production"] is None


def test_enough_messages_fire_at_once_and_looking_consumes_nothing(running: Plant) -> None:
    running.publish(recordings(10, running.rng, first=1000), ("completion",))
    for _ in range(2):
        look = Watch(running.world, running.process).look()
        assert (look.fire, look.lag) == (True, 10)
    assert running.answer()["predictions"] == 10  # type: ignore[index]
    assert not Watch(running.world, running.process).look().fire


def test_a_waiting_horizon_fires_and_a_completion_waits_longer(running: Plant, later: Callable[[float], None]) -> None:
    watch = Watch(running.world, running.process)
    running.publish(recordings(2, running.rng, first=1000), ("completion",))
    later(2)
    assert not watch.look().fire
    later(6)
    assert watch.look().fire, "max_wait_s"
    later(0)
    running.publish(recordings(1, running.rng, first=2000), ("horizon",))
    assert not watch.look().fire
    later(2)
    look = watch.look()
    assert look.fire
    assert "a horizon has waited" in look.why


def test_failures_back_off_twice_as_long_each(running: Plant, later: Callable[[float], None]) -> None:
    running.publish(recordings(10, running.rng, first=1000))
    watch, waits = Watch(running.world, running.process), []
    for attempt in range(2):
        steps.pull(running.world, running.process, holder=f"run-{attempt}")
        running.world.ledger.let_go(running.process, f"run-{attempt}", "no luck", utc_now())
        look = watch.look()
        assert (look.fire, look.state) == (False, "backing off")
        waits.append((look.backoff_until - utc_now()).total_seconds())
    assert waits[1] > 1.5 * waits[0]
    later(10)
    assert watch.look().fire, "the batch that was left"
    assert running.answer("run-2") is not None
    assert Watch(running.world, running.process).look().state == "waiting for samples", "a commit forgives"


def test_a_batch_in_other_hands_is_left_alone_until_its_lease_ends(
    running: Plant, later: Callable[[float], None]
) -> None:
    running.publish(recordings(10, running.rng, first=1000))
    steps.pull(running.world, running.process, holder="dead")
    watch = Watch(running.world, running.process)
    assert watch.look().state == "held by another run"
    later(400)
    assert watch.look().fire


def test_a_topic_that_was_recreated_is_not_waited_on_in_silence(running: Plant) -> None:
    """The next pull says what is wrong; waiting would hide it until the topic has grown as long as it was."""
    world, process = running.world, running.process
    topic = world.process(process).stream.topic
    ends = {0: (0, 50), 1: (0, 50)}  # of the topic as it was; the batch that read it is parked by the second claim
    for _ in range(2):
        world.ledger.claim(
            process, topic, ends, max_messages=100, max_attempts=1, holder="test", lease_s=0.0, now=utc_now()
        )
    look = Watch(world, process).look()
    assert look.fire
    assert "offset 50" in look.why
    with pytest.raises(StreamError, match="deleted and recreated"):
        steps.pull(world, process, holder="test")
