"""Both wire forms: what goes in comes out, and whatever is wrong becomes one kind of error."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from dq_pipeline.errors import SampleError
from dq_pipeline.process_file import load
from dq_pipeline.recording import Recording, place
from dq_pipeline.samples import REASONS
from dq_pipeline.wire import decode, encode, read_key

PROCESS = load(Path("dags/processes/hydraulic.yaml"))
NOW = np.datetime64("2026-03-02T00:00:00", "us")
FORMS = ("json", "arrow")
SPOILS = (0, 1, 8, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**63 - 1, 2**64 - 1)


def _recording(rows: int = 60, **change: Any) -> Recording:
    rng = np.random.default_rng(7)
    values = rng.normal(1, 1, (rows, 14))
    values[0, 0] = np.nan
    whole = Recording(
        sample_id="cycle/7",
        source="rig ö 1",
        start=np.datetime64("2026-03-01T12:34:56.789012", "us"),
        sensors=PROCESS.sensor_names,
        values=values,
        times_s=np.arange(rows) + 0.25,
        units={"PS1": "kPa"},
        target=rng.normal(1, 1, rows),
        metadata={"shift": "früh"},
    )
    return replace(whole, **change)


def _json(**change: Any) -> bytes:
    body = json.loads(encode(_recording(), "completion", PROCESS, "json")[1])
    body.update(change)
    return json.dumps({name: value for name, value in body.items() if value != "absent"}).encode()


def _arrow(edit: Any, **options: Any) -> bytes:
    table = pa.ipc.open_stream(encode(_recording(), "completion", PROCESS, "arrow")[1]).read_all()
    table = edit(table)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def _take(value: bytes | None, headers: Any, **options: Any) -> None:
    message = decode(value, headers, PROCESS, NOW, **options)
    place(message.recording, PROCESS, message.scope)


def _outcome(value: bytes, headers: Any) -> str:
    try:
        _take(value, headers)
    except SampleError as error:
        return error.reason
    return "fine"


def _refused(value: bytes | None, headers: Any = None, **options: Any) -> SampleError:
    with pytest.raises(SampleError) as caught:
        _take(value, headers, **options)
    assert caught.value.reason in REASONS
    assert "expected" in caught.value.detail
    assert "found" in caught.value.detail
    assert caught.value.detail.isprintable()
    return caught.value


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("scope", ["horizon", "completion"])
@pytest.mark.parametrize("with_headers", [True, False])
def test_round_trip(form: Any, scope: Any, with_headers: bool) -> None:
    sent = _recording()
    key, value, headers = encode(sent, scope, PROCESS, form)
    message = decode(value, headers if with_headers else None, PROCESS, NOW)
    got = message.recording
    assert read_key(key) == (sent.source, sent.sample_id) == (got.source, got.sample_id)
    assert (message.scope, got.start, got.sensors, got.units, got.metadata, message.unknown) == (
        scope, sent.start, sent.sensors, sent.units, sent.metadata, (),
    )  # fmt: skip
    assert_array_equal(got.values, sent.values)
    assert_array_equal(got.times_s, sent.times_s)
    if scope == "completion":
        assert_array_equal(got.target, sent.target)
    else:
        assert got.target is None


def test_arrow_file_and_several_batches_are_read() -> None:
    sent = _recording()
    table = pa.ipc.open_stream(encode(sent, "completion", PROCESS, "arrow")[1]).read_all()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=25)
    got = decode(sink.getvalue().to_pybytes(), None, PROCESS).recording
    assert_array_equal(got.values, sent.values)


def test_json_by_hand() -> None:
    body = {
        "version": 1, "process": "hydraulic", "sample_id": "x", "source": "rig", "kind": "horizon",
        "start": "2026-03-01T12:00:00", "period_s": 2, "values": {"PS1": [1, None, 3.5], "what": [1, 2, 3]},
        "metadata": {"recipe": 7, "manual": True},
    }  # fmt: skip
    message = decode(json.dumps(body, indent=2).encode(), [], PROCESS)
    assert message.unknown == ("what",)
    assert message.recording.metadata == {"recipe": "7", "manual": "true"}
    assert_array_equal(message.recording.times_s, [0, 2, 4])
    assert_array_equal(message.recording.values[:, 0], [1, np.nan, 3.5])
    assert message.recording.start == np.datetime64("2026-03-01T12:00:00", "us")


def test_null_and_integer_columns_of_arrow() -> None:
    def edit(table: Any) -> Any:
        i, j = table.schema.get_field_index("PS2"), table.schema.get_field_index("PS3")
        ints = pa.array([None, *range(59)], pa.int32())
        return table.set_column(i, "PS2", ints).set_column(j, "PS3", pa.nulls(60))

    got = decode(_arrow(edit), None, PROCESS).recording
    assert_array_equal(got.values[:, 1], [np.nan, *range(59)])
    assert np.isnan(got.values[:, 2]).all()


def test_names_of_classes_become_indices() -> None:
    target = PROCESS.target.model_copy(update={"task": "classification", "classes": ("ok", "worn")})
    process = PROCESS.model_copy(update={"target": target})
    names = ["worn"] * 59 + [None]

    def edit(table: Any) -> Any:
        return table.set_column(table.num_columns - 1, "CP", pa.array(names))

    for value in (_json(target={"column": "CP", "values": names}), _arrow(edit)):
        message = decode(value, None, process)
        assert place(message.recording, process, message.scope).target == 1.0


BAD_JSON = {
    "truncated": (encode(_recording(), "completion", PROCESS, "json")[1][:900], "unreadable"),
    "not utf-8": (b'{"a": "\xff"}', "unreadable"),
    "a list": (b"  [1, 2]", "unreadable"),
    "deep": (b'{"a":' * 100_000, "unreadable"),
    "huge integer": (b'{"version": ' + b"9" * 5000 + b"}", "unreadable"),
    "another version": (_json(version=2), "unreadable"),
    "true is no version": (_json(version=True), "unreadable"),
    "another process": (_json(process="skab"), "unknown_process"),
    "no id": (_json(sample_id="absent"), "schema"),
    "long id": (_json(sample_id="x" * 201), "schema"),
    "unprintable id": (_json(sample_id="a\u0000b"), "schema"),
    "surrogate id": (_json(sample_id="\ud800"), "schema"),
    "number for an id": (_json(sample_id=7), "schema"),
    "unknown field": (_json(colour="red"), "schema"),
    "unknown kind": (_json(kind="middle"), "schema"),
    "metadata too large": (_json(metadata={str(i): "x" for i in range(65)}), "schema"),
    "metadata nested": (_json(metadata={"a": {"b": 1}}), "schema"),
    "metadata with NUL": (_json(metadata={"a": "\u0000"}), "schema"),
    "no values": (_json(values="absent"), "schema"),
    "values a number": (_json(values=3), "schema"),
    "row a number": (_json(values=[[1.0] * 14, 3]), "schema"),
    "too few columns": (_json(values=[[1.0] * 13] * 60), "columns"),
    "too many columns": (_json(values=[[1.0] * 15] * 60), "columns"),
    "columns of two lengths": (_json(values={"PS1": [1, 2], "PS2": [1]}, sensors="absent"), "columns"),
    "no column": (_json(values={}, sensors="absent"), "schema"),
    "unnamed in sensors": (_json(values={"PS1": [1, 2]}), "columns"),
    "no known sensor": (_json(values={"a": [1]}, sensors="absent", times_s="absent", target="absent"), "columns"),
    "text": (_json(values=[["1.5"] * 14] * 60), "not_numeric"),
    "true": (_json(values=[[True] * 14] * 60), "not_numeric"),
    "nested": (_json(values=[[[1.0]] * 14] * 60), "not_numeric"),
    "beyond float": (_json(values=[[10**400] * 14] * 60), "not_numeric"),
    "only null": (_json(values=[[None] * 14] * 60), "empty"),
    "no rows": (_json(values=[]), "empty"),
    "many rows": (_json(values=[[1.0] * 14] * 241), "too_many_rows"),
    "unit": (_json(units={"PS1": "degC"}), "unit"),
    "future": (_json(start="2026-04-01T00:00:00Z"), "time"),
    "past": (_json(start="1999-04-01T00:00:00Z"), "time"),
    "beyond the calendar": (_json(start="9999-12-31T23:59:59-12:00"), "time"),
    "no time": (_json(start="yesterday"), "time"),
    "times too few": (_json(times_s=[1.0]), "columns"),
    "times text": (_json(times_s=["1.0"] * 60), "not_numeric"),
    "times missing": (_json(times_s=[None] * 60), "time"),
    "target too short": (_json(target={"column": "CP", "values": [1.0]}), "columns"),
    "target text": (_json(target={"column": "CP", "values": ["1.0"] * 60}), "not_numeric"),
    "period infinite": (_json(period_s=float("inf")), "schema"),
    "too large": (b"{" + b" " * PROCESS.stream.max_message_bytes + b"}", "too_large"),
}


@pytest.mark.parametrize(("value", "reason"), BAD_JSON.values(), ids=BAD_JSON)
def test_bad_json(value: bytes, reason: str) -> None:
    assert _refused(value, [("dq-form", b"json")]).reason == reason


def _header(**change: Any) -> Any:
    def edit(table: Any) -> Any:
        body = json.loads(table.schema.metadata[b"dq"])
        return table.replace_schema_metadata({b"dq": json.dumps({**body, **change}).encode()})

    return edit


BAD_ARROW = {
    "truncated": (_arrow(lambda t: t)[:1500], "unreadable"),
    "a record batch first": (_arrow(lambda t: t)[_arrow(lambda t: t.slice(0, 0)).rfind(b"\xff" * 4) :], "unreadable"),
    "no envelope": (_arrow(lambda t: t.replace_schema_metadata(None)), "schema"),
    "broken envelope": (_arrow(lambda t: t.replace_schema_metadata({b"dq": b"{"})), "unreadable"),
    "another version": (_arrow(_header(version=3)), "unreadable"),
    "another process": (_arrow(_header(process="skab")), "unknown_process"),
    "values in the envelope": (_arrow(_header(values=[[1]])), "schema"),
    "too few columns": (_arrow(lambda t: t.drop_columns(["PS3"])), "columns"),
    "too many columns": (_arrow(lambda t: t.append_column("x", pa.array(range(60)))), "columns"),
    "renamed": (_arrow(
        lambda t: t.rename_columns([f"{n}_" for n in t.column_names]).replace_schema_metadata(t.schema.metadata)
    ), "columns"),
    "text": (_arrow(lambda t: t.set_column(3, t.column_names[3], pa.array(["1.0"] * 60))), "not_numeric"),
    "truth": (_arrow(lambda t: t.set_column(3, t.column_names[3], pa.array([True] * 60))), "not_numeric"),
    "dictionary": (
        _arrow(lambda t: t.set_column(3, t.column_names[3], pa.array([1.0] * 60).dictionary_encode())),
        "not_numeric",
    ),
    "no rows": (_arrow(lambda t: t.slice(0, 0)), "empty"),
    "many rows": (_arrow(lambda t: pa.concat_tables([t] * 5)), "too_many_rows"),
    "only missing": (
        _arrow(lambda t: pa.Table.from_arrays(
            [t[0], *[pa.nulls(60, pa.float64())] * 14, t[15]], schema=t.schema)),
        "empty",
    ),
    "compressed": (_arrow(lambda t: t, compression="zstd"), "schema"),
    "future": (_arrow(_header(start="2033-01-01T00:00:00Z")), "time"),
    "a million rows without a byte": (
        _arrow(lambda t: pa.Table.from_arrays([pa.nulls(10**6)] * 16, schema=pa.schema(
            [pa.field(n, pa.null()) for n in t.column_names], metadata=t.schema.metadata))),
        "too_many_rows",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("value", "reason"), BAD_ARROW.values(), ids=BAD_ARROW)
def test_bad_arrow(value: bytes, reason: str) -> None:
    assert _refused(value, {"dq-form": b"arrow"}).reason == reason


@pytest.mark.parametrize(
    ("value", "headers"),
    [
        (None, None),
        (b"", None),
        (b"hello", None),
        (_json(), [("dq-form", b"arrow")]),
        (_json(), [("dq-form", b"xml")]),
        (_json(), [("dq-form", b"json"), ("dq-format-version", b"2")]),
    ],
)
def test_what_is_not_a_message(value: bytes | None, headers: Any) -> None:
    assert _refused(value, headers).reason == "unreadable"


def test_the_key_names_a_sample_that_the_value_does_not() -> None:
    key, value, headers = encode(_recording(), "completion", PROCESS, "json")
    assert _refused(value[:50], headers, key=key).sample_id == "cycle/7"
    assert _refused(value[:50], headers, key=b"\xff").sample_id is None
    assert _refused(_json(version=9, sample_id="other"), headers, key=key).sample_id == "other"


def _spoil(value: bytes, rng: np.random.Generator) -> bytes:
    """A few bytes changed, dropped or added, or a whole word set to what breaks readers of lengths and offsets."""
    data = bytearray(value)
    for _ in range(int(rng.integers(1, 5))):
        at = int(rng.integers(len(data) or 1))
        match int(rng.integers(5)):
            case 0:
                data[at : at + 1] = rng.bytes(1)
            case 1:
                del data[at : at + int(rng.integers(1, 30))]
            case 2:
                data[at:at] = rng.bytes(int(rng.integers(1, 30)))
            case 3:
                width = int(rng.choice([1, 2, 4, 8]))
                word = SPOILS[int(rng.integers(len(SPOILS)))] % 256**width
                at -= at % width
                data[at : at + width] = word.to_bytes(width, "little")
            case _:
                piece = bytes(data[at : at + int(rng.integers(1, 60))])
                into = int(rng.integers(len(data) or 1))
                data[into : into + len(piece)] = piece
    return bytes(data)


@pytest.mark.parametrize("form", FORMS)
def test_mutated_messages_never_raise_anything_else(form: Any) -> None:
    rng = np.random.default_rng(20260301)
    _, value, headers = encode(_recording(4, times_s=None), "completion", PROCESS, form)
    outcome = Counter(_outcome(_spoil(value, rng), headers if i % 2 else None) for i in range(6_000))
    assert set(outcome) <= {"fine", *REASONS}
    assert outcome["unreadable"] > 100
    assert len(outcome) > 3


def test_random_bytes_never_raise_anything_else() -> None:
    rng = np.random.default_rng(5)
    starts = (b"", b"{", b'{"version":1,', b"\xff\xff\xff\xff", b"ARROW1\0\0\xff\xff\xff\xff\x10\0\0\0")
    for i in range(4_000):
        value = starts[i % 5] + rng.bytes(int(rng.integers(0, 200)))
        headers = [None, {"dq-form": b"json"}, {"dq-form": b"arrow"}][i % 3]
        with pytest.raises(SampleError):
            decode(value, headers, PROCESS, NOW)


_LEAVES = st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8)
_TREES = st.recursive(_LEAVES, lambda t: st.lists(t, max_size=4) | st.dictionaries(st.text(max_size=4), t, max_size=4))


@settings(max_examples=300)
@given(field=st.sampled_from(sorted(json.loads(_json()))), value=_TREES)
def test_any_json_in_any_field(field: str, value: Any) -> None:
    body = {**json.loads(_json(values=[[1.0] * 14] * 2, times_s=None, target=None)), field: value}
    assert _outcome(json.dumps(body).encode(), None) in {"fine", *REASONS}
