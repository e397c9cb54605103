from __future__ import annotations

from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from dq_pipeline.adapters import table as room
from dq_pipeline.adapters.table import overview
from dq_pipeline.propose.overview import MAX_CLASSES


def _write(folder, **columns) -> str:
    path = folder / "some.parquet"
    pq.write_table(pa.table(columns), path, row_group_size=100)
    return str(path)


def test_columns_are_told_by_what_they_hold(tmp_path):
    when = [datetime(2026, 1, 1, 0, 0, second) for second in range(3)]  # noqa: DTZ001 - naive on purpose
    file = _write(
        tmp_path, n=[1, 2, 3], d=pa.array([1, 2, 3], pa.decimal128(5)), x=[0.5, np.nan, np.inf], nothing=pa.nulls(3),
        when=when, written=[str(w) for w in when], word=["a", "b", None],
        coded=pa.array(["u", "v", "u"]).dictionary_encode(), yes=[True, False, True], many=[[1], [2], [3]],
    )  # fmt: skip
    found = overview(file)
    kinds = {name: column.kind for name, column in found.columns.items()}
    assert kinds == {
        "n": "number", "d": "number", "x": "number", "nothing": "number", "when": "moment", "written": "moment",
        "word": "text", "coded": "text", "yes": "other", "many": "other",
    }  # fmt: skip
    assert (found.rows, found.whole) == (3, True)
    assert found.columns["x"].seen == 1  # what is infinite is no reading
    assert found.columns["nothing"].constant
    assert found.columns["x"].constant
    assert np.diff(found.columns["when"].head).tolist() == [1e6, 1e6]
    assert found.columns["when"].head.tolist() == found.columns["written"].head.tolist()
    assert found.columns["coded"].values == ("u", "v")
    assert np.isnan(found.columns["word"].head).tolist() == [False, False, True]


def test_numbers_too_large_for_a_float_are_no_readings(tmp_path):
    found = overview(_write(tmp_path, n=[2**60 + 1, 5, 7]))
    assert (found.columns["n"].lowest, found.columns["n"].highest, found.columns["n"].seen) == (5.0, 7.0, 2)


def test_texts_are_kept_up_to_one_more_than_classes_may_be(tmp_path):
    found = overview(_write(tmp_path, word=[f"w{i:03d}" for i in range(500)]))
    assert len(found.columns["word"].values) == MAX_CLASSES + 1


def test_a_large_table_is_looked_through_in_parts(monkeypatch, tmp_path):
    monkeypatch.setattr(room, "_MAX_ROWS", 150)
    monkeypatch.setattr(room, "_MIN_ROWS", 150)
    rng = np.random.default_rng(0)
    x = rng.normal(size=5050)
    x[4321] = 99.0
    x[17] = -77.0
    found = overview(_write(tmp_path, x=x, word=np.where(np.arange(5050) < 5000, "a", "b")))
    column = found.columns["x"]
    assert (found.rows, found.whole, len(column.head)) == (5050, False, 150)
    assert (column.lowest, column.highest, column.seen) == (-77.0, 99.0, 5050)
    assert column.quantiles[1] == pytest.approx(np.median(x), abs=0.2)
    assert found.columns["word"].values == ("a", "b")


def test_every_kth_row_is_kept_across_parts():
    seen = room._Seen(1)
    seen.limit = 10
    kinds = {"x": "number"}
    values = np.arange(1000.0)
    for part in np.array_split(values, [3, 4, 90, 91, 500, 777]):
        seen.add(pa.table({"x": part}), kinds)
    kept = np.concatenate(seen.thinned["x"])
    assert kept.tolist() == values[:: seen.every].tolist()
    assert 10 <= kept.size <= 20


def test_whole_numbers_that_become_fractions_later_in_a_csv_are_numbers(tmp_path):
    path = tmp_path / "late.csv"
    path.write_text("p\n" + "1\n" * 600_000 + "1.5\n", encoding="utf-8")
    assert overview(str(path)).columns["p"].highest == 1.5


def test_csv_with_a_byte_order_mark_and_quotes(tmp_path):
    path = tmp_path / "bom.csv"
    path.write_bytes(b'\xef\xbb\xbf"p, left",q\r\n1,2\r\n3,4\r\n')
    assert list(overview(str(path)).columns) == ["p, left", "q"]
