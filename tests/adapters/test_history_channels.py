# ruff: noqa: PD011 - recordings, not frames, have `values` here
"""Text, codes and images of a history become what a message of the same would."""

import base64
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
import sqlalchemy as sa
from numpy.testing import assert_array_equal
from PIL import Image

from dq_pipeline.adapters.history import open_history, read
from dq_pipeline.adapters.history_source import _bytes
from dq_pipeline.errors import ConfigurationError
from dq_pipeline.process import Process
from dq_pipeline.process_file import parse
from dq_pipeline.recording import place

ROWS = 4
ENCODED = {
    "valve": {"encoder": "categories", "categories": ["007", "open"], "aliases": ["Valve State"]},
    "log": {"encoder": "log_lines"},
    "camera": {"encoder": "image", "every_rows": 2},
}
SAMPLE = {"rows": ROWS, "period_s": 1, "horizon_rows": 2, "profile_rows": ROWS}


def _png(level: int) -> bytes:
    out = BytesIO()
    Image.fromarray(np.full((4, 4), level, np.uint8)).save(out, "PNG")
    return out.getvalue()


def _process(history: dict[str, Any], encoded: dict[str, Any] = ENCODED, **more: Any) -> Process:
    file: dict[str, Any] = {
        "process": "toy",
        "title": "Toy",
        "stream": {"topic": "toy.samples", "labels_topic": "toy.labels"},
        "sample": SAMPLE,
        "sensors": {"p": {"unit": "bar", "range": [0, 10]}},
        "encoded": encoded,
        "target": {"name": "y", "column": "raw"},
        "history": history,
    }
    return parse({**file, **more}, "toy.yaml")


def _table(**change: Any) -> pa.Table:
    """Two recordings, told apart by `id`."""
    columns = {
        "id": [1] * ROWS + [2] * ROWS,
        "t_s": [0.0, 1.0, 2.0, 3.0] * 2,
        "p": np.arange(8.0),
        "Valve State": ["open", "", "007", "ajar"] + ["open"] * 4,
        "log": ["on\nerror 1", None, "", "off", None, None, None, None],
        "camera": [_png(51), None, None, b"broken", _png(255), None, _png(0), None],
        "raw": np.arange(8.0),
        "recipe": ["a"] * 4 + ["b"] * 4,
    }
    return pa.table({name: column for name, column in {**columns, **change}.items() if column is not None})


def _by_name(process: Process, recording: Any) -> dict[str, Any]:
    placed = place(recording, process, "completion")
    return dict(zip(process.sensor_names, placed.values.T, strict=True))


def _check(process: Process, recordings: list[Any]) -> None:
    first, second = (_by_name(process, one) for one in recordings)
    assert_array_equal(first["p"], [0, 1, 2, 3])
    assert_array_equal(first["valve_open"], [1, np.nan, 0, 0])
    assert_array_equal(first["valve_007"], [0, np.nan, 1, 0])
    assert_array_equal(first["valve_other"], [0, np.nan, 0, 1])
    assert_array_equal(first["log_lines"], [2, 0, 0, 1])
    assert_array_equal(first["log_errors"], [1, 0, 0, 0])
    assert_array_equal(first["camera_brightness"], [0.2, 0.2, np.nan, np.nan])
    assert_array_equal(second["camera_brightness"], [1, 1, 0, 0])
    assert_array_equal(second["log_lines"], np.zeros(4))
    assert_array_equal(second["valve_open"], np.ones(4))
    assert recordings[0].metadata == {"recipe": "a"}


@pytest.mark.parametrize("time", ["t_s", None])
def test_parquet(tmp_path: Path, time: str | None) -> None:
    pa.parquet.write_table(_table(), tmp_path / "h.parquet")
    process = _process({"uri": str(tmp_path / "h.parquet"), "id": "id", **({"time": time} if time else {})})
    _check(process, read(process, {}))


def test_csv_holds_images_as_text_and_codes_as_they_are_written(tmp_path: Path) -> None:
    cells = _table()["camera"].to_pylist()
    text = [None if cell is None else base64.b64encode(cell).decode() for cell in cells]
    pa.csv.write_csv(_table(camera=text), tmp_path / "h.csv")
    process = _process({"uri": str(tmp_path / "h.csv"), "id": "id", "time": "t_s"})
    _check(process, read(process, {}))


def test_database(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/history.db"
    frame: pd.DataFrame = _table().to_pandas()
    with sa.create_engine(url, poolclass=sa.pool.NullPool).begin() as connection:
        frame.to_sql("rows", connection, index=False)
    process = _process({"table": "rows", "id": "id", "time": "t_s"})
    _check(process, read(process, {}, connection_url=url))


def test_bytes_that_come_as_views() -> None:
    assert _bytes((None, memoryview(b"a"))) == [None, b"a"]
    assert _bytes((None, 1.0)) == (None, 1.0)


def test_windows_are_cut_from_channels_as_from_readings(tmp_path: Path) -> None:
    table = _table(id=None, t_s=np.arange(8.0) + 100)
    pa.parquet.write_table(table, tmp_path / "h.parquet")
    history = {"uri": str(tmp_path / "h.parquet"), "time": "t_s", "window_rows": ROWS, "stride_rows": 2}
    process = _process(history)
    found = open_history(process, {}).read_chunk(0, 3)
    _check(process, [found[0], found[2]])
    middle = _by_name(process, found[1])
    assert_array_equal(middle["p"], [2, 3, 4, 5])
    assert_array_equal(middle["log_lines"], [0, 1, 0, 0])
    assert_array_equal(middle["camera_brightness"], [np.nan, np.nan, 1, 1])


def test_windows_of_channels_alone(tmp_path: Path) -> None:
    pa.parquet.write_table(_table(), tmp_path / "h.parquet")
    history = {"uri": str(tmp_path / "h.parquet"), "id": "id", "time": "t_s"}
    process = _process(history, sensors={})
    found = _by_name(process, read(process, {})[0])
    assert_array_equal(found["log_lines"], [2, 0, 0, 1])


def test_columns_that_are_encoded_already_are_read_as_they_are(tmp_path: Path) -> None:
    made = {"Valve State": None, "valve_007": [0.0] * 8, "valve_open": [1.0] * 8, "valve_other": [0.0] * 8}
    pa.parquet.write_table(_table(**made), tmp_path / "h.parquet")
    process = _process({"uri": str(tmp_path / "h.parquet"), "id": "id", "time": "t_s"})
    assert_array_equal(_by_name(process, read(process, {})[0])["valve_open"], np.ones(4))


@pytest.mark.parametrize("change", [{"camera": None}, {"Valve State": None, "valve_open": [1.0] * 8}])
def test_a_channel_that_is_not_there_is_told(tmp_path: Path, change: dict[str, Any]) -> None:
    pa.parquet.write_table(_table(**change), tmp_path / "h.parquet")
    with pytest.raises(ConfigurationError, match=r"expected columns (camera|valve); found only"):
        open_history(_process({"uri": str(tmp_path / "h.parquet"), "id": "id"}), {})


def test_a_column_of_something_else_is_told(tmp_path: Path) -> None:
    pa.parquet.write_table(_table(log=pa.array([["a"]] * 8)), tmp_path / "h.parquet")
    process = _process({"uri": str(tmp_path / "h.parquet"), "id": "id"})
    with pytest.raises(ConfigurationError, match="expected text, bytes or codes in column log"):
        read(process, {})
