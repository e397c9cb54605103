"""The watch on real servers: each sign provoked, told once, and over when all is well again."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from pyarrow import ArrowInvalid

from dq_pipeline import steps
from dq_pipeline.quality.learned import LearnedScorer
from dq_pipeline.records import EventState, Outgoing
from dq_pipeline.steps import agenda, challenger, paths
from dq_pipeline.steps.serving import in_production
from dq_pipeline.steps.watch import WATCH

from .conftest import Plant, recordings  # type: ignore[import-not-found]

pytestmark = pytest.mark.integration
Later = Callable[[float], None]


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Later:
    """Moves the watch's clock on to so many seconds after now."""
    module = sys.modules["dq_pipeline.steps.watch"]

    def to(seconds: float) -> None:
        monkeypatch.setattr(module, "utc_now", lambda: datetime.now(UTC) + timedelta(seconds=seconds))

    return to


def look(plant: Plant) -> dict[str, Any]:
    return steps.watch(plant.world, plant.process)


def sign(plant: Plant, kind: str) -> dict[str, Any]:
    found = steps.look(plant.world, plant.process)["signs"]
    return next(one for one in found if one["kind"] == kind)


def told(plant: Plant, words: str) -> int:
    return sum(words in notice.title for notice in plant.notices.told)


def feed(plant: Plant, turns: int, first: int, shift: float = 0.0) -> None:
    for turn in range(turns):
        plant.publish(recordings(25, plant.rng, first=first + 25 * turn, shift=shift))
        plant.answer()


def test_a_well_process_raises_nothing_and_looking_changes_nothing(running: Plant) -> None:
    feed(running, 3, 1000)
    before = running.rows("SELECT count(*) FROM dq.alerts WHERE process = %s")
    found = steps.look(running.world, running.process)
    assert (found["sick"], found["why"]) == (0, None)
    assert {one["kind"] for one in found["signs"]} == {
        *("latency", "unnoticed_error", "erratic", "stuck_scores", "silence", "lag", "stale_claim", "failing"),
        "parked",
    }
    assert running.world.ledger.fact(running.process, WATCH) is None
    for _ in range(2):
        seen = look(running)
        assert (seen["alerts"], seen["raised"], seen["cleared"], seen["due"]) == ([], [], [], None)
    assert running.rows("SELECT count(*) FROM dq.alerts WHERE process = %s") == before == [(0,)]
    assert not running.notices.told


def test_without_a_release_nothing_is_looked_at(plant: Plant) -> None:
    found = look(plant)
    assert (found["signs"], found["alerts"]) == ([], [])
    assert "initialization" in found["why"]


def test_silence_is_told_once_and_over_when_data_comes(running: Plant, later: Later) -> None:
    running.edit(watch={"cooldown_s": 0})
    feed(running, 2, 1000)
    assert look(running)["alerts"] == []
    later(3600)
    assert look(running)["raised"] == ["silence"]
    assert look(running)["raised"] == []
    assert told(running, "no data") == 1
    assert running.notices.told[-1].runbook == "docs/runbooks/silence.md"
    later(0)
    feed(running, 1, 2000)
    assert look(running)["cleared"] == ["silence"]
    assert look(running)["cleared"] == []
    assert told(running, "no data: over") == 1
    running.edit(watch={"silence_s": 7200})
    later(3600)
    assert look(running)["alerts"] == [], "as stated"


def test_messages_that_wait_and_messages_that_grow(running: Plant, later: Later) -> None:
    topic = running.world.process(running.process).stream.topic
    running.edit(watch={"cooldown_s": 0, "silence_s": 1e6}, stream={"max_samples": 10})
    feed(running, 1, 1000)
    while running.answer() is not None:
        pass
    lags = []
    for i in range(4):
        running.publish(recordings(6, running.rng, first=2000 + 10 * i), ("completion",))
        later(300.0 * i)
        lags.append(look(running)["alerts"])
    assert lags == [[], [], [], [f"lag:{topic}"]], "more at each of three looks"
    assert sign(running, "lag")["evidence"]["looks"] == [6, 12, 18, 24]
    while running.answer() is not None:
        pass
    later(1200)
    assert look(running)["cleared"] == [f"lag:{topic}"]
    running.publish(recordings(3, running.rng, first=3000))
    later(3600)
    assert look(running)["raised"] == [f"lag:{topic}"], "the oldest has waited too long"
    assert told(running, "messages wait unread") == 3


