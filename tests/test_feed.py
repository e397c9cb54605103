from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dq_pipeline import feed as feeding
from dq_pipeline.channels import Channel
from dq_pipeline.errors import DataError, SampleError
from dq_pipeline.feed import Drift, prepare, publish
from dq_pipeline.process import Process
from dq_pipeline.process_file import load
from dq_pipeline.recording import Recording, place
from dq_pipeline.records import Outgoing
from dq_pipeline.simulate.damage import DAMAGES
from dq_pipeline.simulate.vacuum import simulate
from dq_pipeline.wire import decode

PROCESSES = Path(__file__).parents[1] / "dags" / "processes"


@dataclass
class Topic:
    """Keeps what is published, and forgets it when it is read."""

    messages: list[Outgoing] = field(default_factory=list)
    read: int = 0
    looks: int = 0

    def publish(self, messages: Iterable[Outgoing]) -> int:
        before = len(self.messages)
        self.messages.extend(messages)
        return len(self.messages) - before

    def watermarks(self, _: str) -> dict[int, tuple[int, int]]:
        self.looks += 1
        return {0: (0, len(self.messages))}

    def positions(self, _process: str, _topic: str) -> dict[int, int]:
        self.read = len(self.messages) if self.looks % 2 == 0 else self.read
        return {0: self.read}


@dataclass
class World:
    topic: Topic = field(default_factory=Topic)

    @property
    def stream(self) -> Topic:
        return self.topic

    @property
    def ledger(self) -> Topic:
        return self.topic


@pytest.fixture(scope="module")
def vacuum() -> Process:
    return load(PROCESSES / "vacuum.yaml")


@pytest.fixture(scope="module")
def recordings() -> list[Recording]:
    return simulate(24, np.random.default_rng(3))


def sent(process: Process, feed: feeding.Feed, **options: Any) -> list[Outgoing]:
    world: Any = World()
    publish(world, process, feed, **options)
    return world.topic.messages


@pytest.mark.parametrize("lead", [0, 3])
@pytest.mark.parametrize("form", ["arrow", "json"])
def test_each_horizon_before_its_completion_and_nothing_else(vacuum, recordings, lead, form):
    read = [
        decode(m.value, m.headers, vacuum, None, m.key)
        for m in sent(vacuum, _plain(vacuum, recordings[:12]), lead=lead, form=form)
    ]
    order = [(one.recording.sample_id, one.scope) for one in read]
    assert len(order) == len(set(order)) == 24
    for recording in recordings[:12]:
        name = recording.sample_id
        assert order.index((name, "horizon")) < order.index((name, "completion"))
    assert max(len(one.recording.values) for one in read if one.scope == "horizon") == vacuum.sample.horizon_rows


def test_counts_what_the_ledger_will_count(vacuum, recordings):
    feed = prepare(recordings, vacuum, seed=1, faults=0.25, damaged=list(DAMAGES), strays=2)
    assert feed.total == 26
    told = feed.manifest(vacuum, len(recordings))
    assert told["recordings"] == 26
    assert len(told["faults"]) == 6
    assert sorted(told["damaged"].values()) == sorted(DAMAGES)
    assert not set(told["faults"]) & set(told["damaged"])
    ids: set[str | None] = set()
    strays = 0
    for message in sent(vacuum, feed):
        try:
            ids.add(
                decode(
                    message.value, message.headers, vacuum, np.datetime64("2026-06-01"), message.key
                ).recording.sample_id
            )
        except SampleError as error:
            strays += error.sample_id is None
            ids.add(error.sample_id)
    assert strays == 2
    assert ids - {None} == {recording.sample_id for recording in recordings}


def test_a_drift_begins_where_it_is_said_to_and_its_first_recording_is_whole(vacuum, recordings):
    drift = Drift(at=10, kind="gain", sensors=("pump_current",), size=0.5, target_shift=1.0)
    feed = prepare(recordings, vacuum, seed=2, faults=0.5, damaged=list(DAMAGES), drift=drift)
    assert feed.injected == recordings[10].sample_id
    assert feed.injected not in feed.faults
    assert feed.injected not in feed.damaged
    j = recordings[0].sensors.index("pump_current")
    for i, (before, after) in enumerate(zip(recordings, feed.recordings, strict=True)):
        if after.sample_id not in feed.faults:
            np.testing.assert_allclose(after.values[:, j], before.values[:, j] * (1.5 if i >= 10 else 1.0))
            np.testing.assert_allclose(after.target, before.target + (1.0 if i >= 10 else 0.0))
    assert feed.manifest(vacuum, 24)["injected_position"] == 10
    assert feed.manifest(vacuum, 10)["injected"] is None


def test_the_same_seed_feeds_the_same(vacuum, recordings):
    options = {"seed": 5, "faults": 0.2, "damaged": ["truncated", "text"], "strays": 1}
    first, second = (sent(vacuum, prepare(recordings, vacuum, **options)) for _ in range(2))
    assert [(m.key, m.value) for m in first] == [(m.key, m.value) for m in second]


def test_waits_while_too_much_is_unread_and_ends_when_told(vacuum, recordings, monkeypatch):
    slept: list[float] = []
    monkeypatch.setattr(feeding.time, "sleep", slept.append)
    world: Any = World()
    done = publish(world, vacuum, _plain(vacuum, recordings), ahead=5)
    assert done == 24
    assert slept
    assert publish(World(), vacuum, _plain(vacuum, recordings), cancelled=lambda: True) == 0  # type: ignore[arg-type]


def test_says_what_cannot_be_fed(vacuum, recordings):
    with pytest.raises(DataError, match="none"):
        prepare([], vacuum, seed=1)
    with pytest.raises(DataError, match="Unknown damage bent"):
        prepare(recordings, vacuum, seed=1, damaged=["bent"])
    with pytest.raises(DataError, match="found one at 24"):
        prepare(recordings, vacuum, seed=1, drift=Drift(at=24))


def _plain(process: Process, recordings: list[Recording]) -> feeding.Feed:
    return prepare(recordings, process, seed=1)


def test_channels_are_fed_as_they_are_under_any_fault_and_drift(vacuum, recordings):
    entry = {"encoder": "categories", "categories": ["roughing", "high"]}
    process = Process.model_validate({**vacuum.model_dump(by_alias=True), "encoded": {"stage": entry}})
    rows = len(recordings[0].values)
    stage = Channel(np.arange(rows) * process.sample.period_s, ("roughing",) * 40 + ("high",) * (rows - 40))
    whole = [replace(recording, channels={"stage": stage}) for recording in recordings]
    feed = prepare(whole, process, seed=1, faults=1.0, drift=Drift(at=2))
    columns = [process.sensor_names.index(name) for name in ("stage_roughing", "stage_high")]
    expected = place(whole[0], process, "completion").values[:, columns]
    assert expected.mean(axis=0) == pytest.approx([40 / rows, 1 - 40 / rows])
    for message in sent(process, feed):
        read = decode(message.value, dict(message.headers), process)
        assert read.unknown == ()
        found = place(read.recording, process, read.scope).values[:, columns]
        np.testing.assert_array_equal(found, expected[: len(found)])
