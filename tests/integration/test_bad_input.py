"""Messages that cannot be used are quarantined with their reason, and the rest of the batch goes on."""

from __future__ import annotations

import pytest

from dq_pipeline.recording import Recording
from dq_pipeline.simulate.damage import DAMAGES, corrupt_message
from dq_pipeline.wire.codec import FORM, KIND, encode

from .conftest import Plant, recordings  # type: ignore[import-not-found]

pytestmark = pytest.mark.integration


def _damaged(plant: Plant, kind: str, run: Recording) -> None:
    key, value, headers = encode(run, "completion", plant.world.process(plant.process), "arrow")
    for damaged, kept in corrupt_message(value, headers, kind, plant.rng):
        plant.send(key, damaged, kept)


def test_every_kind_of_damage_is_quarantined_counted_and_dead_lettered_and_the_rest_goes_on(running: Plant) -> None:
    good, bad = recordings(10, running.rng, first=1000), recordings(len(DAMAGES), running.rng, first=2000)
    for kind, run in zip(DAMAGES, bad, strict=True):
        _damaged(running, kind, run)
    running.send(b"rig/big", b"{" + b" " * 70_000 + b"}", [(FORM, b"json"), (KIND, b"completion")])
    running.send(b"rig/wrong", b"\xff\xff\xff\xff not Arrow", [(FORM, b"arrow"), (KIND, b"completion")])
    running.send(b"", b'{"version": 1, "sample_id": "a\\u0000b\\ud800"}', [(FORM, b"json")])
    running.edit(stream={"max_message_bytes": 65_536})
    running.publish(good)
    running.answer()

    recorded = running.summary()["recordings"]
    assert recorded["accepted"] == len(good) + 1, "the first of two duplicates is accepted"
    assert recorded["quarantined"] == {
        "columns": 2,
        "empty": 2,
        "not_numeric": 1,
        "schema": 2,
        "time": 2,
        "too_large": 1,
        "unknown_process": 1,
        "unreadable": 2,
    }
    assert recorded["read"] == recorded["accepted"] + sum(recorded["quarantined"].values())
    letters = running.messages("dead_letter")
    expected = sorted([reason for _, reason in DAMAGES.values()] + ["too_large", "unreadable", "schema"])
    assert sorted(letter["reason"] for letter in letters) == expected
    predicted = {message["sample_id"] for message in running.messages("predictions")}
    assert {run.sample_id for run in good} < predicted


def test_a_sample_received_before_is_a_duplicate_and_answered_once(running: Plant) -> None:
    runs = recordings(4, running.rng, first=1000)
    running.publish(runs)
    running.answer()
    running.publish(runs)
    running.answer()
    assert [letter["reason"] for letter in running.messages("dead_letter")] == ["duplicate"] * 8
    assert len(running.messages("predictions")) == 4
    assert running.summary()["recordings"] == {"read": 4, "accepted": 4, "quarantined": {}}
    assert running.world.ledger.sample_count(running.process) == 4


def test_a_batch_of_nothing_but_bad_messages_is_committed(running: Plant) -> None:
    for i in range(3):
        running.send(f"rig/b{i}".encode(), b"{", [])
    running.flush()
    assert running.answer() is not None
    assert running.summary()["recordings"] == {"read": 3, "accepted": 0, "quarantined": {"unreadable": 3}}
    assert running.answer() is None
    running.publish(recordings(2, running.rng, first=1000))
    assert running.answer()["predictions"] == 2  # type: ignore[index]


def test_a_person_finds_the_reason_with_the_place_of_the_message(running: Plant) -> None:
    run = recordings(1, running.rng, first=1000)[0]
    _damaged(running, "text", run)
    running.flush()
    running.answer()
    (letter,) = running.messages("dead_letter")
    assert letter["sample_id"] == run.sample_id
    assert letter["topic"] == running.world.process(running.process).stream.topic
    assert "expected" in letter["detail"]
    assert "found" in letter["detail"]
