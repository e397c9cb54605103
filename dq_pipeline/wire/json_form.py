"""The JSON form: one UTF-8 object, values as a list of rows or a list for each column, null for missing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from dq_pipeline.errors import SampleError
from dq_pipeline.process import Process
from dq_pipeline.recording import Recording, check_rows, rows_of
from dq_pipeline.samples import Scope
from dq_pipeline.wire.channel_form import columns_of, sent_apart, with_channels
from dq_pipeline.wire.envelope import (
    MAX_COLUMNS,
    VERSION,
    Envelope,
    Name,
    read_object,
    schema_error,
    short,
    utc,
    validate,
)
from dq_pipeline.wire.numeric import array, column, only_numbers

Coded = dict[str, Any]
_NAMES = TypeAdapter(Annotated[list[Name], Field(min_length=1, max_length=MAX_COLUMNS)], config=ConfigDict(strict=True))


def decode(value: bytes, process: Process) -> tuple[Scope, Recording]:
    """Read one message.

    Raises
    ------
    SampleError
        Whatever is wrong with it.
    """
    envelope = validate(read_object(value, "a sample"), process.name)
    ident = envelope.sample_id
    start = utc(envelope.start, process.sample.timezone, ident)
    sensors, values, coded = _matrix(envelope, process)
    times = _times(envelope, len(values), process.sample.period_s)
    target = None
    if envelope.target is not None and envelope.target.column == process.target.column:
        sent = envelope.target.values
        target = class_indices(sent, process, ident) if process.target.classes else _target(sent, ident)
        if len(target) != len(values):
            found = f"{len(target)} entries"
            raise SampleError("columns", f"target.values: expected {len(values)}, one a row; found {found}", ident)
    recording = Recording(
        sample_id=ident,
        source=envelope.source,
        start=start,
        sensors=sensors,
        values=values,
        times_s=times,
        units=envelope.units,
        target=target,
        metadata=envelope.texts,
    )
    return envelope.kind, with_channels(recording, envelope, coded, process)


def encode(recording: Recording, kind: Scope, process: Process) -> bytes:
    """Write one message; readings that are not finite become null."""
    body = header(recording, kind, process)
    if recording.times_s is not None:
        body["times_s"] = recording.times_s.tolist()
    rows = _plain(recording.values)
    for items in columns_of(recording, process).values():
        for row, item in zip(rows, items, strict=True):
            row.append(item)
    if "sensors" in body:
        body["values"] = rows
    if "target" in body and recording.target is not None:
        body["target"]["values"] = _plain(recording.target)
    return json.dumps(body, allow_nan=False, separators=(",", ":"), ensure_ascii=False).encode()


def header(recording: Recording, kind: Scope, process: Process) -> dict[str, Any]:
    """The envelope of a recording, without its values."""
    columns = columns_of(recording, process)
    body: dict[str, Any] = {
        "version": VERSION,
        "process": process.name,
        "sample_id": recording.sample_id,
        "source": recording.source,
        "kind": kind,
        "start": f"{np.datetime_as_string(recording.start, unit='us')}Z",
    }
    if recording.sensors or columns:
        body["sensors"] = [*recording.sensors, *columns]
    if recording.units:
        body["units"] = dict(recording.units)
    if recording.metadata:
        body["metadata"] = dict(recording.metadata)
    if len(recording.channels) > len(columns):
        body["channels"] = sent_apart(recording, columns)
    if recording.target is not None and kind == "completion" and process.target.column is not None:
        body["target"] = {"column": process.target.column}
    return body


def _plain(values: NDArray[np.float64]) -> list[Any]:
    readable = np.isfinite(values)
    if readable.all():
        return list(values.tolist())
    cells = values.astype(object)
    cells[~readable] = None
    return list(cells.tolist())


def row_times(
    envelope: Envelope, times_s: NDArray[np.float64] | None, rows: int, period_s: float
) -> NDArray[np.float64] | None:
    """The rows' times as sent, or made from a period that is not the process file's; None: the file's period."""
    if times_s is not None or envelope.period_s is None or envelope.period_s == period_s:
        return times_s
    return np.asarray(np.arange(rows) * envelope.period_s, np.float64)


def class_indices(values: Any, process: Process, ident: str) -> NDArray[np.float64]:
    """Names of classes as their indices; an index stands for itself."""
    index = {name: float(i) for i, name in enumerate(process.target.classes)}
    if type(values) is list:
        values = [index.get(value, value) if isinstance(value, str) else value for value in values]
    return _target(values, ident)


def _target(values: Any, ident: str) -> NDArray[np.float64]:
    return column(values, "target.values", len(values) if type(values) is list else 0, ident)


def _matrix(envelope: Envelope, process: Process) -> tuple[tuple[str, ...], NDArray[np.float64], Coded]:
    """Column names, the (rows, columns) they name, and the columns that are no numbers."""
    ident, values, names = envelope.sample_id, envelope.values, envelope.sensors
    if isinstance(values, dict):
        return _from_columns(values, names, process, ident)
    if values is None and names is None and envelope.channels:
        return (), np.empty((rows_of(process, envelope.kind), 0)), {}
    if not isinstance(values, list):
        raise SampleError(
            "schema", f"values: expected a list of rows or a list per column; found {short(values)}", ident
        )
    if names is None:
        raise SampleError("schema", "sensors: expected the names of the columns of values; found nothing", ident)
    check_rows(len(values), process, ident)
    for i, row in enumerate(values):
        if type(row) is not list:
            raise SampleError("schema", f"values: expected a list in row {i}; found {short(row)}", ident)
        if len(row) != len(names):
            raise SampleError("columns", f"expected {len(names)} values in row {i}; found {len(row)}", ident)
    coded: Coded = {}
    if process.encoded and not process.channels.keys().isdisjoint(names):
        there = [name in process.channels for name in names]
        coded = {name: [row[j] for row in values] for j, name in enumerate(names) if there[j]}
        names = [name for name in names if name not in coded]
        values = [[cell for cell, left in zip(row, there, strict=True) if not left] for row in values]
    only_numbers(chain.from_iterable(values), "values", ident)
    return tuple(names), array(values, "values", ident), coded


def _from_columns(
    values: Mapping[str, Any], names: Sequence[str] | None, process: Process, ident: str
) -> tuple[tuple[str, ...], NDArray[np.float64], Coded]:
    try:
        found = _NAMES.validate_python(list(values))
    except ValidationError as error:
        raise schema_error(error, ident) from None
    if names is not None and set(names) != set(found):
        odd = short(sorted(set(names) ^ set(found)))
        raise SampleError("columns", f"expected the same names in sensors and values; found in one only {odd}", ident)
    first = values[found[0]]
    rows = len(first) if isinstance(first, list) else 0
    check_rows(rows, process, ident)
    channels = process.channels if process.encoded else {}
    coded = {name: values[name] for name in found if name in channels}
    for name, items in coded.items():
        if isinstance(items, list) and len(items) != rows:
            raise SampleError("columns", f"values.{name}: expected {rows} entries; found {len(items)}", ident)
    numbers = [name for name in found if name not in coded]
    matrix = np.empty((rows, len(numbers)))
    for j, name in enumerate(numbers):
        matrix[:, j] = column(values[name], f"values.{name}", rows, ident)
    return tuple(numbers), matrix, coded


def _times(envelope: Envelope, rows: int, period_s: float) -> NDArray[np.float64] | None:
    sent = envelope.times_s
    times = None if sent is None else column(sent, "times_s", rows, envelope.sample_id)
    return row_times(envelope, times, rows, period_s)
