"""Where topics begin and end, of one or of many at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kafka import TopicPartition
from kafka import errors as kafka_errors
from kafka.admin import OffsetSpec

Marks = dict[int, tuple[int, int]]
"""Per partition the earliest offset still there and the one after the newest that may be read."""


def watermarks(admin: Any, topics: Sequence[str], *, timeout_s: float) -> dict[str, Marks]:
    """Marks of these topics in three requests, however many they are; those that do not exist are left out."""
    described = admin.describe_topics(list(topics)) if topics else []
    there = [one for one in described if kafka_errors.for_code(one["error_code"]) is kafka_errors.NoError]
    return _ends(admin, there, int(timeout_s * 1000)) if there else {}


def watermarks_of(admin: Any, topic: str, *, timeout_s: float) -> Marks:
    """Marks of one topic; raises the library's error if it does not exist."""
    described = admin.describe_topics([topic])[0]
    failure = kafka_errors.for_code(described["error_code"])
    if failure is not kafka_errors.NoError:
        raise failure(topic)
    return _ends(admin, [described], int(timeout_s * 1000))[described["name"]]


def _ends(admin: Any, described: Sequence[Mapping[str, Any]], timeout_ms: int) -> dict[str, Marks]:
    parts = [TopicPartition(one["name"], part["partition_index"]) for one in described for part in one["partitions"]]
    first = admin.list_partition_offsets(dict.fromkeys(parts, OffsetSpec.EARLIEST), timeout_ms=timeout_ms)
    after = admin.list_partition_offsets(
        dict.fromkeys(parts, OffsetSpec.LATEST), isolation_level="read_committed", timeout_ms=timeout_ms
    )
    found: dict[str, Marks] = {one["name"]: {} for one in described}
    for part in sorted(parts):
        found[part.topic][part.partition] = (first[part].offset, after[part].offset)
    return found
