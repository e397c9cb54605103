from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from dq_pipeline import process_file
from dq_pipeline.cli.main import app

N, ROWS = 60, 12


def _run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "120"})


def _told(*arguments):
    result = _run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def _table(n: int = N, **more) -> pa.Table:
    rng = np.random.default_rng(0)
    level = np.repeat(rng.normal(size=n), ROWS)
    columns = {
        "run": np.repeat(np.arange(n), ROWS),
        "t_s": np.tile(0.5 * np.arange(ROWS), n),
        "p": level + rng.normal(size=n * ROWS),
        "q": 5.0 + 0.1 * rng.normal(size=n * ROWS),
        "y": level,
    }
    return pa.table(columns | more)


@pytest.fixture
def here(monkeypatch, tmp_path) -> Path:
    """A folder of tables that is also DQ_DATA_DIR; process files go to `processes`, and no server answers."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DQ_LAKE_URI", raising=False)
    monkeypatch.setenv("DQ_VAR", str(tmp_path / "var"))
    monkeypatch.setenv("DQ_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("DQ_PROCESS_DIR", str(tmp_path / "processes"))
    monkeypatch.setenv("DQ_DATABASE_URL", "postgresql://dq:hidden@127.0.0.1:9/dq")
    pq.write_table(_table(), tmp_path / "rig.parquet")
    return tmp_path


def test_a_table_becomes_a_process_that_is_replayed(here):
    told = _told("import", "rig.parquet", "--target", "y", "--horizon", "8")
    process = process_file.load(here / "processes" / "rig.yaml")
    assert (told["process"], told["recordings"], told["sensors"]) == ("rig", N, ["p", "q"])
    assert process.sample.model_dump(exclude={"timezone"}) == {
        "rows": ROWS, "period_s": 0.5, "horizon_rows": 8, "profile_rows": 8,
    }  # fmt: skip
    assert (process.history.uri, process.history.id, process.history.time) == (
        "${DQ_DATA_DIR}/rig.parquet", "run", "t_s",
    )  # fmt: skip
    assert (process.target.column, process.target.rows) == ("y", (8, 12))
    assert set(told["to_fill"]) == {"title", "sensors.p.unit", "sensors.q.unit", "target.unit"}
    rows = {row["policy"]: row for row in told["replay"]["rows"]}
    assert {"active", "static", "last value"} <= set(rows)
    assert told["replay"]["predicted"] == N - 40
    assert "mae" in rows["active"]["metrics"]
    again = _told("replay", "rig", "--alone")
    assert again["rows"][0]["metrics"] == rows["active"]["metrics"]


def test_people_see_what_was_guessed_and_the_table_of_the_replay(here):
    shown = _run("import", "rig.parquet", "--alone")
    assert shown.exit_code == 0, shown.output
    assert "60 recordings told apart by run" in shown.stdout
    assert "* run is taken to tell recordings apart (`--sample`)" in shown.stdout
    assert "6 values in it are marked `fill in`" in shown.stdout.replace("\n", " ")
    assert "policy" in shown.stdout
    text = (here / "processes" / "rig.yaml").read_text(encoding="utf-8")
    assert text.count("# fill in:") == 5  # the target's column and unit share a line


def test_a_csv_file_is_as_good(here):
    pa.csv.write_csv(_table(), here / "rig.csv")
    options = ("--target", "y", "--horizon", "8", "--alone")
    one = _told("import", "rig.parquet", *options, "--name", "one")
    other = _told("import", "rig.csv", *options, "--name", "other")
    assert one["replay"]["rows"][0]["metrics"] == other["replay"]["rows"][0]["metrics"]


def test_a_file_that_is_there_is_not_replaced_unless_it_may_be(here):
    assert _run("import", "rig.parquet", "--no-replay").exit_code == 0
    file = here / "processes" / "rig.yaml"
    file.write_text("mine", encoding="utf-8")
    refused = _run("import", "rig.parquet", "--no-replay")
    assert refused.exit_code == 1
    assert "expected no such file yet" in refused.stderr
    assert file.read_text(encoding="utf-8") == "mine"
    told = _told("import", "rig.parquet", "--no-replay", "--force")
    assert "replay" not in told
    assert process_file.load(file).name == "rig"


def test_a_continuous_table_is_cut_into_windows(here):
    moments = np.datetime64("2026-01-01", "us") + np.arange(N * ROWS) * np.timedelta64(10, "s")
    table = _table().drop_columns(["run", "t_s"]).append_column("when", pa.array(moments))
    shift = np.where(np.arange(N * ROWS) < 400, "early", "late")
    pq.write_table(table.append_column("shift", pa.array(shift)), here / "line.parquet")
    out = here / "elsewhere"
    told = _told("import", "line.parquet", "--rows", "10", "--stride", "5", "--out", out, "--no-replay")
    process = process_file.load(out / "line.yaml")
    assert (process.history.time, process.history.group) == ("when", "shift")
    assert (process.history.window_rows, process.history.stride_rows, process.sample.period_s) == (10, 5, 10.0)
    assert told["recordings"] == (400 - 10) // 5 + 1 + (320 - 10) // 5 + 1


def test_classes_are_a_target_too(here):
    grade = np.where(_table()["y"].to_numpy() > 0, "good", "bad: # really")
    pq.write_table(_table(grade=grade).drop_columns(["y"]), here / "grades.parquet")
    told = _told("import", "grades.parquet", "--target", "grade", "--alone")
    process = process_file.load(here / "processes" / "grades.yaml")
    assert process.target.classes == ("bad: # really", "good")
    assert told["replay"]["rows"][0]["metrics"]["accuracy"] > 0.4


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_words_that_change_become_a_categorical_sensor_that_tells(here, kind):
    rng = np.random.default_rng(1)
    opens = np.where(rng.random(N) < 0.5, 2, 6)
    valve = np.where(np.arange(ROWS) < opens[:, None], "shut", "wide open").ravel()
    valve[rng.random(N * ROWS) < 0.05] = ""
    table = _table(**{"Valve 1": valve, "y": np.repeat(opens / 2.0, ROWS) + 0.01 * rng.normal(size=N * ROWS)})
    (pa.csv.write_csv if kind == "csv" else pq.write_table)(table, here / f"words.{kind}")
    told = _told("import", f"words.{kind}", "--target", "y", "--horizon", "8", "--alone")
    process = process_file.load(here / "processes" / "words.yaml")
    assert process.categories["Valve_1"].columns == {"shut": "Valve_1_shut", "wide open": "Valve_1_wide_open"}
    assert told["sensors"] == ["p", "q", "Valve_1_shut", "Valve_1_wide_open", "Valve_1_other"]
    assert told["replay"]["rows"][0]["metrics"]["mae"] < 0.2


def test_what_may_be_computed_from_the_target_is_named(here):
    pq.write_table(_table(virtual=2.0 * _table()["y"].to_numpy()), here / "leaky.parquet")
    told = _told("import", "leaky.parquet", "--target", "y", "--no-replay")
    (note,) = [note for note in told["notes"] if "closely" in note]
    assert note.startswith("virtual ")
    assert note[2:] in (here / "processes" / "leaky.yaml").read_text(encoding="utf-8")


def _hostile(folder: Path) -> None:
    good = _table()
    (folder / "nothing.csv").write_bytes(b"")
    (folder / "nothing.parquet").write_bytes(b"")
    (folder / "names.csv").write_text("run,t_s,p\n", encoding="utf-8")
    pq.write_table(good.slice(0, 0), folder / "rowless.parquet")
    (folder / "torn.parquet").write_bytes((folder / "rig.parquet").read_bytes()[:1000])
    (folder / "words.csv").write_text("run,t_s,p\n" + "a,b,c\n" * 50, encoding="utf-8")
    (folder / "stamps.csv").write_text(
        "when,p\n" + "".join(f"31.01.2026 12:{i:02d},{i}.5\n" for i in range(60)), encoding="utf-8"
    )
    (folder / "twice.csv").write_text("t_s,p,p\n" + "0,1,2\n1,2,3\n" * 50, encoding="utf-8")
    (folder / "short.csv").write_text("t_s,p\n0,1\n1\n", encoding="utf-8")
    (folder / "latin.csv").write_bytes("t_s,Öl\n0,1\n".encode("latin-1"))
    (folder / "wide.csv").write_text("t_s,p\n0,1\n", encoding="utf-16")
    (folder / "german.csv").write_text("t_s;p\n0;1,5\n", encoding="utf-8")
    (folder / "headless.csv").write_text("0,1.5\n1,2.5\n", encoding="utf-8")
    broken = "t_s,p\n" + "".join(f"{i},{i}.5\n" for i in range(200_000)) + "200000,Bad Input\n"
    (folder / "broken.csv").write_text(broken, encoding="utf-8")
    still = {"p": np.ones(len(good)), "q": np.zeros(len(good)), "y": np.full(len(good), np.nan)}
    pq.write_table(good.drop_columns(list(still)).append_column("p", pa.array(still["p"])), folder / "still.parquet")
    pq.write_table(_table(1), folder / "one.parquet")
    pq.write_table(_table(t_s=np.full(len(good), 3.0)), folder / "stopped.parquet")
    pq.write_table(
        _table(t_s=np.where(np.arange(len(good)) % 40, good["t_s"].to_numpy(), np.nan)), folder / "holes.parquet"
    )
    pq.write_table(_table(t_s=1.7e9 + np.arange(len(good))), folder / "epoch.parquet")
    pq.write_table(_table(y=np.where(np.arange(len(good)) % ROWS < 8, 1.0 * np.arange(len(good)), np.nan)),
                   folder / "early.parquet")  # fmt: skip
    (folder / "notes.txt").write_text("no table", encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["missing.csv"], "expected readable files"),
        (["notes.txt"], "not one of .parquet"),
        (["nothing.csv"], "expected a first line of column names; found nothing"),
        (["nothing.parquet"], "expected readable files"),
        (["names.csv"], "expected rows of readings; found none"),
        (["rowless.parquet"], "expected rows of readings; found none"),
        (["torn.parquet"], "expected readable files"),
        (["words.csv"], "found neither among run (text, as 'a')"),
        (["words.csv", "--sample", "run"], "at least one column of numbers that change; found none"),
        (["stamps.csv"], "when (text, as '31.01.2026 12:00')"),
        (["stamps.csv", "--time", "when"], "ISO 8601"),
        (["twice.csv"], "each column name once; found p several times"),
        (["short.csv"], "expected readable files at short.csv"),
        (["latin.csv"], "expected UTF-8 text; found byte 0xd6"),
        (["wide.csv"], "expected UTF-8 text; found byte 0xff"),
        (["german.csv"], "expected commas between columns and points in numbers; found semicolons"),
        (["headless.csv"], "a first line of column names; found numbers: 0, 1.5"),
        (["broken.csv"], "invalid value 'Bad Input'"),
        (["still.parquet"], "found only p, which never changes"),
        (["one.parquet"], "expected at least 41 recordings"),
        (["one.parquet", "--sample", "run"], "found 1. Is run what tells recordings apart?"),
        (["stopped.parquet", "--time", "t_s"], "expected times that go on within a recording; found none in t_s"),
        (["holes.parquet"], "expected a time in each row of t_s"),
        (["epoch.parquet", "--sample", "run"], "seconds since the recording's start"),
        (["early.parquet", "--target", "y", "--horizon", "8"], "a reading of y in rows (8, 12)"),
        (["rig.parquet", "--sample", "nope"], "--sample: expected a column of run, t_s, p, q, y; found 'nope'"),
        (["rig.parquet", "--sample", "p"], "expected recordings of several rows"),
        (["rig.parquet", "--target", "run", "--sample", "run"], "a column that is not used otherwise"),
        (["rig.parquet", "--target", "nope"], "--target: expected a column of"),
        (["rig.parquet", "--start", "p"], "--start: expected times"),
        (["rig.parquet", "--horizon", "12"], "--horizon: expected 2 to 11"),
        (["rig.parquet", "--ignore", "nope"], "--ignore: expected a column of"),
        (["rig.parquet", "--ignore", "p", "--ignore", "q", "--ignore", "y"], "found none"),
        (["rig.parquet", "--name", "../rig"], "--name: expected lower-case letters"),
        (["rig.parquet", "--out", "notes.txt"], "--out: expected a folder"),
        (["rig.parquet", "--period", "0"], "--period: expected more than 0 s"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_imported_is_one_clear_error(here, arguments, expected):
    _hostile(here)
    result = _run("import", *arguments)
    assert result.exit_code == 1, result.output
    assert expected in result.stderr
    assert "Traceback" not in result.output
    assert result.stdout == ""
    assert not list(here.rglob("*.yaml"))


RECORDED = {
    "hydraulic": ("cycles_1hz", "--target", "CP", "--horizon", "40", "--ignore", "CE", "--ignore", "SE"),
    "skab": (
        "skab", "--target", "Volume Flow RateRMS", "--rows", "90", "--stride", "30", "--horizon", "60",
        "--ignore", "anomaly", "--ignore", "changepoint", "--samples-history", "250",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RECORDED)
def test_an_imported_process_replays_as_the_one_written_by_hand(name, monkeypatch, tmp_path):
    folder = os.environ.get("DQ_DATA_DIR")
    if not folder:
        pytest.skip("DQ_DATA_DIR names no folder of recorded data")
    table, *options = RECORDED[name]
    monkeypatch.setenv("DQ_VAR", str(tmp_path / "var"))
    monkeypatch.setenv("DQ_PROCESS_DIR", str(Path(__file__).parents[2] / "dags" / "processes"))
    imported = _told(
        "import", f"{folder}/{name}/{table}.parquet", *options, "--out", tmp_path, "--samples", 375, "--alone"
    )["replay"]
    written = _told("replay", name, "--samples", 375, "--alone")
    assert imported["predicted"] == written["predicted"]
    for row, other in zip(imported["rows"], written["rows"], strict=True):
        assert {key: row[key] for key in ("metrics", "refits", "references", "alarms", "coverage")} == {
            key: other[key] for key in ("metrics", "refits", "references", "alarms", "coverage")
        }
    assert imported["run"]["alarms"] == written["run"]["alarms"]
    assert imported["run"]["errors"] == written["run"]["errors"]
    assert name != "hydraulic" or written["rows"][0]["refits"] > 0
