# ruff: noqa: PD011 - recordings, not frames, have `values` here
"""History: past recordings from files and databases."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet
import pytest
import sqlalchemy as sa
from numpy.testing import assert_allclose, assert_array_equal

from dq_pipeline.adapters.history import open_history, read
from dq_pipeline.adapters.history_columns import numbers
from dq_pipeline.errors import ConfigurationError
from dq_pipeline.process import Process
from dq_pipeline.process_file import load, parse
from dq_pipeline.recording import place
from dq_pipeline.simulate.vacuum import simulate, to_table

VACUUM = load(Path("dags/processes/vacuum.yaml"))


def _process(history: dict[str, Any], **sample: Any) -> Process:
    return parse(
        {
            "process": "toy",
            "title": "Toy",
            "stream": {"topic": "toy.samples", "labels_topic": "toy.labels"},
            "sample": {"rows": 4, "period_s": 1, "horizon_rows": 2, "profile_rows": 4, **sample},
            "sensors": {"p": {"unit": "bar", "range": [0, 10], "aliases": ["pressure"]}},
            "target": {"name": "y", "column": "raw", "rows": [2, 4]},
            "history": history,
        },
        "toy.yaml",
    )


def _write(table: pa.Table, path: Path) -> None:
    match path.suffix:
        case ".parquet":
            pa.parquet.write_table(table, path)
        case ".csv":
            pa.csv.write_csv(table, path)
        case _:
            pa.feather.write_feather(table, str(path), compression="uncompressed")


def _database(tmp_path: Path, table: pa.Table) -> str:
    url = f"sqlite:///{tmp_path}/history.db"
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    frame: pd.DataFrame = table.to_pandas()
    with engine.begin() as connection:
        frame.to_sql("rows", connection, index=False)
    return url


def _same(a: Any, b: Any) -> None:
    assert (a.sample_id, a.start, a.sensors) == (b.sample_id, b.start, b.sensors)
    assert_allclose(a.values, b.values, rtol=1e-12)
    assert_allclose(a.target, b.target, rtol=1e-12)
    assert a.metadata == b.metadata


@pytest.mark.parametrize("suffix", ["parquet", "csv", "arrow", "feather"])
def test_simulated_recordings_come_back_from_any_file(tmp_path: Path, suffix: str) -> None:
    sent = simulate(5, np.random.default_rng(1), rows=40)
    _write(to_table(sent), tmp_path / f"vacuum.{suffix}")
    history = VACUUM.history.model_copy(update={"uri": f"${{DQ_LAKE_URI}}/vacuum.{suffix}"})
    process = VACUUM.model_copy(update={"history": history})
    got = read(process, {"DQ_LAKE_URI": f"{tmp_path}/"})
    assert len(got) == 5
    for a, b in zip(got, sent, strict=True):
        _same(a, b)
        assert_array_equal(a.times_s, np.arange(40))


@pytest.mark.parametrize("kind", [{"table": "rows"}, {"query": "SELECT * FROM rows WHERE t_s < 30;"}])
def test_recordings_from_a_database(tmp_path: Path, kind: dict[str, str]) -> None:
    sent = simulate(4, np.random.default_rng(1), rows=40)
    url = _database(tmp_path, to_table(sent))
    history = VACUUM.history.model_copy(update={"uri": None, **kind})
    process = VACUUM.model_copy(update={"history": history})
    got = open_history(process, {}, url).read_chunk(1, 3)
    assert [one.sample_id for one in got] == ["vacuum-000001", "vacuum-000002"]
    rows = 40 if "table" in kind else 30
    cut = replace(sent[1], values=sent[1].values[:rows], target=np.asarray(sent[1].target)[:rows])
    _same(got[0], cut)


def test_chunks_make_the_whole_and_numeric_ids_keep_their_order(tmp_path: Path) -> None:
    ids = np.repeat([10, 9, 2, 100], 4)
    table = pa.table({"id": ids, "t": np.tile(np.arange(4), 4), "pressure": ids / 10.0, "raw": ids * 1.0})
    shuffled = table.take(np.random.default_rng(0).permutation(16))
    _write(shuffled, tmp_path / "x.parquet")
    process = _process({"uri": str(tmp_path / "x.parquet"), "id": "id", "time": "t"})
    history = open_history(process, {})
    assert history.ids() == ["000002", "000009", "000010", "000100"]
    parts = [*history.read_chunk(0, 3), *history.read_chunk(3, 9)]
    assert history.read_chunk(9, 12) == []
    known = open_history(process, {}).indexed(history.index())
    assert (known.count(), [one.start for one in known.read_chunk(1, 3)]) == (4, [one.start for one in parts[1:3]])
    assert [one.sensors for one in parts] == [("p",)] * 4
    placed = [place(one, process, "completion") for one in parts]
    assert [one.target for one in placed] == [2.0, 9.0, 10.0, 100.0]
    assert np.diff([one.start for one in parts]).tolist() == [np.timedelta64(4, "s")] * 3
    assert [one.sample_id for one in read(process, {}, samples=slice(1, None, 2))] == ["000009", "000100"]


def test_clock_times_and_zones(tmp_path: Path) -> None:
    times = pd.to_datetime(["2026-07-02 08:00:00", "2026-07-02 08:00:02", "2026-07-01 08:00:01", "2026-07-01 08:00:00"])
    table = pa.table({"id": ["b", "b", "a", "a"], "at": times, "p": [1.0, 2, 3, 4], "raw": [None, 1.0, 2, 3]})
    _write(table, tmp_path / "x.parquet")
    process = _process(
        {"uri": str(tmp_path / "x.parquet"), "id": "id", "time": "at"}, timezone="Europe/Vienna"
    )  # fmt: skip
    first, second = read(process, {})
    assert (first.sample_id, second.sample_id) == ("a", "b")
    assert second.start == np.datetime64("2026-07-02T06:00:00", "us")
    assert_array_equal(first.times_s, [1, 0])
    assert_array_equal(second.times_s, [0, 2])


def test_windows_follow_the_clock_and_drop_what_has_no_target(tmp_path: Path) -> None:
    seconds = np.array([0, 1, 1, 2, 3, 4, 5, 6, 20, 21, 22, 23])
    start = pd.Timestamp("2026-01-02") + pd.to_timedelta(seconds, unit="s")
    early = pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(4), unit="s")
    raw = np.arange(12.0)
    raw[10:] = np.nan
    table = pa.table(
        {
            "file": ["late"] * 12 + ["early"] * 4,
            "at": [*start, *early],
            "p": np.arange(16.0),
            "raw": [*raw, *np.ones(4)],
        }
    )
    _write(table, tmp_path / "x.parquet")
    process = _process(
        {"uri": str(tmp_path / "x.parquet"), "time": "at", "group": "file", "window_rows": 4, "stride_rows": 2}
    )
    history = open_history(process, {})
    assert history.ids() == ["early@000000", "late@000000", "late@000002", "late@000004", "late@000018"]
    got = history.read_chunk(1, 3)
    assert_array_equal(got[0].values[:, 0], [0, 1, 3, 4])
    assert got[1].start == np.datetime64("2026-01-02T00:00:02", "us")
    assert_array_equal(got[1].values[:, 0], [3, 4, 5, 6])
    assert got[0].metadata == {"file": "late"}
    gap = history.read_chunk(4, 5)[0]
    assert_array_equal(gap.times_s, [2, 3])
    assert [place(one, process, "completion").target for one in got] == [3.5, 5.5]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"uri": "${HOME}/x.parquet"}, "DQ_DATA_DIR, DQ_LAKE_URI; found 'HOME'"),
        ({"uri": "${DQ_LAKE_URI}/x.parquet"}, "DQ_LAKE_URI .* found it unset"),
        ({"uri": "${DQ_DATA_DIR}/none.parquet"}, "found nothing there"),
        ({"uri": "${DQ_DATA_DIR}/x.xlsx"}, "x.xlsx, not one of .parquet"),
        ({"uri": "nosuch://x/x.parquet"}, "Protocol not known"),
        ({"id": "cycle"}, "expected columns cycle; found only id, t, p, raw, word"),
        ({"time": "word"}, "expected times in column word"),
        ({"start": "t"}, "expected times in column t"),
        ({"uri": None, "table": "rows"}, "expected a database URL"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, change: dict[str, Any], expected: str) -> None:
    table = pa.table({"id": [1], "t": [0], "p": [1.0], "raw": [1.0], "word": ["x"]})
    _write(table, tmp_path / "x.parquet")
    (tmp_path / "x.xlsx").write_bytes(b"no")
    history = {"uri": "${DQ_DATA_DIR}/x.parquet", "id": "id", "time": "t", **change}
    with pytest.raises(ConfigurationError, match=expected):
        read(_process({k: v for k, v in history.items() if v is not None}), {"DQ_DATA_DIR": str(tmp_path)})


@pytest.mark.parametrize("column", ["p", "raw"])
def test_text_for_numbers_is_said(tmp_path: Path, column: str) -> None:
    table = pa.table({"id": [1], "p": [1.0], "raw": [1.0]})
    for suffix in ("parquet", "csv"):
        spoilt = table.set_column(table.schema.get_field_index(column), column, pa.array(["n/v"]))
        _write(spoilt, tmp_path / f"x.{suffix}")
        with pytest.raises(ConfigurationError, match="expected"):
            read(_process({"uri": str(tmp_path / f"x.{suffix}"), "id": "id"}), {})


def test_a_database_that_lacks_the_table_is_said(tmp_path: Path) -> None:
    url = _database(tmp_path, pa.table({"id": [1]}))
    with pytest.raises(ConfigurationError, match="no such table"):
        read(_process({"table": "absent", "id": "id"}), {}, connection_url=url)
    with pytest.raises(ConfigurationError, match="expected columns p, raw; found only id"):
        read(_process({"table": "rows", "id": "id"}), {}, connection_url=url)


real = pytest.mark.skipif("DQ_DATA_DIR" not in os.environ, reason="DQ_DATA_DIR is not set")


@real
def test_hydraulic_cycles() -> None:
    process = load(Path("dags/processes/hydraulic.yaml"))
    history = open_history(process, os.environ)
    assert history.count() == 2205
    recordings = history.read_chunk(0, 2205)
    assert {one.values.shape for one in recordings} == {(60, 14)}
    first = place(recordings[0], process, "completion")
    assert first.target == pytest.approx(1.5167, abs=1e-4)
    assert first.values[1, 0] == pytest.approx(184.6448, abs=0.01)


@real
def test_skab_windows() -> None:
    process = load(Path("dags/processes/skab.yaml"))
    history = open_history(process, os.environ)
    recordings = history.read_chunk(0, history.count())
    placed = [place(one, process, "completion") for one in recordings]
    assert history.count() == len({one.sample_id for one in recordings}) == 1577
    assert not np.isnan([one.target for one in placed]).any()
    assert 0.04 < np.isnan([one.values for one in placed]).mean() < 0.08


def test_numbers_too_large_for_a_float_are_rounded() -> None:
    assert numbers(pa.table({"n": [2**60 + 1, 5]}), "n").tolist() == [2.0**60, 5.0]
