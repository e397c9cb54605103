"""The stream on Apache Kafka: exact ranges in, acknowledged messages out. The ledger keeps the positions."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Self

from kafka import TopicPartition

from dq_pipeline.adapters import kafka_marks
from dq_pipeline.adapters.kafka_clients import LARGEST_MESSAGE_BYTES, KafkaClients
from dq_pipeline.adapters.kafka_groups import commit_offsets
from dq_pipeline.adapters.kafka_topics import TopicsReport, ensure_topics
from dq_pipeline.errors import DataLossError, StreamError
from dq_pipeline.process import Process
from dq_pipeline.records import OffsetRange, Outgoing, RawMessage

log = logging.getLogger(__name__)

_FETCH_BYTES = 8_388_608
_PEEK_BYTES = 1024
_IN_FLIGHT_BYTES = 33_554_432


class KafkaStream:
    """:class:`dq_pipeline.ports.Stream` on a Kafka cluster.

    Nothing connects before the first call, and a forked process makes connections of its own.

    Parameters
    ----------
    bootstrap
        `host:port`, several parted by commas.
    security
        Client options such as `security_protocol`, `sasl_mechanism`, `sasl_plain_username`, `ssl_cafile`.
    max_message_bytes
        Largest message that may be published. A larger one on a topic is read all the same.
    connect_timeout_s
        How long a first connection may take.
    timeout_s
        How long an answer, or the next message of a range, is waited for.
    """

    def __init__(
        self,
        bootstrap: str,
        *,
        security: Mapping[str, str] | None = None,
        max_message_bytes: int = LARGEST_MESSAGE_BYTES,
        connect_timeout_s: float = 5.0,
        timeout_s: float = 15.0,
    ) -> None:
        self.bootstrap = bootstrap
        self._timeout_s = timeout_s
        self._clients = KafkaClients(
            bootstrap,
            security=security,
            max_message_bytes=max_message_bytes,
            connect_timeout_s=connect_timeout_s,
            timeout_s=timeout_s,
        )
        self._oldest: dict[TopicPartition, tuple[int, int]] = {}
        self._known: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; a later call opens them again."""
        self._clients.close()

    def watermarks(self, topic: str) -> dict[int, tuple[int, int]]:
        """Per partition the earliest offset still there and the one after the newest that may be read.

        The second one stops short of transactions that are still open.

        Raises
        ------
        StreamError
            The topic does not exist, or no broker answers.
        """
        with self._clients.outages(f"Looking at topic {topic!r}"):
            return kafka_marks.watermarks_of(self._clients.admin(), topic, timeout_s=self._timeout_s)

    def all_watermarks(self, topics: Sequence[str]) -> dict[str, dict[int, tuple[int, int]]]:
        """The same of several topics in three requests, however many they are; those that do not exist are left out.

        Raises
        ------
        StreamError
            No broker answers.
        """
        with self._clients.outages("Looking at topics"):
            return kafka_marks.watermarks(self._clients.admin(), topics, timeout_s=self._timeout_s)

    def lag(self, topic: str, positions: Mapping[int, int]) -> int:
        """How many offsets wait at or after these positions; a partition without one counts from its earliest.

        Raises
        ------
        StreamError
            The topic does not exist, or no broker answers.
        """
        marks = self.watermarks(topic)
        return sum(max(0, after - max(positions.get(part, first), first)) for part, (first, after) in marks.items())

    def read(self, topic: str, ranges: Sequence[OffsetRange]) -> Iterator[RawMessage]:
        """Exactly the messages of these ranges, partition by partition.

        Offsets that hold no message for us (compacted away, aborted or control records) are passed over.

        Raises
        ------
        DataLossError
            A range starts below the earliest offset still there, now or when its turn comes.
        StreamError
            A range ends beyond the topic's end, or the broker stopped answering.
        """
        wanted = [span for span in ranges if len(span)]
        if wanted:
            self._check(topic, wanted)
        return self._messages(topic, wanted)

    def oldest_ms(self, topic: str, positions: Mapping[int, int]) -> int | None:
        """Timestamp of the oldest message at or after these positions, ms since the epoch; None if there is none.

        A partition without a position counts from its earliest offset. What was found is remembered, so asking
        again while nothing was read costs no fetch.
        """
        marks = self.watermarks(topic)
        unknown: dict[TopicPartition, OffsetRange] = {}
        found: list[int] = []
        for part, (first, after) in marks.items():
            start, key = max(positions.get(part, first), first), TopicPartition(topic, part)
            known = self._oldest.get(key)
            if start < after and known is not None and known[0] == start:
                found.append(known[1])
            elif start < after:
                unknown[key] = OffsetRange(part, start, after)
        if unknown:
            found += self._peek(topic, unknown)
        return min(found, default=None)

    def publish(self, messages: Iterable[Outgoing]) -> int:
        """Publish and wait until all replicas have every message; returns how many.

        Messages of one key keep their order. After an error some may have been published and some not: publish all
        of them again, readers tell by the key.

        Raises
        ------
        StreamError
            Naming the topic of the first message that was not acknowledged.
        """
        count = held = 0
        pending: list[tuple[str, Any]] = []
        try:
            for message in messages:
                if message.topic not in self._known:
                    self.watermarks(
                        message.topic
                    )  # an unknown topic is said at once, not after the producer's patience
                    self._known.add(message.topic)
                with self._clients.outages(f"Publishing to {message.topic!r}"):
                    future = self._clients.producer().send(
                        message.topic, value=message.value, key=message.key, headers=list(message.headers)
                    )
                pending.append((message.topic, future))
                held += len(message.value)
                if held >= _IN_FLIGHT_BYTES:
                    count += self._acknowledged(pending)
                    pending, held = [], 0
            return count + self._acknowledged(pending)
        except StreamError:
            self._clients.drop_producer()
            raise

    def commit(self, group: str, topic: str, offsets: Mapping[int, int]) -> None:
        """Tell monitoring tools how far a group has come; a failure is logged, for nothing relies on it."""
        if not offsets:
            return
        try:
            with self._clients.outages(f"Committing offsets of group {group!r}"):
                refused = commit_offsets(self._clients.admin(), group, topic, offsets)
        except StreamError as error:
            log.warning("%s", error)
            return
        if refused:
            log.warning("Kafka refused the offsets of group %r: %s. Is another consumer in it?", group, refused)

    def brokers(self) -> int:
        """How many brokers the cluster has. Raises StreamError if none answers."""
        with self._clients.outages("Looking at the cluster"):
            return len(self._clients.admin().describe_cluster()["brokers"])

    def ensure_topics(self, process: Process, *, create: bool = True) -> TopicsReport:
        """Create a process' topics that are missing; see :func:`dq_pipeline.adapters.kafka_topics.ensure_topics`."""
        with self._clients.outages(f"Looking after the topics of {process.name!r}"):
            return ensure_topics(self._clients.admin(), process, create=create)

    def _check(self, topic: str, ranges: Iterable[OffsetRange]) -> None:
        marks = self.watermarks(topic)
        unknown = sorted({span.partition for span in ranges} - set(marks))
        if unknown:
            raise StreamError(f"{topic}: expected partitions {unknown}; found {sorted(marks)}. Was it recreated?")
        lost = [(span, marks[span.partition][0]) for span in ranges if span.start < marks[span.partition][0]]
        if lost:
            gone = "; ".join(f"partition {s.partition} offsets {s.start} to {min(s.stop, at) - 1}" for s, at in lost)
            raise DataLossError(
                f"{topic}: expected messages that were never read; found that retention removed them: {gone}. "
                "They cannot be read any more. Keep messages longer than the longest outage (stream.retention_h)."
            )
        short = [(span, marks[span.partition][1]) for span in ranges if span.stop > marks[span.partition][1]]
        if short:
            gone = "; ".join(f"partition {s.partition} up to {s.stop}, which ends at {at}" for s, at in short)
            raise StreamError(f"{topic}: expected {gone}. Was the topic deleted and created anew?")

    def _messages(self, topic: str, ranges: Iterable[OffsetRange]) -> Iterator[RawMessage]:
        with self._clients.consumer(_FETCH_BYTES) as consumer:
            for span in ranges:
                part = TopicPartition(topic, span.partition)
                consumer.assign([part])
                consumer.seek(part, span.start)
                position = span.start
                while position < span.stop:
                    records = self._next(consumer, part, span, position)
                    for record in records:
                        if record.offset < span.stop:
                            yield _message(record)
                    position = consumer.position(part)

    def _next(self, consumer: Any, part: TopicPartition, span: OffsetRange, position: int) -> list[Any]:
        """The next records of a partition; empty when only offsets without messages were passed over."""
        doing = f"Reading {part.topic!r}, partition {part.partition}, offset {position}"
        deadline = time.monotonic() + self._timeout_s
        while time.monotonic() < deadline:
            try:
                with self._clients.outages(doing):
                    records: list[Any] = consumer.poll(timeout_ms=500).get(part, [])
            except StreamError:
                self._check(part.topic, [OffsetRange(span.partition, position, span.stop)])
                raise
            if records or consumer.position(part) > position:
                return records
        raise StreamError(
            f"{doing}: expected a message within {self._timeout_s:g} s; found none. The broker at {self.bootstrap} "
            "stopped answering: check it (`dq doctor`)."
        )

    def _peek(self, topic: str, spans: Mapping[TopicPartition, OffsetRange]) -> list[int]:
        """Timestamps of the first message of each of these ranges that holds any."""
        doing = f"Looking for the oldest message of {topic!r}"
        found: list[int] = []
        waiting = dict(spans)
        deadline = time.monotonic() + self._timeout_s
        with self._clients.consumer(_PEEK_BYTES) as consumer:
            consumer.assign(list(spans))
            for part, span in spans.items():
                consumer.seek(part, span.start)
            while waiting and time.monotonic() < deadline:
                with self._clients.outages(doing):
                    polled = consumer.poll(timeout_ms=500)
                for part in list(waiting):
                    if polled.get(part):
                        first = polled[part][0].timestamp
                        self._oldest[part] = (spans[part].start, first)
                        found.append(first)
                    if polled.get(part) or consumer.position(part) >= waiting[part].stop:
                        del waiting[part]
                        consumer.pause(part)
            if waiting:
                raise StreamError(
                    f"{doing}: expected one within {self._timeout_s:g} s; found none. The broker at {self.bootstrap} "
                    "stopped answering: check it (`dq doctor`)."
                )
        return found

    def _acknowledged(self, pending: Sequence[tuple[str, Any]]) -> int:
        for topic, future in pending:
            with self._clients.outages(f"Publishing to {topic!r}"):
                future.get(timeout=2 * self._timeout_s + 1)
        return len(pending)


def _message(record: Any) -> RawMessage:
    return RawMessage(
        record.partition, record.offset, record.timestamp, record.key, record.value, tuple(record.headers or ())
    )
