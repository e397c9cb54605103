"""From a model down to the messages that it learned from, and back; what was refused, with its reason."""

from __future__ import annotations

import dataclasses
import importlib
import json
from typing import Any

import pytest
from mlflow import MlflowClient

from dq_pipeline import steps
from dq_pipeline.errors import DataError, StateError
from dq_pipeline.records import OffsetRange, TargetRow
from dq_pipeline.samples import SampleBatch
from dq_pipeline.steps import agenda, challenger, training_version
from dq_pipeline.steps.clock import utc_now
from dq_pipeline.wire.codec import decode

from .conftest import Plant, recordings  # type: ignore[import-not-found]

pytestmark = pytest.mark.integration


def ask(plant: Plant, key: str) -> None:
    """Make a refit due."""
    due = {"key": key, "kind": "refit", "event": None, "span": None, "why": "new labels", "attempts": 0}
    agenda.change(plant.world, plant.process, lambda now: dataclasses.replace(now, due=due))


def test_a_model_is_walked_to_its_messages_and_back(plant: Plant) -> None:
    world, process = plant.world, plant.process
    first = plant.initialize()
    runs = recordings(60, plant.rng, first=1000)
    runs[7] = dataclasses.replace(runs[7], target=runs[7].target + 4.0)
    runs[9] = dataclasses.replace(runs[9], target=runs[9].target + 4.0)
    runs[20] = dataclasses.replace(runs[19], sample_id=runs[20].sample_id, start=runs[20].start)
    for begin in (0, 30):
        plant.publish(runs[begin : begin + 30])
        plant.answer()
    wrong, looked, conflicting, copied = (runs[i].sample_id for i in (7, 9, 11, 20))
    value = float(runs[9].target[20:].mean())
    world.ledger.add_targets(process, [TargetRow(looked, value, "review", "anna")], utc_now())
    steps.add_labels(world, process, [{"sample_id": conflicting, "value": 5.0}])
    steps.add_labels(world, process, [{"sample_id": conflicting, "value": 5.5}])

    asked = steps.would_refuse(world, process)
    told = {one["sample_id"]: one["gate"] for one in asked["refused"]}
    expected = {wrong: "consistency", conflicting: "conflict", copied: "duplicate"}
    assert {name: told.get(name) for name in expected} == expected
    assert asked["new"] == 60 - sum(one["sample_id"] >= "r001" for one in asked["refused"])
    assert [row.version for row in world.ledger.releases(process)] == [first], "nothing was trained"
    assert len(world.ledger.training_sets(process)) == 1

    ask(plant, "labels-0-1")
    made = steps.adapt(world, process, holder="test")
    row = world.ledger.release_by_key(process, "labels-0-1")
    assert row is not None, made

    down = steps.lineage(world, process, version=row.version)
    batch = down["batch"]
    assert down["release"]["run_id"] == row.run_id
    assert [one["version"] for one in batch["learned_by"]] == [row.version]
    assert batch["counts"] == asked["counts"]
    assert batch["reviewers"] == {"anna": 1}
    assert {one["sample_id"] for one in batch["refusals"]} == {one["sample_id"] for one in asked["refused"]}
    learned = {name for part in batch["micro_batches"] for name in part["ids"]}
    assert len(learned) == batch["samples"]
    assert looked in learned
    assert not learned & {wrong, conflicting, copied}
    run = MlflowClient(tracking_uri=world.settings.mlflow_tracking_uri).get_run(row.run_id)
    assert run.data.tags["dq.training_batch"] == batch["hash"]
    for part in batch["micro_batches"]:
        assert set(part["ids"]) <= set(SampleBatch.ids_of(world.lake.get(part["uri"])))
    manifest = json.loads(world.lake.get(batch["uri"]))
    assert {one["sample_id"] for one in manifest["samples"]} == learned

    parts = [part for part in batch["micro_batches"] if part["source"] == "stream"]
    assert len(parts) == 2
    settings = world.process(process)
    for part in parts:
        read = {
            decode(message.value, message.headers, settings, runs[-1].start, message.key).recording.sample_id
            for span in part["learned"]
            for message in world.stream.read(
                part["topic"], [OffsetRange(span["partition"], span["first"], span["last"] + 1)]
            )
        }
        assert set(part["ids"]) <= read, "the recordings are at the offsets told"
        for span in part["learned"]:
            (whole,) = [one for one in part["ranges"] if one["partition"] == span["partition"]]
            assert whole["start"] <= span["first"] <= span["last"] < whole["stop"]

    (up,) = steps.lineage(world, process, sample=looked)["samples"]
    assert up["target"] == {"value": value, "origin": "review", "by": "anna"}
    assert [one["hash"] for one in up["batches"]] == [batch["hash"]]
    assert up["batches"][0]["learned_by"][0]["version"] == row.version
    for message in up["messages"]:
        place = OffsetRange(message["partition"], message["offset"], message["offset"] + 1)
        (raw,) = world.stream.read(message["topic"], [place])
        found = decode(raw.value, raw.headers, settings, runs[-1].start, raw.key)
        assert (found.recording.sample_id, found.scope) == (looked, message["scope"])
        back = steps.lineage(world, process, message=(message["partition"], message["offset"]))
        assert back["samples"] == [up]
    (never,) = steps.lineage(world, process, sample=wrong)["samples"]
    assert never["batches"] == []
    assert [one["gate"] for one in never["refused"]] == ["consistency"]
    assert steps.lineage(world, process, batch=batch["hash"][:10])["batch"] == batch
    (old,) = steps.lineage(world, process, sample="r000005")["samples"]
    assert {one["learned_by"][0]["version"] for one in old["batches"]} == {first, row.version}
    history = steps.lineage(world, process, version=first)["batch"]["micro_batches"]
    assert {part["source"] for part in history} == {"history"}
    for wanted in ({"sample": "nobody"}, {"batch": "x"}, {"version": "99"}, {"message": (0, 10**6)}):
        with pytest.raises(StateError):
            steps.lineage(world, process, **wanted)


def test_the_same_training_twice_is_one_version(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    world, process = plant.world, plant.process
    plant.initialize()
    plant.publish(recordings(30, plant.rng, first=1000))
    plant.answer()
    made: list[str] = []
    real = training_version.keep_version

    def remembered(*arguments: Any) -> str:
        made.append(real(*arguments))
        return made[-1]

    adaptation = importlib.import_module("dq_pipeline.steps.adapt")
    monkeypatch.setattr(adaptation, "keep_version", remembered)
    monkeypatch.setattr(adaptation, "leave", _failing(challenger.leave))
    ask(plant, "labels-0-1")
    with pytest.raises(OSError, match="died"):
        steps.retrain(world, process, holder="test")
    assert steps.retrain(world, process, holder="test")["key"] == "labels-0-1"
    assert len(made) == 2
    assert made[0] == made[1]
    assert [one.hash for one in world.ledger.training_sets(process)][1:] == [made[0]]
    (count,) = plant.rows("SELECT count(*) FROM dq.training_batches WHERE process = %s")[0]
    assert count == 2


def test_too_few_new_samples_are_no_training(plant: Plant) -> None:
    plant.initialize()
    plant.publish(recordings(3, plant.rng, first=1000))
    plant.answer()
    ask(plant, "labels-0-1")
    with pytest.raises(DataError, match=r"at least 5 new samples expected.*found 3"):
        steps.retrain(plant.world, plant.process, holder="test")
    assert len(plant.world.ledger.training_sets(plant.process)) == 1


def _failing(real: Any) -> Any:
    calls: list[int] = []

    def leave(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            raise OSError("died")
        return real(*arguments)

    return leave
