from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dq_pipeline import process_file
from dq_pipeline.adapters.kafka import KafkaStream
from dq_pipeline.adapters.kafka_topics import topics
from dq_pipeline.errors import StreamError
from dq_pipeline.process import Process
from dq_pipeline.records import OffsetRange, Outgoing

VACUUM = process_file.load(Path(__file__).parents[2] / "dags" / "processes" / "vacuum.yaml")


def renamed(prefix: str, **stream: object) -> Process:
    names = {
        key: f"{prefix}{getattr(VACUUM.stream, key)}"
        for key in ("topic", "labels_topic", "predictions_topic", "alarms_topic", "dead_letter_topic")
    }
    return VACUUM.model_copy(update={"stream": VACUUM.stream.model_copy(update={**names, **stream})})


@pytest.fixture(scope="module")
def stream(servers) -> Iterator[KafkaStream]:
    with KafkaStream(servers.kafka) as stream:
        yield stream


def test_the_topics_of_a_process():
    found = {topic.role: topic for topic in topics(VACUUM)}
    assert [topic.name for topic in found.values()] == [
        "vacuum.samples",
        "vacuum.labels",
        "vacuum.predictions",
        "vacuum.alarms",
        "vacuum.dead-letters",
    ]
    assert found["samples"].retention_ms == 7 * 24 * 3_600_000
    # a message beyond the process' limit must arrive to be quarantined, and its dead letter must fit
    assert (
        VACUUM.stream.max_message_bytes < found["samples"].max_message_bytes < found["dead letters"].max_message_bytes
    )


@pytest.mark.integration
def test_created_once(stream, topic_prefix):
    process = renamed(topic_prefix)
    looked = stream.ensure_topics(process, create=False)
    assert set(looked.missing) == {topic.name for topic in topics(process)}
    assert looked.created == ()
    first = stream.ensure_topics(process)
    assert set(first.created) == set(looked.missing)
    assert (first.missing, first.differs) == ((), ())
    again = stream.ensure_topics(process)
    assert (again.created, again.missing, again.differs) == ((), (), ())
    assert len(stream.watermarks(process.stream.topic)) == process.stream.partitions


@pytest.mark.integration
def test_a_message_beyond_the_limit_and_its_dead_letter_fit(stream, topic_prefix):
    process = renamed(topic_prefix)
    stream.ensure_topics(process)
    value = bytes(16_500_000)
    stream.publish([Outgoing(process.stream.topic, b"k", value)])
    part = next(part for part, (_, after) in stream.watermarks(process.stream.topic).items() if after)
    message = next(iter(stream.read(process.stream.topic, [OffsetRange(part, 0, 1)])))
    assert len(message.value) > process.stream.max_message_bytes
    stream.publish([Outgoing(process.stream.dead_letter_topic, b"k", message.value, (("detail", bytes(100_000)),))])


@pytest.mark.integration
def test_differences_are_said_and_nothing_is_changed(stream, topic_prefix):
    stream.ensure_topics(renamed(topic_prefix))
    wider = renamed(topic_prefix, partitions=3, retention_h=1000.0)
    found = stream.ensure_topics(wider).differs
    assert {(d.topic.removeprefix(topic_prefix), d.setting, d.expected, d.found) for d in found} >= {
        ("vacuum.samples", "partitions", "3", "2"),
        ("vacuum.samples", "retention.ms", "3600000000", "604800000"),
    }
    assert any("never changed in silence" in str(difference) for difference in found)
    assert any("kafka-configs --alter" in str(difference) for difference in found)
    assert len(stream.watermarks(wider.stream.topic)) == 2
    shorter = stream.ensure_topics(renamed(topic_prefix, retention_h=1.0))
    assert shorter.differs == ()  # a topic that keeps more than needed is no fault


@pytest.mark.integration
def test_a_refused_topic_is_named(stream, topic_prefix):
    with pytest.raises(StreamError, match=f"{topic_prefix}vacuum.*InvalidPartitions"):
        stream.ensure_topics(renamed(topic_prefix, partitions=0))
