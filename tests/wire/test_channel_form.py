"""What is no number, in both forms: what goes in comes out, and what is hostile is refused."""

import base64
import json
from collections import Counter
from dataclasses import replace
from io import BytesIO
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from PIL import Image

from dq_pipeline.channels import Channel
from dq_pipeline.errors import SampleError
from dq_pipeline.process_file import parse
from dq_pipeline.recording import Recording, cut, place
from dq_pipeline.samples import REASONS
from dq_pipeline.wire import decode, encode

PROCESS = parse(
    {
        "process": "mixed",
        "title": "Mixed",
        "stream": {"topic": "t", "labels_topic": "l"},
        "sample": {"rows": 8, "period_s": 1, "horizon_rows": 4, "profile_rows": 8},
        "sensors": {"p": {"unit": "bar", "range": [0, 10]}, "t": {"unit": "degC", "range": [0, 100]}},
        "encoded": {
            "valve": {"encoder": "categories", "categories": ["closed", "open"], "aliases": ["Valve State"]},
            "gear": {"encoder": "categories", "categories": [1, 2, 3]},
            "log": {"encoder": "log_lines"},
            "camera": {"encoder": "image", "every_rows": 4},
        },
        "target": {"name": "y", "column": "raw"},
        "history": {"uri": "x.parquet", "id": "i"},
    },
    "mixed.yaml",
)
FORMS: Any = ("json", "arrow")
CLOCK = np.arange(8.0)


def _png(seed: int) -> bytes:
    out = BytesIO()
    grey = np.random.default_rng(seed).integers(0, 256, (8, 8), dtype=np.uint8)
    Image.fromarray(grey).save(out, "PNG")
    return out.getvalue()


def _recording(**change: Any) -> Recording:
    whole = Recording(
        sample_id="r1",
        source="rig",
        start=np.datetime64("2026-01-01", "us"),
        sensors=("p", "t"),
        values=np.arange(16.0).reshape(8, 2) / 4,
        target=np.arange(8.0),
        channels={
            "valve": Channel(CLOCK, ("open", "closed", None, "open", "ajar", "open", "open", "öffen")),
            "gear": Channel(CLOCK, (1, 2, 3, 1, None, 7, 1, 1)),  # type: ignore[arg-type]
            "log": Channel(np.array([0.5, 3.0, 2.25]), ("started ☃", "error 7\0", "late")),
            "camera": Channel(np.array([0.0, 4.0]), (_png(1), _png(2))),
        },
    )
    return replace(whole, **change)


def _body(**change: Any) -> dict[str, Any]:
    body = json.loads(encode(_recording(), "completion", PROCESS, "json")[1])
    return {name: value for name, value in {**body, **change}.items() if value != "absent"}


def _placed(value: bytes) -> np.ndarray:
    message = decode(value, None, PROCESS)
    return place(message.recording, PROCESS, message.scope).values


def _outcome(value: bytes) -> str:
    try:
        _placed(value)
    except SampleError as error:
        return error.reason if error.detail.isprintable() else "unprintable"
    return "fine"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("scope", ["horizon", "completion"])
@pytest.mark.parametrize("timed", [False, True])
def test_both_forms_become_what_was_sent(form: Any, scope: Any, timed: bool) -> None:
    sent = _recording(times_s=CLOCK if timed else None)
    sent = cut(sent, 4) if scope == "horizon" else sent
    _, value, headers = encode(sent, scope, PROCESS, form)
    message = decode(value, headers, PROCESS)
    assert message.unknown == ()
    assert message.recording.sensors == ("p", "t")
    expected = place(sent, PROCESS, scope)
    assert_array_equal(place(message.recording, PROCESS, scope).values, expected.values)
    assert not np.isnan(expected.values).all(axis=0).any()


def test_categories_travel_among_the_sensors_and_the_rest_beside_them() -> None:
    body = _body()
    assert body["sensors"] == ["p", "t", "valve", "gear"]
    assert body["values"][1] == [0.5, 0.75, "closed", 2]
    assert set(body["channels"]) == {"log", "camera"}
    assert base64.b64decode(body["channels"]["camera"]["items"][0]) == _png(1)
    table = pa.ipc.open_stream(encode(_recording(), "completion", PROCESS, "arrow")[1]).read_all()
    assert table.column_names == ["p", "t", "valve", "gear", "raw"]
    assert table.schema.field("valve").type == pa.string()


