from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dq_pipeline.errors import DataError
from dq_pipeline.feed import prepare, publish
from dq_pipeline.late_labels import Late
from dq_pipeline.process import Process
from dq_pipeline.process_file import load
from dq_pipeline.recording import Recording, place
from dq_pipeline.records import Outgoing
from dq_pipeline.simulate.vacuum import simulate
from dq_pipeline.wire import decode
from dq_pipeline.wire.labels import decode_label

PROCESSES = Path(__file__).parents[1] / "dags" / "processes"
ERROR = 0.05


class Topic:
    def __init__(self) -> None:
        self.messages: list[Outgoing] = []

    @property
    def stream(self) -> Topic:
        return self

    def publish(self, messages: Any) -> None:
        self.messages.extend(messages)


@pytest.fixture(scope="module")
def vacuum() -> Process:
    return load(PROCESSES / "vacuum.yaml")


@pytest.fixture(scope="module")
def recordings() -> list[Recording]:
    return simulate(24, np.random.default_rng(3))


def sent(process: Process, feed: Any, **options: Any) -> list[Outgoing]:
    topic: Any = Topic()
    publish(topic, process, feed, **options)
    return list(topic.messages)


def _order(process: Process, messages: list[Outgoing]) -> list[tuple[str, str]]:
    """(what, sample id) of each message, in the order of publishing."""
    order = []
    for m in messages:
        if m.topic == process.stream.labels_topic:
            order.append(("label", decode_label(m.value, m.headers, process).sample_id))
        else:
            read = decode(m.value, m.headers, process, None, m.key)
            order.append((read.scope, read.recording.sample_id))
    return order


@pytest.mark.parametrize("lead", [0, 3])
@pytest.mark.parametrize("cuts", [(24,), (7, 24), (10, 20, 24)])
def test_each_label_so_many_recordings_late_and_the_rest_after_the_last(vacuum, recordings, lead, cuts):
    feed = prepare(recordings, vacuum, seed=1, late=Late(lag=5))
    messages, first = [], 0
    for stop in cuts:
        messages += sent(vacuum, feed, lead=lead, first=first, stop=stop)
        first = stop
    order = _order(vacuum, messages)
    assert len(order) == 3 * 24 == len(set(order))
    ids = [recording.sample_id for recording in recordings]
    labels = [name for what, name in order if what == "label"]
    assert labels == ids
    for k, name in enumerate(ids):
        complete = {sample for what, sample in order[: order.index(("label", name))] if what == "completion"}
        assert len(complete) == min(k + 5, 23) + 1


def test_labels_say_the_target_instead_of_the_recordings(vacuum, recordings):
    feed = prepare(recordings, vacuum, seed=1, faults=0.5, late=Late(lag=2))
    for message in sent(vacuum, feed):
        if message.topic == vacuum.stream.labels_topic:
            label = decode_label(message.value, message.headers, vacuum)
            whole = next(one for one in recordings if one.sample_id == label.sample_id)
            assert label.value == place(whole, vacuum, "completion").target
            assert label.annotator == "laboratory"
        else:
            assert decode(message.value, message.headers, vacuum, None, message.key).recording.target is None
    assert feed.recordings[0].target is None
    assert feed.labels is not None
    assert feed.labels.said["vacuum-000003"].at == recordings[5].start


def test_wrong_labels_are_off_by_what_is_asked_and_the_manifest_says_which(vacuum, recordings):
    late = Late(lag=4, wrong=0.25, error=ERROR)
    feed = prepare(recordings, vacuum, seed=2, faults=0.25, damaged=["truncated", "text"], late=late)
    told = feed.manifest(vacuum, 24)
    labels = told["labels"]
    assert (labels["lag"], labels["count"], len(labels["wrong"])) == (4, 24, 6)
    assert not set(labels["wrong"]) & {*told["faults"], *told["damaged"]}
    for message in sent(vacuum, feed):
        if message.topic == vacuum.stream.labels_topic:
            label = decode_label(message.value, message.headers, vacuum)
            right = place(recordings[int(label.sample_id[-6:])], vacuum, "completion").target
            off = abs(label.value - right) / ERROR
            assert 3.0 <= off <= 8.0 if label.sample_id in labels["wrong"] else off == 0.0
            if label.sample_id in labels["wrong"]:
                assert labels["wrong"][label.sample_id] == {"said": label.value, "right": right}


def test_the_recordings_are_those_fed_without_labels(vacuum, recordings):
    options: dict[str, Any] = {"seed": 5, "faults": 0.2, "damaged": ["text"], "strays": 1}
    plain = prepare(recordings, vacuum, **options)
    labelled = prepare(recordings, vacuum, late=Late(wrong=0.1, error=ERROR), **options)
    assert (plain.faults, plain.damaged, plain.strays) == (labelled.faults, labelled.damaged, labelled.strays)
    for one, other in zip(plain.recordings, labelled.recordings, strict=True):
        np.testing.assert_array_equal(one.values, other.values)
    again = prepare(recordings, vacuum, late=Late(wrong=0.1, error=ERROR), **options)
    assert again.labels == labelled.labels


def test_a_process_whose_target_comes_from_labels_is_labelled_by_the_column_of_its_recordings(vacuum, recordings):
    target = vacuum.target.model_copy(update={"from_": "labels"})
    process = vacuum.model_copy(update={"target": target})
    feed = prepare(recordings, process, seed=1, late=Late())
    assert feed.labels == prepare(recordings, vacuum, seed=1, late=Late()).labels


def test_a_wrong_class_is_another_one(vacuum, recordings):
    target = vacuum.target.model_copy(
        update={"task": "classification", "classes": ("low", "middle", "high"), "transform": "none"}
    )
    process = vacuum.model_copy(update={"target": target})
    classed = [replace(one, target=np.full(len(one.values), i % 3)) for i, one in enumerate(recordings)]
    labels = prepare(classed, process, seed=1, late=Late(wrong=0.5)).labels
    assert labels is not None
    assert len(labels.right) == 12
    for name, right in labels.right.items():
        assert labels.said[name].value in {0.0, 1.0, 2.0} - {right}


@pytest.mark.parametrize(
    ("late", "column", "message"),
    [
        (Late(wrong=0.1), "lowest_pressure", "sd of the model's error"),
        (Late(wrong=1.5, error=1.0), "lowest_pressure", "a share of 0 to 1"),
        (Late(), "pressure", "pressure is one"),
    ],
)
def test_says_what_cannot_be_labelled(vacuum, recordings, late, column, message):
    process = vacuum.model_copy(update={"target": vacuum.target.model_copy(update={"column": column})})
    with pytest.raises(DataError, match=message):
        prepare(recordings, process, seed=1, late=late)


def test_recordings_without_the_column_cannot_be_labelled(vacuum, recordings):
    bare = [replace(one, target=None) for one in recordings]
    with pytest.raises(DataError, match="lowest_pressure"):
        prepare(bare, vacuum, seed=1, late=Late())
