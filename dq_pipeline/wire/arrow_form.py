"""The Arrow form: one IPC stream or file; the schema's metadata holds the envelope under the key `dq`.

Columns in order: `t_s` if the rows carry times, the sensors as the envelope lists them, the target's raw column last.
A categorical sensor's column is text; what has a clock of its own is in the envelope.
Compressed bodies and dictionaries are refused: a small message could unpack into any amount of memory.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from functools import lru_cache
from itertools import chain
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dq_pipeline.channels import clock
from dq_pipeline.encode.encoder import as_text
from dq_pipeline.errors import SampleError
from dq_pipeline.process import Process
from dq_pipeline.recording import Recording, check_rows
from dq_pipeline.samples import Scope
from dq_pipeline.wire import arrow_layout, json_form
from dq_pipeline.wire.channel_form import columns_of, with_channels
from dq_pipeline.wire.envelope import Envelope, read_object, readable_id, short, utc, validate

METADATA_KEY = b"dq"
TIMES = "t_s"
_FILE_MAGIC = b"ARROW1\0\0"
_HEADER_TYPE, _HEADER, _COMPRESSION = 1, 2, 3  # field numbers in Arrow's Message.fbs
_FLOAT64 = pa.float64()
_BROKEN = (pa.ArrowException, OSError, ValueError, TypeError, KeyError, OverflowError, MemoryError, StopIteration)


def decode(value: bytes, process: Process) -> tuple[Scope, Recording]:
    """Read one message.

    Raises
    ------
    SampleError
        Whatever is wrong with it.
    """
    ident: str | None = None
    seen = arrow_layout.frame(value)
    layout = None if seen is None else arrow_layout.recall(seen)
    if seen is not None and layout is not None:
        return _decode_alike(value, seen.text, layout, process)
    try:
        messages = pa.ipc.MessageReader.open_stream(pa.py_buffer(_stream(value)))
        schema = _schema(messages.read_next_message())
        names = list(schema.names)
        data = _envelope(schema)
        ident = readable_id(data)
        envelope = validate(data, process.name)
        timed, plain = _check_schema(envelope, schema, names, process)
        values, target, coded, batches = _columns(messages, schema, plain, envelope.target is not None, process, ident)
        if seen is not None and plain and len(batches) == 1:
            arrow_layout.remember(seen, value, schema.metadata[METADATA_KEY], batches[0])
    except _BROKEN as error:
        raise SampleError("unreadable", f"expected an Arrow IPC stream; found {_reason(error)}", ident) from None
    return envelope.kind, _recording(envelope, values, target, timed, process, coded)


def _decode_alike(value: bytes, text: bytes, layout: arrow_layout.Layout, process: Process) -> tuple[Scope, Recording]:
    """As :func:`decode`, for a message whose columns are where those of an earlier one were."""
    data = read_object(text, "the envelope")
    envelope = validate(data, process.name)
    timed = _check_names(envelope, list(layout.names))
    check_rows(layout.rows, process, envelope.sample_id)
    values, target = _parted(arrow_layout.values(value, layout), envelope.target is not None)
    return envelope.kind, _recording(envelope, values, target, timed, process)


def _parted(values: NDArray[np.float64], targeted: bool) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    return (values[:, :-1], values[:, -1]) if targeted else (values, None)


def encode(recording: Recording, kind: Scope, process: Process) -> bytes:
    """Write one message as an IPC stream, uncompressed."""
    body = json_form.header(recording, kind, process)
    names, arrays = list(recording.sensors), [pa.array(np.ascontiguousarray(one)) for one in recording.values.T]
    for name, items in columns_of(recording, process).items():
        names, arrays = [*names, name], [*arrays, pa.array([as_text(item) for item in items], pa.string())]
    if recording.times_s is not None or not names:
        times = clock(recording.times_s, len(recording.values), process.sample.period_s)
        names, arrays = [TIMES, *names], [pa.array(times), *arrays]
    if "target" in body and recording.target is not None:
        names, arrays = [*names, body["target"]["column"]], [*arrays, pa.array(recording.target)]
    envelope = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
    fields = [pa.field(name, one.type) for name, one in zip(names, arrays, strict=True)]
    schema = pa.schema(fields, metadata={METADATA_KEY: envelope})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_batch(pa.record_batch(arrays, schema=schema))
    return bytes(sink.getvalue().to_pybytes())


def _stream(value: bytes) -> memoryview:
    """The file form is the stream form between a magic number and a footer."""
    return memoryview(value)[len(_FILE_MAGIC) if value.startswith(_FILE_MAGIC) else 0 :]


def _schema(message: Any) -> Any:
    if message.type != "schema":  # pyarrow would follow a null pointer
        raise SampleError("unreadable", f"expected an Arrow schema first; found a message of type {message.type}")
    return pa.ipc.read_schema(message)


def _envelope(schema: Any) -> dict[str, Any]:
    text = (schema.metadata or {}).get(METADATA_KEY)
    if text is None:
        raise SampleError("schema", "expected the envelope in the schema's metadata under 'dq'; found nothing")
    return read_object(text, "the envelope")


def _check_schema(envelope: Envelope, schema: Any, names: list[str], process: Process) -> tuple[bool, bool]:
    """Whether the rows carry times, and whether all columns are float64.

    Refuses columns other than the envelope lists, and types that are no numbers.
    """
    timed = _check_names(envelope, names)
    if schema.equals(_floats(tuple(names))):
        return timed, True
    for i, field in enumerate(schema):
        if field.type == _FLOAT64:
            continue
        numeric = pa.types.is_floating(field.type) or pa.types.is_integer(field.type) or pa.types.is_null(field.type)
        named = i == len(names) - 1 and envelope.target is not None and bool(process.target.classes)
        named = named or (bool(process.encoded) and names[i] in process.channels)
        if not numeric and not (named and (pa.types.is_string(field.type) or pa.types.is_large_string(field.type))):
            raise SampleError("not_numeric", f"{names[i]}: expected numbers; found {field.type}", envelope.sample_id)
    return timed, all(kind == _FLOAT64 for kind in schema.types)


def _check_names(envelope: Envelope, names: list[str]) -> bool:
    ident = envelope.sample_id
    if envelope.sensors is None and not envelope.channels:
        raise SampleError("schema", "sensors: expected the names of the columns; found nothing", ident)
    if envelope.values is not None or envelope.times_s is not None:
        raise SampleError("schema", "expected values and times as columns; found them in the envelope", ident)
    expected = (envelope.sensors or []) + ([envelope.target.column] if envelope.target is not None else [])
    timed = names == [TIMES, *expected]
    if not timed and names != expected:
        found = f"{len(names)}: {short(names)}"
        raise SampleError("columns", f"expected {len(expected)} columns, {short(expected)}; found {found}", ident)
    return timed


@lru_cache(maxsize=64)
def _floats(names: tuple[str, ...]) -> Any:
    return pa.schema([pa.field(name, _FLOAT64) for name in names])


def _columns(
    messages: Any, schema: Any, plain: bool, targeted: bool, process: Process, ident: str | None
) -> tuple[NDArray[np.float64], Any, json_form.Coded, list[Any]]:
    """Times and numbers of all record batches, (rows, columns), the target, the columns of text, and the batches.

    The target is an array or, for classes, a list.
    """
    batches, rows = [], 0
    while True:
        try:
            message = messages.read_next_message()
        except StopIteration:
            break
        if message.type != "record batch":
            raise SampleError("schema", f"expected record batches; found a {message.type}", ident)
        if _compressed(message.metadata.to_pybytes()):
            raise SampleError("schema", "expected an uncompressed body; found a compressed one", ident)
        batch = pa.ipc.read_record_batch(message, schema)
        rows += batch.num_rows
        check_rows(max(rows, 1), process, ident)
        batch.validate(full=True)
        batches.append(batch)
    check_rows(rows, process, ident)
    if plain:
        found = [batch.to_tensor(null_to_nan=True, row_major=False).to_numpy() for batch in batches]
        values = found[0] if len(found) == 1 else np.concatenate(found)
        return *_parted(values, targeted), {}, batches
    columns = [_joined([_plain(batch.column(j)) for batch in batches]) for j in range(len(schema))]
    target = columns.pop() if targeted else None
    coded = {name: one for name, one in zip(schema.names, columns, strict=False) if isinstance(one, list)}
    numbers = [one for one in columns if not isinstance(one, list)]
    return np.column_stack(numbers) if numbers else np.empty((rows, 0)), target, coded, batches


def _compressed(metadata: bytes) -> bool:
    """Whether a record batch says that its body is compressed; read from the flatbuffer itself, before unpacking."""
    try:
        root = struct.unpack_from("<I", metadata, 0)[0]
        where = _field(metadata, root, _HEADER)
        header = where + struct.unpack_from("<I", metadata, where)[0]
        return _field(metadata, header, _COMPRESSION) != 0
    except struct.error as error:
        raise ValueError(f"broken metadata ({error})") from None


def _field(buffer: bytes, table: int, number: int) -> int:
    """Position of a field of a flatbuffer table; 0 if it is absent."""
    vtable = table - struct.unpack_from("<i", buffer, table)[0]
    size = struct.unpack_from("<H", buffer, vtable)[0]
    entry = 4 + 2 * number
    offset = struct.unpack_from("<H", buffer, vtable + entry)[0] if entry < size else 0
    return table + offset if offset else 0


def _plain(column: Any) -> Any:
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return column.to_pylist()
    return column.to_numpy(zero_copy_only=False).astype(np.float64)


def _joined(chunks: list[Any]) -> Any:
    if isinstance(chunks[0], list):
        return list(chain.from_iterable(chunks))
    return chunks[0] if len(chunks) == 1 else np.concatenate(chunks)


def _recording(
    envelope: Envelope,
    values: NDArray[np.float64],
    sent: Any,
    timed: bool,
    process: Process,
    coded: Mapping[str, Any] = MappingProxyType({}),
) -> Recording:
    ident = envelope.sample_id
    target = None
    if envelope.target is not None and envelope.target.column == process.target.column:
        target = json_form.class_indices(sent, process, ident) if isinstance(sent, list) else sent
    times = values[:, 0] if timed else None
    recording = Recording(
        sample_id=ident,
        source=envelope.source,
        start=utc(envelope.start, process.sample.timezone, ident),
        sensors=tuple(name for name in envelope.sensors or () if name not in coded),
        values=values[:, 1:] if timed else values,
        times_s=json_form.row_times(envelope, times, len(values), process.sample.period_s),
        units=envelope.units,
        target=target,
        metadata=envelope.texts,
    )
    return with_channels(recording, envelope, coded, process)


def _reason(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text[:200].encode("ascii", "backslashreplace").decode()