def test_a_categorical_sensor_may_have_a_clock_of_its_own() -> None:
    own = Channel(np.array([1.0, 6.0]), ("open", "closed"))
    sent = _recording(channels={"Valve State": own})
    assert set(_body_of(sent)["channels"]) == {"Valve State"}
    expected = place(sent, PROCESS, "completion").values
    for form in FORMS:
        assert_array_equal(_placed(encode(sent, "completion", PROCESS, form)[1]), expected)


def _body_of(recording: Recording) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(encode(recording, "completion", PROCESS, "json")[1])
    return found


@pytest.mark.parametrize("form", FORMS)
def test_channels_alone_are_a_message(form: Any) -> None:
    channels = {"log": Channel(np.array([0.0, 3.0]), ("on", "off"))}
    sent = _recording(sensors=(), values=np.empty((8, 0)), target=None, channels=channels)
    found = _placed(encode(sent, "completion", PROCESS, form)[1])
    assert_array_equal(found, place(sent, PROCESS, "completion").values)


def test_columns_by_name_and_codes_as_numbers() -> None:
    values = {"p": [1.0] * 8, "Valve State": ["open"] * 8, "gear": [1.0, 2.0, 3.0, None, 1, 1, 1, 9]}
    found = _placed(json.dumps(_body(values=values, sensors="absent", channels="absent")).encode())
    names = list(PROCESS.sensor_names)
    assert_array_equal(found[:, names.index("valve_open")], np.ones(8))
    assert_array_equal(found[:, names.index("gear_2")], [0, 1, 0, np.nan, 0, 0, 0, 0])
    assert found[7, names.index("gear_other")] == 1


def test_codes_as_numbers_of_arrow_go_the_fast_way_too() -> None:
    sent = _recording(sensors=("p", "gear"), values=np.tile([2.0, 3.0], (8, 1)), channels={})
    values = [encode(replace(sent, sample_id=name), "completion", PROCESS, "arrow")[1] for name in ("r1", "r2", "r3")]
    for value in values:
        found = _placed(value)
        assert_array_equal(found[:, PROCESS.sensor_names.index("gear_3")], np.ones(8))
        assert_array_equal(found[:, 0], np.full(8, 2.0))


def test_half_a_letter_is_a_letter_of_a_line() -> None:
    channels = {"log": {"times_s": [0], "items": ["\ud800 \0 error"]}}
    found = _placed(json.dumps(_body(channels=channels)).encode())
    assert found[0, PROCESS.sensor_names.index("log_errors")] == 1


def test_what_the_process_does_not_know_is_told() -> None:
    extra = {"smell": {"times_s": [0], "items": ["bad"]}}
    message = decode(json.dumps(_body(channels=extra)).encode(), None, PROCESS)
    assert message.unknown == ("smell",)


def _channel(**change: Any) -> bytes:
    return json.dumps(_body(channels={"log": {"times_s": [0.0, 1.0], "items": ["a", "b"], **change}})).encode()


