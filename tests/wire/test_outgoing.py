"""What is published."""

import base64
import json

import numpy as np
import pytest

from dq_pipeline.errors import DataError, SampleError
from dq_pipeline.wire.outgoing import MAX_PAYLOAD_BYTES, answer, dead_letter

AT = np.datetime64("2026-03-01T00:00:00", "us")


def test_a_prediction_repeats_its_key_and_bytes() -> None:
    body = {"sample_id": "a:b", "release": 3, "value": np.float32(1.5), "interval": (np.nan, 2.0), "at": AT}
    first, again = answer("prediction", "hydraulic", body), answer("prediction", "hydraulic", dict(body))
    assert first == again
    assert first[0] == b"a:b:3"
    sent = json.loads(first[1])
    assert sent["value"] == 1.5
    assert sent["interval"] == [None, 2.0]
    assert sent["at"] == "2026-03-01T00:00:00.000000Z"
    assert dict(first[2])["dq-kind"] == b"prediction"


def test_a_prediction_must_be_named() -> None:
    with pytest.raises(DataError, match="no release"):
        answer("prediction", "hydraulic", {"sample_id": "a"})


@pytest.mark.parametrize(("size", "kept"), [(10, True), (MAX_PAYLOAD_BYTES + 1, False)])
def test_a_dead_letter_carries_its_reason_and_payload(size: int, kept: bool) -> None:
    error = SampleError("schema", "expected x; found \ud800", None)
    value = b"\xff" * size
    key, sent, _ = dead_letter("p", error, topic="t", partition=1, offset=9, at=AT, key=b"\xffk", value=value)
    body = json.loads(sent)
    assert key == b"t:1:9"
    assert (body["reason"], body["size_bytes"], body["key"]) == ("schema", size, "\\xffk")
    assert (body["payload"] is not None) == kept
    assert not kept or base64.b64decode(body["payload"]) == value
