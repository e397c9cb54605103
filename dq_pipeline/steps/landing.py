"""The lake's file of raw messages: what a micro-batch read, as it stood on the topic."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from dq_pipeline.records import RawMessage

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


def to_bytes(messages: Iterable[RawMessage]) -> bytes:
    """Messages as one Arrow IPC file, in the order given."""
    rows = list(messages)
    table = pa.table(
        {
            "partition": [m.partition for m in rows],
            "offset": [m.offset for m in rows],
            "timestamp_ms": [m.timestamp_ms for m in rows],
            "key": [m.key for m in rows],
            "value": [m.value for m in rows],
            "headers": [[{"name": name, "value": value} for name, value in m.headers] for m in rows],
        },
        schema=_SCHEMA,
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, _SCHEMA) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


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
