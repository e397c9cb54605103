"""A message that could not be used, as the letter that says why."""

from __future__ import annotations

import numpy as np

from dq_pipeline.errors import SampleError
from dq_pipeline.process import Process
from dq_pipeline.records import Outgoing, RawMessage
from dq_pipeline.wire.outgoing import dead_letter


def letter(message: RawMessage, process: Process, topic: str, error: SampleError) -> Outgoing:
    """What goes to the dead-letter topic for a message of `topic`."""
    key, value, headers = dead_letter(
        process.name,
        error,
        topic=topic,
        partition=message.partition,
        offset=message.offset,
        at=np.datetime64(message.timestamp_ms, "ms"),
        key=message.key,
        value=message.value,
    )
    return Outgoing(process.stream.dead_letter_topic, key, value, tuple(headers))