def test_labels_that_nobody_takes(running: Plant, later: Later) -> None:
    running.edit(watch={"cooldown_s": 0, "silence_s": 1e6})
    feed(running, 1, 1000)
    topic = running.world.process(running.process).stream.labels_topic
    value = json.dumps({"sample_id": "r001000", "value": 5.0}).encode()
    running.world.stream.publish([Outgoing(topic, b"r001000", value, ())])
    later(1800)
    assert look(running)["raised"] == [f"lag:{topic}"]
    steps.take_labels(running.world, running.process)
    assert look(running)["cleared"] == [f"lag:{topic}"]


def test_a_claim_left_by_a_dead_holder(running: Plant, later: Later) -> None:
    running.edit(watch={"cooldown_s": 0}, stream={"lease_s": 5})
    running.publish(recordings(10, running.rng, first=1000))
    assert steps.pull(running.world, running.process, holder="dead") is not None
    assert look(running)["alerts"] == []
    later(900)
    assert look(running)["raised"] == ["stale_claim"]
    assert sign(running, "stale_claim")["evidence"]["holder"] == "dead"
    assert look(running)["raised"] == []
    running.world.ledger.let_go(running.process, "dead", "killed", datetime.now(UTC))
    while running.answer("alive") is not None:
        pass
    assert look(running)["cleared"] == ["stale_claim"]


def test_failures_and_a_parked_range(running: Plant) -> None:
    running.edit(watch={"cooldown_s": 0})
    running.publish(recordings(10, running.rng, first=1000))
    for attempt in range(3):
        pulled = steps.pull(running.world, running.process, holder=f"run{attempt}")
        assert pulled is not None
        running.world.lake.put(paths.raw(running.process, pulled["batch_id"]), b"broken")
        with pytest.raises(ArrowInvalid):
            steps.assess(running.world, running.process, batch_id=pulled["batch_id"], holder=f"run{attempt}")
        running.world.ledger.let_go(running.process, f"run{attempt}", "ArrowInvalid: broken", datetime.now(UTC))
    assert look(running)["raised"] == ["failing"]
    feed(running, 1, 2000)  # parks the range
    found = look(running)
    assert (found["raised"], found["cleared"]) == (["parked"], ["failing"])
    assert sign(running, "parked")["evidence"]["errors"] == ["ArrowInvalid: broken"]
    assert told(running, "parked") == 1, "the ledger tells of each range itself"
    steps.redrive(running.world, running.process)
    assert running.answer("next") is not None
    assert look(running)["cleared"] == ["parked"]


