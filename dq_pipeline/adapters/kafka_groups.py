"""Offsets of a consumer group, set from outside for tools that watch lag."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from kafka import TopicPartition
from kafka import errors as kafka_errors
from kafka.structs import OffsetAndMetadata

_PATIENCE_S = 5.0
_NOT_YET = (kafka_errors.CoordinatorNotAvailableError, kafka_errors.CoordinatorLoadInProgressError)


def commit_offsets(admin: Any, group: str, topic: str, offsets: Mapping[int, int]) -> dict[int, str]:
    """Set a group's offsets; returns what Kafka refused, by partition.

    A cluster's very first group waits some moments until the topic that holds offsets has been made.

    Parameters
    ----------
    admin
        A connected `KafkaAdminClient`; its errors pass through.
    """
    wanted = {TopicPartition(topic, part): OffsetAndMetadata(at, "", -1) for part, at in offsets.items()}
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        late = time.monotonic() > deadline
        try:
            results = admin.alter_group_offsets(group, wanted)
        except _NOT_YET:
            if late:
                raise
        else:
            refused = {part.partition: code for part, code in results.items() if code is not kafka_errors.NoError}
            if late or not any(issubclass(code, _NOT_YET) for code in refused.values()):
                return {part: code.__name__ for part, code in refused.items()}
        time.sleep(0.1)
