"""Messages of samples in the body of one request: an Arrow stream, a JSON object, or a JSON list of such objects."""

from __future__ import annotations

import json

from dq_pipeline.errors import SampleError
from dq_pipeline.wire.codec import Form

MAX_MESSAGES = 1000
"""In one request."""
_SPACE = " \t\n\r"


def messages_of(body: bytes, form: Form) -> list[bytes]:
    """The messages of a body, each the very bytes that were sent: nothing is written anew.

    Raises
    ------
    SampleError
        Reason "unreadable" or "too_large", where it cannot be told what the messages are. What is wrong with one of
        them is for :func:`dq_pipeline.wire.decode` to say.

    Examples
    --------
    >>> messages_of(b'[{"a": 1.50}, {"b": [2]} ]', "json")
    [b'{"a": 1.50}', b'{"b": [2]}']
    >>> messages_of(b'{"a": 1}', "json")
    [b'{"a": 1}']
    """
    if form != "json" or body.removeprefix(b"\xef\xbb\xbf").lstrip(_SPACE.encode())[:1] != b"[":
        return [body]
    try:
        return _entries(body.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise SampleError("unreadable", f"expected a list of messages as UTF-8 JSON; found {_short(error)}") from None


def _entries(text: str) -> list[bytes]:
    decoder = json.JSONDecoder()
    at, found = _past(text, text.index("[") + 1), list[bytes]()
    if text[at : at + 1] == "]":
        raise SampleError("empty", "expected a message; found an empty list")
    while True:
        if len(found) == MAX_MESSAGES:
            raise SampleError("too_large", f"expected at most {MAX_MESSAGES} messages; found more")
        end = decoder.raw_decode(text, at)[1]
        found.append(text[at:end].encode())
        at = _past(text, end)
        if text[at : at + 1] == "]":
            break
        if text[at : at + 1] != ",":
            raise ValueError(f"neither comma nor end of the list at character {at}")
        at = _past(text, at + 1)
    if _past(text, at + 1) != len(text):
        raise ValueError(f"more after the list, at character {at + 1}")
    return found


def _past(text: str, at: int) -> int:
    """The place of the next character that is no space."""
    while at < len(text) and text[at] in _SPACE:
        at += 1
    return at


def _short(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text[:200].encode("ascii", "backslashreplace").decode()