def test_drift_that_fires_too_often_and_answers_that_come_late(running: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    running.edit(watch={"cooldown_s": 0, "adaptations_per_1000": 0.2}, stream={"max_wait_s": 0.5})
    for turn in range(26):  # what an answer usually takes
        running.publish(recordings(1, running.rng, first=1000 + turn))
        running.answer()
    assert sign(running, "latency")["verdict"] == "well"
    for turn in range(8):  # there and back: an event each, closed as an adaptation would
        running.publish(recordings(25, running.rng, first=2000 + 25 * turn, shift=6.0 * (turn % 2)))
        running.answer()
        event = running.world.ledger.open_event(running.process)
        if event is not None:
            running.world.ledger.move_event(event.id, EventState.CLOSED, outcome="adapted")
    assert look(running)["raised"] == ["latency"]
    found = sign(running, "latency")["evidence"]
    assert found["which"] == ["drift"]
    assert found["events"] >= 3
    act = sys.modules["dq_pipeline.steps.act"]
    monkeypatch.setattr(act, "utc_now", lambda: datetime.now(UTC) + timedelta(seconds=40))
    for turn in range(5):
        running.publish(recordings(1, running.rng, first=3000 + turn))
        running.answer()
    assert sign(running, "latency")["evidence"]["which"] == ["drift", "latency"]
    assert sign(running, "latency")["severity"] == "critical"
    running.edit(watch={"adaptations_per_1000": 100})
    assert sign(running, "latency")["evidence"]["which"] == ["latency"]
    running.edit(watch={"latency_s": 100.0})
    assert look(running)["cleared"] == ["latency"]
    assert told(running, "fires too often, or answers come late") == 2


def test_an_error_that_rises_unnoticed_and_is_noticed_at_last(running: Plant) -> None:
    running.edit(watch={"cooldown_s": 0})
    feed(running, 4, 1000)
    assert sign(running, "unnoticed_error")["verdict"] == "well"
    for turn in range(4):  # the same inputs mean another target: no sensor moves
        runs = recordings(25, running.rng, first=2000 + 25 * turn)
        running.publish([replace(run, target=run.target + 3.0) for run in runs])
        running.answer()
    assert running.world.ledger.events(running.process) == []
    assert look(running)["raised"] == ["unnoticed_error"]
    assert look(running)["raised"] == []
    assert told(running, "nothing has noticed") == 1
    assert running.notices.told[-1].severity == "critical"
    decided = steps.decide(running.world, running.process)  # the policy sees the error
    assert decided["branch"] == "adapt", decided
    assert "noticed: drift event" in sign(running, "unnoticed_error")["text"]
    assert look(running)["cleared"] == ["unnoticed_error"]


def test_a_release_that_is_erratic_beside_the_one_it_replaced(plant: Plant) -> None:
    world, process = plant.world, plant.process
    first = plant.initialize()
    feed(plant, 1, 1000)
    assert sign(plant, "erratic")["verdict"] == "unknown", "it replaced none"
    serving, key = in_production(world, process), "forced"
    nervous = replace(serving.bundle.model, scale=4.0 * serving.bundle.model.scale)
    forced = replace(serving.bundle, model=nervous, trace=None)  # else parity refuses it
    folder = challenger.leave(world, process, key, 1, forced, None)
    challenger.declare(world, process, key, folder, kind="refit", event=None, over=first)
    steps.evaluate(world, process, key=key)
    steps.stage(world, process, key=key)
    second = steps.promote(world, process, key=key, by_hand=True)["version"]
    assert sign(plant, "erratic")["verdict"] == "unknown", "nothing was answered by both"
    feed(plant, 2, 2000)
    assert f"erratic:{second}" in look(plant)["raised"]
    found = sign(plant, "erratic")["evidence"]
    assert (found["release"], found["replaced"], found["samples"]) == (second, first, 50)
    assert found["ratio"] == pytest.approx(4.0, abs=0.1)
    assert look(plant)["raised"] == []
    assert told(plant, f"erratically ({second})") == 1
    decided = steps.decide(world, process)
    assert decided["branch"] == "roll_back", "it is worse too"
    steps.roll_back(world, process, version=first, who="dq", why=decided["why"])
    assert f"erratic:{second}" in look(plant)["cleared"], "it answers no more"


def test_scores_that_are_stuck_have_the_learned_scorer_fitted_anew(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, process = plant.world, plant.process
    plant.edit(
        watch={"cooldown_s": 0, "error_ratio": 10.0},
        quality={"scorer": "learned", "oracle_share": 0.3, "oracle_tolerance": 1.0, "threshold": 0.1},
    )
    first = plant.initialize()
    plant.publish(recordings(250, plant.rng, first=1000))
    plant.answer()
    assert sign(plant, "stuck_scores")["verdict"] == "well"
    with monkeypatch.context() as patch:
        patch.setattr(LearnedScorer, "score", lambda _, batch, *__: np.full(len(batch), 0.8))
        plant.publish(recordings(100, plant.rng, first=2000))
        plant.answer()
    found = look(plant)
    assert found["raised"] == ["stuck_scores"], sign(plant, "stuck_scores")["text"]
    assert found["due"].startswith("rescore-0-")
    due = agenda.read(world, process).due
    assert due is not None
    assert (due["key"], due["kind"], due["span"]) == (found["due"], "rereference", None)
    again = look(plant)
    assert (again["raised"], again["due"]) == ([], found["due"]), "due once"
    assert told(plant, "score is stuck") == 1
    usual = sign(plant, "stuck_scores")["evidence"]["usual"]
    steps.adapt(world, process, holder="test")
    assert in_production(world, process).version != first
    assert look(plant)["alerts"] == ["stuck_scores"], "nothing is known of the new one yet"
    plant.publish(recordings(100, plant.rng, first=3000))
    plant.answer()
    assert sign(plant, "stuck_scores")["evidence"]["usual"] == usual, "that of before the alert"
    assert look(plant)["cleared"] == ["stuck_scores"]
