"""Messages of samples: which form, which key, and everything that can be wrong as one kind of error."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote, unquote

import numpy as np

from dq_pipeline.errors import SampleError
from dq_pipeline.process import Process
from dq_pipeline.recording import Recording, check_start
from dq_pipeline.samples import Scope
from dq_pipeline.wire import arrow_form, json_form
from dq_pipeline.wire.envelope import MAX_ID, VERSION, short

Form = Literal["json", "arrow"]
Headers = Iterable[tuple[str, bytes]]

FORM, FORMAT_VERSION, KIND = "dq-form", "dq-format-version", "dq-kind"
_ARROW_STARTS = (b"\xff\xff\xff\xff", b"ARROW1")


@dataclass(frozen=True, slots=True, eq=False)
class Message:
    """One message of a sample, read but not yet placed on the grid.

    Attributes
    ----------
    unknown
        Columns and channels that the process does not know, now or formerly: ignored, and reported.
    """

    scope: Scope
    recording: Recording
    unknown: tuple[str, ...]


def decode(
    value: bytes | None,
    headers: Headers | Mapping[str, bytes] | None,
    process: Process,
    now: np.datetime64 | None = None,
    key: bytes | None = None,
) -> Message:
    """Read one message of a sample from the stream.

    Parameters
    ----------
    headers
        Header `dq-form` says json or arrow; without it the first bytes decide.
    now
        Bounds of the start are checked against it; None: not at all.
    key
        The message's key: names the sample where the value does not.

    Raises
    ------
    SampleError
        The only error, with one of :data:`dq_pipeline.samples.REASONS`.
    """
    try:
        scope, recording = _decode(value, headers, process)
        check_start(recording, process, now)
    except SampleError as error:
        named = read_key(key)
        if error.sample_id is None and named is not None:
            raise SampleError(error.reason, error.detail, named[1]) from None
        raise
    known = {*process.sensors, *process.aliases}
    unknown = tuple(name for name in recording.sensors if name not in known)
    if recording.channels:
        unknown += tuple(name for name in recording.channels if name not in process.channels)
    return Message(scope, recording, unknown)


def encode(
    recording: Recording, scope: Scope, process: Process, form: Form = "arrow"
) -> tuple[bytes, bytes, list[tuple[str, bytes]]]:
    """One message of a sample: key, value and headers."""
    value = (json_form.encode if form == "json" else arrow_form.encode)(recording, scope, process)
    headers = [(FORM, form.encode()), (FORMAT_VERSION, str(VERSION).encode()), (KIND, scope.encode())]
    return message_key(recording.source, recording.sample_id), value, headers


def message_key(source: str, sample_id: str) -> bytes:
    """The key of a sample's messages: both go to the same partition, in order.

    Examples
    --------
    >>> message_key("line 1/rig", "a/7")
    b'line%201%2Frig/a/7'
    """
    return f"{quote(source, safe='')}/{sample_id}".encode()


def read_key(key: bytes | None) -> tuple[str, str] | None:
    """Source and sample id of a key, or None if it is not one of ours.

    Examples
    --------
    >>> read_key(b"line%201%2Frig/a/7")
    ('line 1/rig', 'a/7')
    """
    try:
        source, slash, sample_id = (key or b"").decode().partition("/")
    except UnicodeDecodeError:
        return None
    usable = slash and 0 < len(sample_id) <= MAX_ID and sample_id.isprintable() and sample_id == sample_id.strip()
    return (unquote(source), sample_id) if usable else None


def form_of(value: bytes, headers: Mapping[str, bytes]) -> Form:
    """The form a message is in, by its header or, without one, by its first bytes.

    Raises
    ------
    SampleError
        Reason "unreadable".
    """
    version = headers.get(FORMAT_VERSION)
    if version is not None and version != str(VERSION).encode():
        raise SampleError("unreadable", f"expected header {FORMAT_VERSION} {VERSION}; found {short(version)}")
    form = headers.get(FORM)
    if form == b"json" or (form is None and value.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{"):
        return "json"
    if form == b"arrow" or (form is None and value.startswith(_ARROW_STARTS)):
        return "arrow"
    if form is None:
        raise SampleError("unreadable", f"expected a JSON object or an Arrow stream; found {short(value[:40])}")
    raise SampleError("unreadable", f"expected header {FORM} json or arrow; found {short(form)}")


def _decode(
    value: bytes | None, headers: Headers | Mapping[str, bytes] | None, process: Process
) -> tuple[Scope, Recording]:
    if value is None or len(value) == 0:
        raise SampleError("unreadable", "expected a message; found an empty value")
    limit = process.stream.max_message_bytes
    if len(value) > limit:
        raise SampleError("too_large", f"expected at most {limit} bytes; found {len(value)}")
    form = form_of(value, dict(headers or ()))
    return json_form.decode(value, process) if form == "json" else arrow_form.decode(value, process)
