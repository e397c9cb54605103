"""What a recording is answered with, and when."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dq_pipeline.recording import Recording
from dq_pipeline.steps.serving import in_production
from dq_pipeline.steps.training_data import training_data
from dq_pipeline.steps.watch_drift import committed_samples

from .conftest import Plant, faulty, recordings  # type: ignore[import-not-found]

pytestmark = pytest.mark.integration


def _alarming(plant: Plant) -> Recording:
    """A run whose rate the model sees falling below the alarm's limit."""
    runs = recordings(400, plant.rng, first=1000)
    return min(runs, key=lambda run: float(run.target.mean()))


def _renamed(runs: list[Recording], prefix: str) -> list[Recording]:
    return [replace(run, sample_id=f"{prefix}{run.sample_id}") for run in runs]


def _numbers(plant: Plant, prefix: str) -> list[tuple[Any, ...]]:
    """Value, bounds and quality of every answer whose sample id begins so, in order."""
    found = [m for m in plant.messages("predictions") if m["sample_id"].startswith(prefix)]
    return [
        (m["value"], m["lower"], m["upper"], m["quality"]) for m in sorted(found, key=lambda message: message["start"])
    ]


def test_the_alarm_stands_on_its_topic_before_the_recording_ends(running: Plant) -> None:
    run = _alarming(running)
    running.publish([run], ("horizon",))
    running.answer()
    (alarm,) = running.messages("alarms")
    assert (alarm["sample_id"], alarm["fallback"], alarm["limit"]) == (run.sample_id, None, 3.5)
    assert alarm["value"] < 3.5
    assert running.world.ledger.sample_count(running.process) == 0, "the recording goes on"

    running.publish([run], ("completion",))
    running.answer()
    assert len(running.messages("alarms")) == len(running.messages("predictions")) == 1, "answered once"
    (judged,) = running.world.ledger.judged(running.process)
    assert judged.value == alarm["value"]


def test_json_arrow_and_a_source_of_completions_alone_get_the_same_answers(running: Plant) -> None:
    runs = recordings(30, running.rng, first=1000)
    running.publish(_renamed(runs, "arrow-"), ("horizon",), "arrow")
    running.answer()
    running.publish(_renamed(runs, "json-"), ("horizon",), "json")
    running.answer()
    running.publish(_renamed(runs, "whole-"), ("completion",))
    running.answer()
    arrow = _numbers(running, "arrow-")
    assert len(arrow) == 30
    assert _numbers(running, "json-") == arrow
    assert _numbers(running, "whole-") == arrow


def test_a_completion_changes_nothing_that_its_horizon_was_answered_with(running: Plant) -> None:
    """The model never sees more than the horizon: what comes after may say anything."""
    runs = recordings(30, running.rng, first=1000)
    wild = [replace(run, values=run.values.copy()) for run in runs]
    for run in wild:
        run.values[20:] += 30.0
    running.publish(_renamed(runs, "calm-"), ("completion",))
    running.publish(_renamed(wild, "wild-"), ("completion",))
    running.answer()
    assert [n[:3] for n in _numbers(running, "wild-")] == [n[:3] for n in _numbers(running, "calm-")]


def test_a_horizon_below_the_threshold_is_answered_by_the_last_good_value_and_never_learned(running: Plant) -> None:
    good, bad = recordings(25, running.rng, first=1000), recordings(1, running.rng, first=2000)
    running.publish(good)
    running.answer()
    running.publish([faulty(bad[0], running.rng)])
    running.answer()
    message = next(m for m in running.messages("predictions") if m["sample_id"] == bad[0].sample_id)
    assert (message["fallback"], message["lower"], message["upper"]) == ("last_good", None, None)
    assert message["value"] == pytest.approx(good[-1].target[20:30].mean())
    process = in_production(running.world, running.process).process
    data = training_data(running.world, process)
    accepted = dict(zip(data.batch.ids, data.accepted.tolist(), strict=True))
    assert not accepted[bad[0].sample_id]
    assert sum(accepted[run.sample_id] for run in good) > 20


def test_no_fallback_says_so(plant: Plant) -> None:
    """And a sample whose completion alone is good does not train a model that would learn its horizon."""
    plant.edit(quality={"threshold": 0.25, "fallback": "none"})
    plant.initialize()
    bad = recordings(1, plant.rng, first=2000)
    plant.publish([faulty(bad[0], plant.rng)], ("horizon",))
    plant.answer()
    plant.publish(bad, ("completion",))
    plant.answer()
    (message,) = plant.messages("predictions")
    assert (message["fallback"], message["value"]) == ("none", None)
    assert plant.messages("alarms") == []
    data = training_data(plant.world, plant.world.process(plant.process))
    assert not data.accepted[data.batch.ids.index(bad[0].sample_id)]


def test_the_previous_release_answers_where_it_is_the_fallback(plant: Plant) -> None:
    plant.edit(quality={"threshold": 0.25, "fallback": "previous_release"})
    first = plant.initialize()
    before = in_production(plant.world, plant.process).bundle
    plant.edit(model={"trees": 20, "search": 1})
    second = plant.initialize("second")
    run = faulty(recordings(1, plant.rng, first=2000)[0], plant.rng)
    plant.publish([run])
    plant.answer()
    (message,) = plant.messages("predictions")
    assert (message["release"], message["fallback"]) == (second, "previous_release")
    batch = committed_samples(plant.world, plant.process, 0, 1)
    assert message["value"] == before.predict(batch).value[0]
    assert plant.world.ledger.release_by_key(plant.process, "initial-first").version == first
