from __future__ import annotations

import multiprocessing
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaProducer, TopicPartition

from dq_pipeline.adapters.kafka import KafkaStream
from dq_pipeline.errors import DataLossError, StreamError
from dq_pipeline.records import OffsetRange, Outgoing

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def stream(servers) -> Iterator[KafkaStream]:
    with KafkaStream(servers.kafka) as stream:
        yield stream


@pytest.fixture(scope="module")
def admin(servers) -> Iterator[Any]:
    admin = KafkaAdminClient(bootstrap_servers=servers.kafka)
    yield admin
    admin.close()


@pytest.fixture
def topic(admin, topic_prefix) -> str:
    """Two partitions, messages up to 16 MiB."""
    return create(admin, f"{topic_prefix}samples")


def create(admin: Any, name: str, partitions: int = 2, **configs: str) -> str:
    options = {"max.message.bytes": "16777216", **{key.replace("_", "."): value for key, value in configs.items()}}
    admin.create_topics({name: {"num_partitions": partitions, "configs": options}}, wait_for_metadata=True)
    return name


def fill(stream: KafkaStream, topic: str, count: int, size: int = 8) -> None:
    stream.publish(
        Outgoing(topic, f"k{i}".encode(), f"{i:0{size}d}".encode(), (("n", b"%d" % i),)) for i in range(count)
    )


def test_a_thousand_messages_out_and_in(stream, topic):
    started = time.monotonic()
    fill(stream, topic, 1000)
    marks = stream.watermarks(topic)
    ranges = [OffsetRange(part, first, after) for part, (first, after) in marks.items()]
    messages = list(stream.read(topic, ranges))
    assert time.monotonic() - started < 20
    assert sorted(int(message.value) for message in messages) == list(range(1000))
    assert [(m.partition, m.offset) for m in messages] == sorted((m.partition, m.offset) for m in messages)
    assert all(m.key == f"k{int(m.value)}".encode() and m.headers == (("n", b"%d" % int(m.value)),) for m in messages)
    assert all(abs(m.timestamp_ms / 1000 - time.time()) < 60 for m in messages)


def test_exactly_the_range(stream, topic):
    fill(stream, topic, 200)
    marks = stream.watermarks(topic)
    wanted = [OffsetRange(1, 3, 3), OffsetRange(1, 10, 25), OffsetRange(0, marks[0][1] - 1, marks[0][1])]
    expected = [(1, offset) for offset in range(10, 25)] + [(0, marks[0][1] - 1)]
    for _ in range(2):
        assert [(m.partition, m.offset) for m in stream.read(topic, wanted)] == expected
    assert list(stream.read(topic, [])) == []


def test_two_readers_at_once(stream, topic):
    fill(stream, topic, 100)
    first = stream.read(topic, [OffsetRange(0, 0, 20)])
    second = stream.read(topic, [OffsetRange(0, 10, 30)])
    pairs = [(a.offset, b.offset) for a, b in zip(first, second, strict=True)]
    assert pairs == [(i, i + 10) for i in range(20)]


def test_a_range_that_starts_while_the_rest_was_left_unread(stream, topic):
    fill(stream, topic, 100)
    left = stream.read(topic, [OffsetRange(0, 0, 20)])
    next(left)
    del left
    assert [m.offset for m in stream.read(topic, [OffsetRange(0, 5, 8)])] == [5, 6, 7]


def test_messages_of_ten_megabytes(servers, stream, topic):
    values = [bytes([i]) * 10_000_000 for i in range(4)]
    assert stream.publish(Outgoing(topic, b"same key", value) for value in values) == 4
    part = next(part for part, (_, after) in stream.watermarks(topic).items() if after)
    assert [m.value for m in stream.read(topic, [OffsetRange(part, 0, 4)])] == values
    with KafkaStream(servers.kafka, max_message_bytes=1000) as small:
        assert [len(m.value) for m in small.read(topic, [OffsetRange(part, 1, 2)])] == [10_000_000]


def test_a_message_that_is_too_large_is_refused(stream, admin, topic_prefix, topic):
    with pytest.raises(StreamError, match="Publishing to"):
        stream.publish([Outgoing(topic, b"k", bytes(20_000_000))])
    topic = create(admin, f"{topic_prefix}small", max_message_bytes="10000")
    with pytest.raises(StreamError, match=topic):
        stream.publish([Outgoing(topic, b"k", b"x"), Outgoing(topic, b"k", bytes(20_000))])
    assert stream.publish([Outgoing(topic, b"k", b"x")]) == 1


def test_messages_without_a_value_or_key(servers, stream, topic):
    producer = KafkaProducer(bootstrap_servers=servers.kafka)
    producer.send(topic, value=None, key=b"k", partition=0)
    producer.send(topic, value=b"v", partition=0)
    producer.close()
    found = list(stream.read(topic, [OffsetRange(0, 0, 2)]))
    assert [(m.key, m.value, m.headers) for m in found] == [(b"k", None, ()), (None, b"v", ())]


def test_aborted_messages_and_markers_are_passed_over(servers, stream, topic):
    producer = KafkaProducer(bootstrap_servers=servers.kafka, transactional_id=f"{topic}-writer")
    producer.init_transactions()
    for text, good in (("a", True), ("b", False), ("c", True), ("d", False)):
        producer.begin_transaction()
        producer.send(topic, value=text.encode(), partition=0)
        producer.flush()
        if good:
            producer.commit_transaction()
        else:
            producer.abort_transaction()
    producer.close()
    first, after = stream.watermarks(topic)[0]
    assert (first, after) == (0, 8)
    assert [(m.offset, m.value) for m in stream.read(topic, [OffsetRange(0, 0, 8)])] == [(0, b"a"), (4, b"c")]
    assert list(stream.read(topic, [OffsetRange(0, 6, 8)])) == []
    assert stream.oldest_ms(topic, {0: 6, 1: 0}) is None
    assert stream.oldest_ms(topic, {0: 1, 1: 0}) is not None


