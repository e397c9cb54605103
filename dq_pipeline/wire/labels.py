"""Labels: the true value of a sample's target, known late."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pydantic import Field, ValidationError

from dq_pipeline.errors import SampleError
from dq_pipeline.process import Process
from dq_pipeline.wire.codec import FORM, FORMAT_VERSION, message_key
from dq_pipeline.wire.envelope import (
    MAX_METADATA,
    VERSION,
    Ident,
    Name,
    Strict,
    Text,
    read_object,
    readable_id,
    schema_error,
    short,
    utc,
)


@dataclass(frozen=True, slots=True)
class Label:
    """The target of one sample.

    Attributes
    ----------
    value
        In the target's unit, or the index of its class.
    at
        When it was determined, datetime64[us] UTC; None if the sender did not say.
    source, annotator
        The system it comes from, and who gave it.
    """

    sample_id: str
    value: float
    at: np.datetime64 | None = None
    source: str = ""
    annotator: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)


class _Form(Strict):
    version: int = VERSION
    process: Ident | None = None
    sample_id: Ident
    value: str | float | int
    at: str | None = Field(None, max_length=64)
    source: Ident | None = None
    annotator: Ident | None = None
    metadata: dict[Name, Text] = Field(default_factory=dict, max_length=MAX_METADATA)


def decode_label(
    value: bytes | None, headers: Iterable[tuple[str, bytes]] | Mapping[str, bytes] | None, process: Process
) -> Label:
    """Read one label from the labels topic: a JSON object.

    Raises
    ------
    SampleError
        The only error, with one of :data:`dq_pipeline.samples.REASONS`.

    Examples
    --------
    >>> import pathlib
    >>> from dq_pipeline.process_file import load
    >>> process = load(pathlib.Path("dags/processes/hydraulic.yaml"))
    >>> decode_label(b'{"version": 1, "sample_id": "000123", "value": 1.9}', None, process).value
    1.9
    """
    if not value:
        raise SampleError("unreadable", "expected a label; found an empty value")
    limit = process.stream.max_message_bytes
    if len(value) > limit:
        raise SampleError("too_large", f"expected at most {limit} bytes; found {len(value)}")
    form = dict(headers or ()).get(FORM, b"json")
    if form != b"json":
        raise SampleError("unreadable", f"expected header {FORM} json on a label; found {short(form)}")
    return read_label(read_object(value, "a label"), process)


def read_label(data: Mapping[str, Any], process: Process) -> Label:
    """Check one label, from a message or a row of a file.

    Raises
    ------
    SampleError
        Reason "unreadable", "unknown_process", "schema", "not_numeric" or "time".
    """
    ident = readable_id(data)
    version = data.get("version", VERSION)
    if type(version) is not int or version != VERSION:
        raise SampleError("unreadable", f"expected version {VERSION}; found {short(version)}", ident)
    try:
        form = _Form.model_validate(data)
    except ValidationError as error:
        raise schema_error(error, ident) from None
    if form.process is not None and form.process != process.name:
        raise SampleError("unknown_process", f"expected {process.name}; found {form.process!r}", ident)
    return Label(
        sample_id=form.sample_id,
        value=_value(form.value, process, ident),
        at=None if form.at is None else utc(form.at, process.sample.timezone, ident),
        source=form.source or "",
        annotator=form.annotator or "",
        metadata={name: str(value) for name, value in form.metadata.items()},
    )


def encode_label(label: Label, process: Process) -> tuple[bytes, bytes, list[tuple[str, bytes]]]:
    """One label's message: key, value and headers."""
    body: dict[str, Any] = {
        "version": VERSION,
        "process": process.name,
        "sample_id": label.sample_id,
        "value": label.value,
        "at": None if label.at is None else f"{np.datetime_as_string(label.at, unit='us')}Z",
        "source": label.source,
        "annotator": label.annotator,
        "metadata": dict(label.metadata),
    }
    body = {name: value for name, value in body.items() if value not in (None, "", {})}
    value = json.dumps(body, allow_nan=False, ensure_ascii=False).encode()
    return message_key(label.source, label.sample_id), value, [(FORM, b"json"), (FORMAT_VERSION, b"1")]


def _value(value: str | float, process: Process, ident: str | None) -> float:
    classes = process.target.classes
    if classes:
        if value in classes:
            return float(classes.index(str(value)))
        if isinstance(value, str) or value not in range(len(classes)):
            raise SampleError("schema", f"value: expected one of {', '.join(classes)}; found {short(value)}", ident)
        return float(value)
    if isinstance(value, str):
        raise SampleError("not_numeric", f"value: expected a number; found {short(value)}", ident)
    try:
        number = float(value)
    except OverflowError:
        number = np.inf
    if not np.isfinite(number):
        raise SampleError("not_numeric", f"value: expected a finite number; found {short(value)}", ident)
    return number
