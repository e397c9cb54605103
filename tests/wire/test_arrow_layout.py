"""A message that is laid out as one before is read as pyarrow would read it, whatever is in it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dq_pipeline.errors import SampleError
from dq_pipeline.process_file import load
from dq_pipeline.recording import Recording, cut
from dq_pipeline.wire import arrow_form, arrow_layout, encode

PROCESS = load(Path("dags/processes/vacuum.yaml"))


def _message(name: str = "run-1", *, rows: int = 30, first: float = 0.0, scope: Any = "completion") -> bytes:
    rng = np.random.default_rng(int(first) + rows)
    whole = Recording(
        sample_id=name,
        source="rig",
        start=np.datetime64("2026-03-01T12:00:00", "us"),
        sensors=PROCESS.sensor_names,
        values=rng.normal(first, 1, (rows, len(PROCESS.sensors))),
        target=rng.normal(first, 1, rows),
    )
    return encode(whole if scope == "completion" else cut(whole, 10), scope, PROCESS, "arrow")[1]


def _read(value: bytes) -> tuple[Any, ...]:
    try:
        scope, found = arrow_form.decode(value, PROCESS)
    except SampleError as error:
        return error.reason, error.detail, error.sample_id
    plain = replace(found, values=np.empty(0), target=None)
    target = b"" if found.target is None else found.target.tobytes()
    return scope, repr(plain), found.values.tobytes(), target


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrow_layout, "_known", {})


@pytest.mark.parametrize("scope", ["horizon", "completion"])
def test_the_second_message_of_a_sender_is_not_taken_apart_again(scope: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = _read(_message("run-2", first=5.0, scope=scope))
    arrow_layout._known.clear()
    _read(_message("run-1", scope=scope))
    monkeypatch.setattr(arrow_form, "_columns", lambda *_: pytest.fail("taken apart"))
    assert _read(_message("run-2", first=5.0, scope=scope)) == expected


def test_another_number_of_rows_is_another_layout() -> None:
    for rows in (1, 7, 8, 9, 30):
        expected = _read(_message(rows=rows))
        assert _read(_message(rows=rows)) == expected
    assert {layout.rows for layout in arrow_layout._known.values()} >= {8, 30}


def test_a_message_with_missing_cells_or_more_batches_is_not_remembered() -> None:
    table = pa.ipc.open_stream(_message()).read_all()
    gap = pa.array([None, *range(29)], pa.float64())
    for changed, size in ((table.set_column(0, table.schema.field(0), gap), 30), (table, 10)):
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(changed, max_chunksize=size)
        assert _read(sink.getvalue().to_pybytes())[0] == "completion"
    assert not arrow_layout._known


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrow_layout, "_MOST", 3)
    for length in range(1, 9):
        _read(_message("x" * length, rows=32))
    assert 0 < len(arrow_layout._known) <= 3


@given(st.data())
def test_a_spoiled_message_is_read_as_if_none_like_it_had_come_before(data: st.DataObject) -> None:
    value = bytearray(_message())
    front = data.draw(st.booleans(), "in front of the numbers")
    for place in data.draw(st.lists(st.integers(0, (2200 if front else len(value)) - 1), min_size=1, max_size=3)):
        value[place] = data.draw(st.integers(0, 255))
    spoiled = bytes(value)[: data.draw(st.sampled_from([len(value), len(value) - 8, len(value) - 1]))]
    arrow_layout._known.clear()
    expected = _read(spoiled)
    arrow_layout._known.clear()
    _read(_message())
    assert arrow_layout._known
    assert _read(spoiled) == expected
