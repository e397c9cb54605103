"""The lake's file of raw messages: what a micro-batch read, as it stood on the topic."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from io import BytesIO
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from dq_pipeline.records import RawMessage

_AT_ONCE = 64
_SCHEMA = pa.schema(
    [
        pa.field("partition", pa.int32(), nullable=False),
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("timestamp_ms", pa.int64(), nullable=False),
        pa.field("key", pa.large_binary()),
        pa.field("value", pa.large_binary()),
        pa.field("headers", pa.list_(pa.struct([("name", pa.string()), ("value", pa.binary())]))),
    ]
)


def write(messages: Sequence[RawMessage], file: BinaryIO) -> None:
    """Messages as one Arrow IPC file, in the order given; a few at a time, so that they are not held twice."""
    with pa.ipc.new_file(file, _SCHEMA) as writer:
        for first in range(0, len(messages), _AT_ONCE):
            writer.write_batch(_record_batch(messages[first : first + _AT_ONCE]))


def to_bytes(messages: Iterable[RawMessage]) -> bytes:
    """The file of :func:`write`."""
    sink = BytesIO()
    write(list(messages), sink)
    return sink.getvalue()


def from_bytes(data: bytes) -> list[RawMessage]:
    """The messages of :func:`to_bytes`."""
    with pa.ipc.open_file(pa.py_buffer(data)) as reader:
        rows = reader.read_all().to_pylist()
    return [
        RawMessage(
            partition=row["partition"],
            offset=row["offset"],
            timestamp_ms=row["timestamp_ms"],
            key=row["key"],
            value=row["value"],
            headers=tuple((header["name"], header["value"]) for header in row["headers"] or ()),
        )
        for row in rows
    ]


def _record_batch(rows: Sequence[RawMessage]) -> pa.RecordBatch:
    headers = [[{"name": name, "value": value} for name, value in m.headers] for m in rows]
    columns = [
        pa.array([m.partition for m in rows], pa.int32()),
        pa.array([m.offset for m in rows], pa.int64()),
        pa.array([m.timestamp_ms for m in rows], pa.int64()),
        pa.array([m.key for m in rows], pa.large_binary()),
        _binary([m.value for m in rows]),
        pa.array(headers, _SCHEMA.field("headers").type),
    ]
    return pa.record_batch(columns, schema=_SCHEMA)


def _binary(values: Sequence[bytes | None]) -> pa.Array:
    """As `pa.array` would make it, which lets its buffer grow by copying it again and again."""
    if any(value is None for value in values):
        return pa.array(values, pa.large_binary())
    sizes = np.array([0, *(len(value or b"") for value in values)], np.int64)
    parts = [None, pa.py_buffer(np.cumsum(sizes)), pa.py_buffer(b"".join(value or b"" for value in values))]
    return pa.Array.from_buffers(pa.large_binary(), len(values), parts)
