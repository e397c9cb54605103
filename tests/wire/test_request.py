"""What is a message in a request: the very bytes, and nothing guessed."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dq_pipeline.errors import SampleError
from dq_pipeline.wire.request import MAX_MESSAGES, messages_of

VALUES = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=10,
)


@given(st.lists(VALUES, min_size=1, max_size=6), st.sampled_from([None, 1]), st.booleans())
def test_a_list_comes_apart_into_what_was_put_into_it(values: list[object], indent: int | None, plain: bool) -> None:
    parts = [json.dumps(value, ensure_ascii=plain) for value in values]
    space = "" if indent is None else " \n\t"
    body = f"{space}[{space}{f'{space},{space}'.join(parts)}{space}]{space}".encode()
    assert messages_of(body, "json") == [part.encode() for part in parts]
    assert messages_of(b"\xef\xbb\xbf" + body, "json") == [part.encode() for part in parts]


@pytest.mark.parametrize("body", [b"", b"null", b'{"a": 1}', b"  {broken", b"\xff\xfe", b'{"a": 1}{"b": 2}'])
def test_what_is_no_list_is_one_message(body: bytes) -> None:
    assert messages_of(body, "json") == [body]
    assert messages_of(b"[1]", "arrow") == [b"[1]"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"[", "unreadable"),
        (b"[1", "unreadable"),
        (b"[1,", "unreadable"),
        (b"[1,]", "unreadable"),
        (b"[1 2]", "unreadable"),
        (b"[1] 2", "unreadable"),
        (b"[{]", "unreadable"),
        (b"[" * 20_000, "unreadable"),
        (b'["\xff"]', "unreadable"),
        (b"[" + b"1" * 5000 + b"]", "unreadable"),
        (b" [ ] ", "empty"),
        (b"[" + b",".join([b"1"] * (MAX_MESSAGES + 1)) + b"]", "too_large"),
    ],
)
def test_a_list_that_cannot_be_read_is_refused_whole(body: bytes, reason: str) -> None:
    with pytest.raises(SampleError) as found:
        messages_of(body, "json")
    assert found.value.reason == reason
