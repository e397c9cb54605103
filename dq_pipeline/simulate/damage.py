"""Messages that cannot be used: what a stream carries when senders, networks and clocks fail."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa

from dq_pipeline.errors import DataError

Headers = list[tuple[str, bytes]]
Body = dict[str, Any]


def _wrong_schema(body: Body) -> None:
    body["identifier"] = body.pop("sample_id", "")


def _text(body: Body) -> None:
    for row in body["values"]:
        row[0] = "n/a"


def _only_missing(body: Body) -> None:
    body["values"] = [[None] * len(row) for row in body["values"]]


def _future(body: Body) -> None:
    body["start"] = "2999-01-01T00:00:00Z"


def _past(body: Body) -> None:
    body["start"] = "1901-01-01T00:00:00Z"


def _no_rows(body: Body) -> None:
    body["values"] = []
    body.pop("times_s", None)
    body.pop("target", None)


def _more_columns(body: Body) -> None:
    for row in body["values"]:
        row.append(0.0)


def _fewer_columns(body: Body) -> None:
    for row in body["values"]:
        row.pop()


def _other_process(body: Body) -> None:
    body["process"] = "no_such_process"


DAMAGES: MappingProxyType[str, tuple[Callable[[Body], None] | None, str]] = MappingProxyType(
    {
        "truncated": (None, "unreadable"),
        "wrong_schema": (_wrong_schema, "schema"),
        "text": (_text, "not_numeric"),
        "only_missing": (_only_missing, "empty"),
        "duplicate": (None, "duplicate"),
        "future_start": (_future, "time"),
        "past_start": (_past, "time"),
        "no_rows": (_no_rows, "empty"),
        "too_many_columns": (_more_columns, "columns"),
        "too_few_columns": (_fewer_columns, "columns"),
        "unknown_process": (_other_process, "unknown_process"),
    }
)
"""Kind -> what it does to the body of a JSON message, and the reason it is to be quarantined for."""


def corrupt_message(
    value: bytes, headers: Iterable[tuple[str, bytes]], kind: str, rng: np.random.Generator
) -> list[tuple[bytes, Headers]]:
    """A message as it would arrive with one defect: values and headers to publish in its place, all with its key.

    An Arrow message is sent on as JSON where the defect needs it. A duplicate makes two messages.

    Raises
    ------
    DataError
        If the kind is unknown.
    """
    if kind not in DAMAGES:
        raise DataError(f"Unknown damage {kind!r}. Registered: {', '.join(DAMAGES)}.")
    kept = list(headers)
    if kind == "duplicate":
        return [(value, kept), (value, kept)]
    if kind == "truncated":
        return [(value[: int(rng.integers(1, max(2, len(value) // 2)))], kept)]
    change = DAMAGES[kind][0]
    body = _body(value)
    if change is not None:
        change(body)
    kept = [(name, b"json" if name == "dq-form" else content) for name, content in kept]
    return [(json.dumps(body, ensure_ascii=False).encode(), kept)]


def _body(value: bytes) -> Body:
    """The message as the object of the JSON form, whichever form it came in; it must be a valid one."""
    if value[:1] == b"{":
        return dict(json.loads(value))
    table = pa.ipc.open_stream(value).read_all()
    body: Body = json.loads(table.schema.metadata[b"dq"])
    columns = [[None if x is None or x != x else x for x in column.to_pylist()] for column in table.columns]
    if "target" in body:
        body["target"]["values"] = columns.pop()
    if len(columns) > len(body["sensors"]):
        body["times_s"] = columns.pop(0)
    body["values"] = [list(row) for row in zip(*columns, strict=True)]
    return body
