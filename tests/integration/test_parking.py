"""What keeps failing is parked and reported, what is gone is reported; the stream goes on, and both can be mended."""

from __future__ import annotations

from dataclasses import replace

import pytest
from kafka import KafkaAdminClient, TopicPartition
from pyarrow import ArrowInvalid

from dq_pipeline import steps
from dq_pipeline.records import Loss
from dq_pipeline.steps import paths
from dq_pipeline.steps.clock import utc_now

from .conftest import Plant, recordings  # type: ignore[import-not-found]

pytestmark = pytest.mark.integration


def _fail(plant: Plant, attempts: int) -> None:
    """Runs that pull and then die of what they pulled."""
    for attempt in range(attempts):
        pulled = steps.pull(plant.world, plant.process, holder=f"run-{attempt}")
        assert pulled is not None
        plant.world.lake.put(paths.raw(plant.process, pulled["batch_id"]), b"broken")
        with pytest.raises(ArrowInvalid):
            steps.assess(plant.world, plant.process, batch_id=pulled["batch_id"], holder=f"run-{attempt}")
        plant.world.ledger.let_go(plant.process, f"run-{attempt}", "ArrowInvalid: broken", utc_now())


def test_a_batch_that_keeps_failing_is_parked_reported_and_brought_back(running: Plant) -> None:
    running.publish(recordings(5, running.rng, first=1000))
    _fail(running, attempts=3)
    running.publish(recordings(4, running.rng, first=2000))
    assert running.answer("next")["predictions"] == 4  # type: ignore[index]
    assert running.summary()["parked"] == 1
    assert "parked after 3 attempts" in running.notices.titles()
    (parked,) = [row for row in running.world.ledger.batches(running.process, 9) if row["state"] == "parked"]
    assert "ArrowInvalid" in parked["error"]

    assert steps.redrive(running.world, running.process)["batches"] == 1
    assert running.answer("later")["predictions"] == 5  # type: ignore[index]
    summary = running.summary()
    assert summary["recordings"] == {"read": 9, "accepted": 9, "quarantined": {}}
    assert (summary["parked"], summary["gaps"], summary["duplicates"]) == (0, 0, 0)
    assert [batch.samples for batch in running.world.ledger.committed(running.process)] == [4, 5]


def test_quarantined_messages_are_taken_up_again_after_the_process_file_was_mended(running: Plant) -> None:
    sensors = {name: {**one, "aliases": [f"{name}_new"]} for name, one in _sensors(running).items()}
    runs = [replace(r, sensors=tuple(f"{s}_new" for s in r.sensors)) for r in recordings(5, running.rng, first=1000)]
    running.publish(runs)
    running.answer()
    assert running.summary()["recordings"] == {"read": 5, "accepted": 0, "quarantined": {"columns": 5}}
    running.edit(sensors=sensors)
    assert steps.redrive(running.world, running.process)["messages"] == 10
    assert running.answer()["predictions"] == 5  # type: ignore[index]
    summary = running.summary()
    assert summary["recordings"] == {"read": 5, "accepted": 5, "quarantined": {}}
    assert (summary["gaps"], summary["outbox_pending"]) == (0, 0)
    assert steps.redrive(running.world, running.process)["messages"] == 0


def test_what_is_still_wrong_is_quarantined_again(running: Plant) -> None:
    running.send(b"rig/a", b"{", [])
    running.flush()
    running.answer()
    assert steps.redrive(running.world, running.process) == {"process": running.process, "batches": 0, "messages": 1}
    running.answer()
    assert running.summary()["recordings"] == {"read": 1, "accepted": 0, "quarantined": {"unreadable": 1}}


def _sensors(plant: Plant) -> dict[str, dict[str, object]]:
    return {
        name: {"unit": sensor.unit, "range": list(sensor.range)}
        for name, sensor in plant.world.process(plant.process).sensors.items()
    }


def _delete_before(plant: Plant, partition: int, offset: int) -> None:
    """What retention does to a partition."""
    admin = KafkaAdminClient(bootstrap_servers=plant.world.settings.kafka_bootstrap_servers)
    topic = plant.world.process(plant.process).stream.topic
    admin.delete_records({TopicPartition(topic, partition): offset})
    admin.close()


def _spread(plant: Plant) -> tuple[int, int]:
    """A partition with at least three messages unread, and where they begin."""
    topic = plant.world.process(plant.process).stream.topic
    positions = plant.world.ledger.positions(plant.process, topic)
    ends = {p: end for p, (_, end) in plant.world.stream.watermarks(topic).items()}
    return next((p, positions.get(p, 0)) for p, end in ends.items() if end - positions.get(p, 0) >= 3)


def test_messages_that_retention_removed_unread_are_reported_with_their_offsets(running: Plant) -> None:
    running.publish(recordings(8, running.rng, first=1000), ("completion",))
    running.answer()
    running.publish(recordings(8, running.rng, first=2000), ("completion",))
    partition, begin = _spread(running)
    _delete_before(running, partition, begin + 3)
    assert running.answer()["predictions"] == 5  # type: ignore[index]
    topic = running.world.process(running.process).stream.topic
    assert running.world.ledger.losses(running.process) == (Loss(topic, partition, begin, begin + 3),)
    assert f"offsets {begin} to {begin + 2}" in running.notices.titles()
    assert running.summary()["gaps"] == 3
    running.publish(recordings(2, running.rng, first=3000), ("completion",))
    assert running.answer()["predictions"] == 2  # type: ignore[index]
    assert len(running.world.ledger.losses(running.process)) == 1


def test_messages_that_retention_removed_after_they_were_claimed_are_reported_too(
    running: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    running.publish(recordings(8, running.rng, first=1000), ("completion",))
    partition, begin = _spread(running)
    read = running.world.stream.read

    def late(topic: str, ranges: object) -> object:
        monkeypatch.undo()
        _delete_before(running, partition, begin + 2)
        return read(topic, ranges)

    monkeypatch.setattr(running.world.stream, "read", late, raising=False)
    assert running.answer()["predictions"] == 6  # type: ignore[index]
    (loss,) = running.world.ledger.losses(running.process)
    assert (loss.partition, loss.start, loss.stop) == (partition, begin, begin + 2)
    assert running.summary()["gaps"] == 2
