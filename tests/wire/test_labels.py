"""Labels: true values that come late."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dq_pipeline.errors import SampleError
from dq_pipeline.process_file import load
from dq_pipeline.samples import REASONS
from dq_pipeline.wire import Label, decode_label, encode_label, read_label

PROCESS = load(Path("dags/processes/hydraulic.yaml"))
CLASSES = PROCESS.model_copy(
    update={"target": PROCESS.target.model_copy(update={"task": "classification", "classes": ("ok", "worn")})}
)


def test_round_trip() -> None:
    label = Label("a/1", 1.5, np.datetime64("2026-03-01T01:02:03", "us"), "lab", "Ana", {"method": "x"})
    key, value, headers = encode_label(label, PROCESS)
    assert key == b"lab/a/1"
    assert decode_label(value, headers, PROCESS) == label


@pytest.mark.parametrize(("value", "index"), [("worn", 1.0), (0, 0.0), (1.0, 1.0)])
def test_classes_by_name_or_index(value: Any, index: float) -> None:
    assert read_label({"sample_id": "a", "value": value}, CLASSES).value == index


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"value": 1.0}, "schema"),
        ({"sample_id": "a"}, "schema"),
        ({"sample_id": "a", "value": True}, "schema"),
        ({"sample_id": "a", "value": None}, "schema"),
        ({"sample_id": "a", "value": "1.0"}, "not_numeric"),
        ({"sample_id": "a", "value": float("nan")}, "not_numeric"),
        ({"sample_id": "a", "value": 10**400}, "not_numeric"),
        ({"sample_id": "a", "value": 1.0, "at": "soon"}, "time"),
        ({"sample_id": "a", "value": 1.0, "process": "skab"}, "unknown_process"),
        ({"sample_id": "a", "value": 1.0, "version": 2}, "unreadable"),
        ({"sample_id": "a", "value": 1.0, "valeu": 2}, "schema"),
    ],
)
def test_refused(data: dict[str, Any], reason: str) -> None:
    with pytest.raises(SampleError) as caught:
        decode_label(json.dumps(data).encode(), None, PROCESS)
    assert caught.value.reason == reason
    assert caught.value.sample_id == data.get("sample_id")


@pytest.mark.parametrize("value", ["broken", 2, -1, 0.5])
def test_unknown_class(value: Any) -> None:
    with pytest.raises(SampleError, match="ok, worn"):
        read_label({"sample_id": "a", "value": value}, CLASSES)


@settings(max_examples=300)
@given(st.binary(max_size=80) | st.dictionaries(st.text(max_size=9), st.text() | st.floats()).map(
    lambda d: json.dumps(d).encode()))  # fmt: skip
def test_anything_else_is_a_sample_error(value: bytes) -> None:
    with pytest.raises(SampleError) as caught:
        decode_label(value, None, PROCESS)
    assert caught.value.reason in REASONS
