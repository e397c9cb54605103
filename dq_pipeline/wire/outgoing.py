"""What the platform publishes: predictions, alarms and dead letters, as JSON keyed so that repeating is harmless."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from dq_pipeline.errors import DataError, SampleError
from dq_pipeline.wire.codec import FORM, FORMAT_VERSION, KIND
from dq_pipeline.wire.envelope import VERSION

Outgoing = Literal["prediction", "alarm"]
MAX_PAYLOAD_BYTES = 262_144

Sent = tuple[bytes, bytes, list[tuple[str, bytes]]]


def answer(kind: Outgoing, process: str, body: Mapping[str, Any]) -> Sent:
    """A prediction or an alarm: key `sample_id:release`, value and headers.

    Parameters
    ----------
    body
        At least `sample_id` and `release`; numbers, text, times (datetime64, UTC), lists and mappings of them.

    Raises
    ------
    DataError
        If the sample or the release is not named.

    Examples
    --------
    >>> key, value, _ = answer("alarm", "vacuum", {"sample_id": "a", "release": 3, "value": float("nan")})
    >>> key
    b'a:3'
    >>> value
    b'{"version":1,"kind":"alarm","process":"vacuum","sample_id":"a","release":3,"value":null}'
    """
    missing = [name for name in ("sample_id", "release") if body.get(name) in (None, "")]
    if missing:
        raise DataError(f"sample_id and release expected in a {kind}, found no {' and no '.join(missing)}")
    key = f"{body['sample_id']}:{body['release']}".encode()
    return key, to_json({"version": VERSION, "kind": kind, "process": process, **body}), _headers(kind)


def dead_letter(
    process: str,
    error: SampleError,
    *,
    topic: str,
    partition: int,
    offset: int,
    at: np.datetime64,
    key: bytes | None = None,
    value: bytes | None = None,
) -> Sent:
    """A message that could not be used, with its reason and place; keyed by its place, so a retry repeats the key.

    The payload travels along in base64 up to 256 KiB; a longer one stays at its place in the stream and in quarantine.

    Examples
    --------
    >>> error = SampleError("empty", "expected rows; found 0", "a")
    >>> dead_letter("vacuum", error, topic="t", partition=0, offset=7, at=np.datetime64(0, "us"))[0]
    b't:0:7'
    """
    body = {
        "version": VERSION,
        "kind": "dead-letter",
        "process": process,
        "reason": error.reason,
        "detail": error.detail,
        "sample_id": error.sample_id,
        "topic": topic,
        "partition": partition,
        "offset": offset,
        "at": at,
        "size_bytes": len(value or b""),
        "key": None if key is None else key[:1000].decode("utf-8", "backslashreplace"),
        "payload": base64.b64encode(value).decode() if value and len(value) <= MAX_PAYLOAD_BYTES else None,
    }
    return f"{topic}:{partition}:{offset}".encode(), to_json(body), _headers("dead-letter")


def to_json(body: Mapping[str, Any]) -> bytes:
    """Compact JSON; what is not finite becomes null, times become ISO 8601 with Z.

    Examples
    --------
    >>> to_json({"a": np.float64("inf"), "b": np.datetime64(0, "s"), "c": np.arange(2)})
    b'{"a":null,"b":"1970-01-01T00:00:00Z","c":[0,1]}'
    """
    try:
        text = _COMPACT.encode(body)
    except (ValueError, TypeError):  # a number that is not finite, which few bodies hold, or a key that is no text
        text = _COMPACT.encode(_plain(body))
    return text.encode("utf-8", "backslashreplace")


def _headers(kind: str) -> list[tuple[str, bytes]]:
    return [(FORM, b"json"), (FORMAT_VERSION, str(VERSION).encode()), (KIND, kind.encode())]


def _plain(value: Any) -> Any:
    match value:
        case Mapping():
            return {str(name): _plain(entry) for name, entry in value.items()}
        case np.ndarray() if value.dtype.kind != "M":
            return _plain(value.tolist())
        case list() | tuple() | np.ndarray():
            return [_plain(entry) for entry in value]
        case np.datetime64():
            return None if np.isnat(value) else f"{value}Z"
        case np.generic():
            return _plain(value.item())
        case float():
            return value if np.isfinite(value) else None
        case None | str() | bool() | int():
            return value
        case _:
            return str(value)


_COMPACT = json.JSONEncoder(allow_nan=False, ensure_ascii=False, separators=(",", ":"), default=_plain)