def test_what_retention_removed_is_data_loss(stream, admin, topic):
    fill(stream, topic, 100)
    end = stream.watermarks(topic)[0][1]
    reading = stream.read(topic, [OffsetRange(0, 0, end)])
    admin.delete_records({TopicPartition(topic, 0): 30})
    assert stream.watermarks(topic)[0] == (30, end)
    with pytest.raises(DataLossError, match=r"partition 0 offsets 10 to 29\b.*retention_h"):
        stream.read(topic, [OffsetRange(0, 10, 40)])
    with pytest.raises(DataLossError, match=r"partition 0 offsets 10 to 19\b"):
        stream.read(topic, [OffsetRange(0, 10, 20)])
    with pytest.raises(DataLossError, match="partition 0 offsets 0 to 29"):
        list(reading)
    assert [m.offset for m in stream.read(topic, [OffsetRange(0, 30, 33)])] == [30, 31, 32]
    assert stream.lag(topic, {0: 10, 1: 100}) == end - 30


def test_a_range_beyond_the_end(stream, topic):
    fill(stream, topic, 10)
    with pytest.raises(StreamError, match="partition 0 up to 5000, which ends at"):
        stream.read(topic, [OffsetRange(0, 0, 5000)])
    with pytest.raises(StreamError, match=r"expected partitions \[7\]; found \[0, 1\]"):
        stream.read(topic, [OffsetRange(7, 0, 1)])


def test_an_unknown_topic(stream, topic_prefix):
    name = f"{topic_prefix}nothing"
    for call in (
        lambda: stream.watermarks(name),
        lambda: stream.read(name, [OffsetRange(0, 0, 1)]),
        lambda: stream.oldest_ms(name, {}),
    ):
        with pytest.raises(StreamError, match=r"dq topics"):
            call()
    assert name not in stream._clients.admin().list_topics()


def test_publishing_to_an_unknown_topic(stream, topic_prefix):
    started = time.monotonic()
    with pytest.raises(StreamError, match=f"{topic_prefix}nothing.*dq topics"):
        stream.publish([Outgoing(f"{topic_prefix}nothing", b"k", b"v")])
    assert time.monotonic() - started < 3


def test_lag_and_the_oldest_message(stream, topic):
    assert stream.lag(topic, {}) == 0
    assert stream.oldest_ms(topic, {}) is None
    fill(stream, topic, 50)
    ends = {part: after for part, (_, after) in stream.watermarks(topic).items()}
    everything = list(stream.read(topic, [OffsetRange(part, 0, end) for part, end in ends.items()]))
    assert stream.lag(topic, {}) == 50
    assert stream.lag(topic, {0: ends[0] - 2, 1: ends[1]}) == 2
    assert stream.oldest_ms(topic, {}) == min(m.timestamp_ms for m in everything)
    last = next(m for m in everything if (m.partition, m.offset) == (1, ends[1] - 1))
    for _ in range(2):
        assert stream.oldest_ms(topic, {0: ends[0], 1: ends[1] - 1}) == last.timestamp_ms
    assert stream.oldest_ms(topic, ends) is None


def test_commit_is_seen_by_monitoring_tools(stream, admin, topic):
    group = f"{topic}-group"
    fill(stream, topic, 10)
    stream.commit(group, topic, {0: 2, 1: 1})
    stream.commit(group, topic, {0: 3})
    stream.commit(group, topic, {})
    offsets = admin.list_group_offsets({group: None})[group]
    assert {part.partition: entry.offset for part, entry in offsets.items()} == {0: 3, 1: 1}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_no_broker_is_said_quickly(caplog):
    started, threads = time.monotonic(), threading.active_count()
    with KafkaStream(f"127.0.0.1:{_free_port()}") as stream:
        for call in (lambda: stream.watermarks("t"), lambda: stream.publish([Outgoing("t", b"k", b"v")])):
            with pytest.raises(StreamError, match=r"expected an answer from Kafka at 127\.0\.0\.1:\d+.*dq doctor"):
                call()
        stream.commit("group", "t", {0: 1})
    assert time.monotonic() - started < 3
    assert threading.active_count() == threads
    assert "Connecting: expected an answer" in caplog.text


def test_a_broker_that_accepts_and_never_answers():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started, threads = time.monotonic(), threading.active_count()
        with (
            KafkaStream(f"127.0.0.1:{silent.getsockname()[1]}", connect_timeout_s=1, timeout_s=1) as stream,
            pytest.raises(StreamError, match="expected an answer"),
        ):
            stream.watermarks("t")
        assert time.monotonic() - started < 6
        assert threading.active_count() == threads


def _in_a_child(stream: KafkaStream, topic: str, answers: Any) -> None:
    answers.put((stream.publish([Outgoing(topic, b"k", b"child")]), stream.lag(topic, {})))
    stream.close()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_has_connections_of_its_own(stream, topic):
    fill(stream, topic, 5)
    assert stream.oldest_ms(topic, {}) is not None
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    child = context.Process(target=_in_a_child, args=(stream, topic, answers))
    child.start()
    assert answers.get(timeout=30) == (1, 6)
    child.join(30)
    assert child.exitcode == 0
    assert stream.lag(topic, {}) == 6


def test_closed_connections_open_again(servers, topic):
    stream = KafkaStream(servers.kafka)
    fill(stream, topic, 3)
    stream.close()
    stream.close()
    assert stream.lag(topic, {}) == 3
    stream.close()
