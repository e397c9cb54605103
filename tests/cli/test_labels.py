from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from dq_pipeline import steps
from dq_pipeline.cli import labels
from dq_pipeline.cli.labels import read
from dq_pipeline.cli.main import app
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


STATE: dict[str, Any] = {
    "process": "rig",
    "origins": {"labels": {"targets": 30, "samples": 28}, "review": {"targets": 2, "samples": 2}},
    "lag_samples": {"p05": 1.0, "p50": 30.0, "p95": 41.0, "max": 55.0},
    "lag_s": None,
    "before": 4,
    "unjoined": 3,
    "conflicts": 2,
    "waiting": 12,
}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the steps answer, in a world without servers."""
    kept: dict[str, Any] = {"state": STATE, "new": 1, "warning": None}

    @contextmanager
    def opened() -> Iterator[SimpleNamespace]:
        yield SimpleNamespace(ledger=SimpleNamespace(migrate=lambda: None))

    def added(_world: object, process: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
        refused: list[Any] = []
        return {"process": process, "read": len(rows), "new": 1, "refused": refused, "warning": kept["warning"]}

    monkeypatch.setattr(labels, "world", opened)
    monkeypatch.setattr(steps, "label_state", lambda _world, _process: kept["state"])
    monkeypatch.setattr(steps, "add_labels", added)
    return kept


def test_without_a_file_it_says_how_labels_stand(world: dict[str, Any]) -> None:
    shown = CliRunner().invoke(app, ["labels", "rig"], env={"COLUMNS": "160"})
    assert shown.exit_code == 0
    told = " ".join(shown.stdout.split())
    assert "12 answers wait for their target; 2 samples have labels that conflict." in told
    assert "samples completed since │ 1 │ 30 │ 41 │ 55" in told
    assert "seconds since" not in told
    assert json.loads(CliRunner().invoke(app, ["labels", "rig", "--json"]).stdout) == STATE
    world["state"] = {**STATE, "origins": {}, "lag_samples": None}
    assert "No target is known yet." in CliRunner().invoke(app, ["labels", "rig"]).stdout


def test_labels_that_could_not_be_flagged_are_taken_with_a_warning(world: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("sample_id,value\na,1\n")
    world["warning"] = "the release in Production cannot be had"
    shown = CliRunner().invoke(app, ["labels", "rig", str(file)])
    assert shown.exit_code == 0
    assert shown.stdout == "1 new labels of 1 rows; 0 refused\nthe release in Production cannot be had\n"
