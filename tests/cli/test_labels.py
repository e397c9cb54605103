from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dq_pipeline.cli.labels import read
from dq_pipeline.errors import ConfigurationError

ROWS = [{"sample_id": "000123", "value": 1.5}, {"sample_id": "b", "value": 2.0, "annotator": "lab"}]


def test_the_three_kinds_of_file_say_the_same(tmp_path):
    (tmp_path / "a.csv").write_text("\ufeffsample_id,value,annotator\n000123,1.5,\nb,2,lab\n", encoding="utf-8")
    (tmp_path / "a.jsonl").write_text(
        '{"sample_id": "000123", "value": 1.5}\n\n{"sample_id": "b", "value": 2.0, "annotator": "lab"}\n'
    )
    pq.write_table(pa.Table.from_pylist([{"annotator": None, **ROWS[0]}, ROWS[1]]), tmp_path / "a.parquet")
    for name in ("a.csv", "a.jsonl", "a.parquet"):
        assert list(read(tmp_path / name)) == ROWS


def test_a_class_keeps_its_name(tmp_path):
    (tmp_path / "a.csv").write_text("sample_id,value\na,leak\n")
    assert list(read(tmp_path / "a.csv")) == [{"sample_id": "a", "value": "leak"}]


@pytest.mark.parametrize(
    ("name", "text"), [("a.jsonl", "{"), ("missing.csv", None), ("a.txt", "a"), ("a.parquet", "x")]
)
def test_says_what_cannot_be_read(tmp_path, name, text):
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(ConfigurationError, match=name):
        list(read(tmp_path / name))