WRONG = {
    "no list of channels": (json.dumps(_body(channels=[1])).encode(), "schema"),
    "a channel that is a list": (json.dumps(_body(channels={"log": ["a"]})).encode(), "schema"),
    "no items": (json.dumps(_body(channels={"log": {"times_s": [0.0]}})).encode(), "schema"),
    "no times": (json.dumps(_body(channels={"log": {"items": ["a"]}})).encode(), "schema"),
    "an unknown key": (_channel(unit="s"), "schema"),
    "items a text": (_channel(items="ab"), "schema"),
    "an item that is a list": (_channel(items=[["a"], "b"]), "schema"),
    "an item that is an object": (_channel(items=[{"a": 1}, "b"]), "schema"),
    "too few times": (_channel(times_s=[0.0]), "columns"),
    "times a number": (_channel(times_s=0.0), "schema"),
    "a time in words": (_channel(times_s=["0", 1.0]), "not_numeric"),
    "a time that is true": (_channel(times_s=[True, 1.0]), "not_numeric"),
    "a time missing": (_channel(times_s=[None, 1.0]), "time"),
    "a time not a number": (_channel(times_s=[float("nan"), 1.0]), "time"),
    "a time beyond float": (_channel(times_s=[10**400, 1.0]), "not_numeric"),
    "too many channels": (
        json.dumps(_body(channels={f"c{i}": {"times_s": [], "items": []} for i in range(101)})).encode(),
        "schema",
    ),
    "no base64": (
        json.dumps(_body(channels={"camera": {"times_s": [0], "items": ["no base64!"]}})).encode(), "schema",
    ),
    "among the values and beside": (
        json.dumps(_body(channels={"valve": {"times_s": [0], "items": ["open"]}})).encode(), "columns",
    ),
    "a column twice": (json.dumps(_body(sensors=["p", "t", "valve", "valve"])).encode(), "columns"),
    "a column and its former name": (json.dumps(_body(sensors=["p", "t", "valve", "Valve State"])).encode(), "columns"),
    "a cell that is a list": (json.dumps(_body(values=[[1.0, 1.0, ["open"], 1]] * 8)).encode(), "schema"),
    "text in a column of numbers": (json.dumps(_body(values=[["open", 1.0, "open", 1]] * 8)).encode(), "not_numeric"),
    "a column of text too short": (
        json.dumps(_body(values={"p": [1.0] * 8, "valve": ["open"]}, sensors="absent")).encode(), "columns",
    ),
    "a column of text that is a text": (
        json.dumps(_body(values={"p": [1.0] * 8, "valve": "openopen"}, sensors="absent")).encode(), "schema",
    ),
    "neither values nor channels": (
        json.dumps(_body(values="absent", sensors="absent", channels={})).encode(), "schema",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("value", "reason"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_refused(value: bytes, reason: str) -> None:
    assert _outcome(value) == reason
    assert reason in REASONS


def _arrow(edit: Any) -> bytes:
    table = edit(pa.ipc.open_stream(encode(_recording(), "completion", PROCESS, "arrow")[1]).read_all())
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue().to_pybytes())


def test_arrow_columns_that_are_no_text_nor_codes() -> None:
    assert _outcome(_arrow(lambda t: t)) == "fine"
    assert _outcome(_arrow(lambda t: t.set_column(2, "valve", pa.array(["open"] * 8, pa.large_string())))) == "fine"
    assert _outcome(_arrow(lambda t: t.set_column(3, "gear", pa.array([1, 2, None] * 2 + [1, 1], pa.int8())))) == "fine"
    assert _outcome(_arrow(lambda t: t.set_column(0, "p", pa.array(["open"] * 8)))) == "not_numeric"
    assert _outcome(_arrow(lambda t: t.set_column(2, "valve", pa.array([b"open"] * 8)))) == "not_numeric"
    assert (
        _outcome(_arrow(lambda t: t.set_column(2, "valve", pa.array(["a"] * 8).dictionary_encode()))) == "not_numeric"
    )


def test_a_process_without_channels_takes_no_text() -> None:
    plain = PROCESS.model_copy(update={"encoded": {}})
    with pytest.raises(SampleError, match="not_numeric"):
        decode(json.dumps(_body(channels="absent")).encode(), None, plain)


_LEAVES = st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8)
_TREES = st.recursive(_LEAVES, lambda t: st.lists(t, max_size=4) | st.dictionaries(st.text(max_size=4), t, max_size=4))
_FORM = st.fixed_dictionaries({"times_s": _TREES | st.lists(_LEAVES), "items": _TREES | st.lists(_LEAVES)})


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from(["valve", "log", "camera", "gear", "x"]), _FORM, max_size=3))
def test_any_json_as_a_channel(channels: Any) -> None:
    body = _body(channels=channels, sensors=["p", "t"], values=[[1.0, 2.0]] * 3, target="absent")
    assert _outcome(json.dumps(body).encode()) in {"fine", *REASONS}


@settings(max_examples=200)
@given(st.lists(st.lists(_TREES, min_size=3, max_size=3), min_size=1, max_size=4))
def test_any_json_as_a_cell(rows: Any) -> None:
    body = _body(sensors=["p", "valve", "log"], values=rows, channels="absent", target="absent")
    assert _outcome(json.dumps(body).encode()) in {"fine", *REASONS}


@pytest.mark.parametrize("form", FORMS)
def test_spoilt_messages_raise_nothing_else(form: Any) -> None:
    rng = np.random.default_rng(1)
    value = encode(_recording(), "completion", PROCESS, form)[1]
    outcomes: Counter[str] = Counter()
    for _ in range(1500):
        data = bytearray(value)
        for at in rng.integers(0, len(data), int(rng.integers(1, 4))):
            data[at] = int(rng.integers(256))
        outcomes[_outcome(bytes(data))] += 1
    assert set(outcomes) <= {"fine", *REASONS}
    assert len(outcomes) > 3
