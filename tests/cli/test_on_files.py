from __future__ import annotations

import json
from html.parser import HTMLParser

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from dq_pipeline.cli.main import app


def _run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "120"})


def _told(*arguments):
    result = _run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


class _Outside(HTMLParser):
    """What a page would fetch from elsewhere."""

    def __init__(self):
        super().__init__()
        self.fetched = []

    def handle_starttag(self, tag, attrs):
        self.fetched += [value for name, value in attrs if name in ("src", "href") and value]


def _is_self_contained(path):
    page = _Outside()
    text = path.read_text(encoding="utf-8")
    page.feed(text)
    assert page.fetched == []
    assert "Plotly.newPlot" in text
    assert "<table>" in text
    return text


def test_replay_shows_a_policy_beside_its_rivals(files):
    told = _told("replay", "small", "--html", files / "out" / "replay.html")
    rows = {row["policy"]: row for row in told["rows"]}
    assert next(iter(rows)) == "active"
    assert {"passive 50", "error x1.5", "static", "last value"} <= set(rows)
    assert rows["static"]["refits"] == 0
    assert rows["passive 50"]["refits"] == 1
    assert all({"mae", "r2"} <= set(row["metrics"]) for row in rows.values())
    assert told["predicted"] == 80
    assert len(told["run"]["errors"]) == len(told["run"]["elapsed_s"]) == 4
    assert told["run"]["uncalibrated_share"] == 1.0
    text = _is_self_contained(files / "out" / "replay.html")
    assert "reinstate" in text
    assert "threshold, uncalibrated" in text


def test_replay_takes_its_policy_and_its_weights_from_the_command(files):
    told = _told("replay", "small", "--policy", "periodic", "--refits", "2", "--alone", "--weights", "newest")
    assert [(row["policy"], row["refits"]) for row in told["rows"]] == [("periodic", 2)]
    assert told["weights"] == "newest"
    shown = _run("replay", "small", "--policy", "static", "--alone", "--late", "30")
    assert shown.exit_code == 0
    assert "targets 30 samples late" in shown.stdout
    assert "uncalibrated on 100%" in shown.stdout


def test_score_names_what_cost_the_worst_recording_most(files):
    told = _told("score", files / "bad.parquet", "-p", "small", "--reference", files / "clean.parquet")
    assert (told["recordings"], told["quarantined"]) == (59, {"empty": 1})
    assert set(told["summary"]) == {
        "unified",
        "accuracy",
        "completeness",
        "consistency",
        "timeliness",
        "skewness",
    }
    worst = told["worst"][0]
    assert (worst["id"], worst["lowest"]) == ("000007", "completeness")
    assert worst["sensor"] in ("p", "q")
    assert len(told["scores"]) == 59
    assert all(0.0 <= row["unified"] <= 1.0 for row in told["scores"])


def test_score_writes_a_page(files):
    page = files / "score.html"
    result = _run("score", files / "bad.parquet", "-p", "small", "--reference", files / "clean.parquet", "--html", page)
    assert result.exit_code == 0, result.output
    assert "quarantined: empty 1" in result.stdout
    assert "Worst recordings" in result.stdout
    _is_self_contained(page)


def test_score_without_a_reference_asks_for_the_release_in_production(files):
    result = _run("score", files / "bad.parquet", "-p", "small")
    assert result.exit_code == 1
    assert "PostgreSQL server expected" in result.stderr


def test_drift_is_found_and_its_state_is_shown(files):
    page = files / "drift.html"
    told = _told("drift", files / "clean.parquet", files / "drifted.parquet", "-p", "small", "--html", page)
    verdicts = {verdict["detector"]: verdict for verdict in told["verdicts"]}
    assert set(verdicts) == {"sequential", "window"}
    for verdict in verdicts.values():
        assert verdict["state"] == "drift, uncalibrated"
        assert "60 samples" in verdict["uncalibrated"]
        assert set(verdict["sensors"]) <= {"p", "q"}
    assert {row["sensor"] for row in told["sensors"]} == {"p", "q"}
    assert all(set(row["divergences"]) == {"jsd", "kl", "psi", "ks", "wasserstein"} for row in told["sensors"])
    assert told["p"]["combined"] < 0.05
    assert [category["name"] for category in told["categories"]] == ["recipe"]
    _is_self_contained(page)


def test_no_drift_is_found_where_there_is_none(files):
    told = _told("drift", files / "clean.parquet", files / "clean.parquet", "-p", "small", "--detector", "window")
    assert [verdict["state"] for verdict in told["verdicts"]] == ["no drift, uncalibrated"]
    shown = _run("drift", files / "clean.parquet", files / "clean.parquet", "-p", "small", "--detector", "window")
    assert "window: uncalibrated, the reference holds 60 samples" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["score", "nothing.parquet", "-p", "small"], "expected readable files"),
        (["score", "words.txt", "-p", "small"], "expected readable files"),
        (["score", "strange.parquet", "-p", "small"], "expected columns p, q, id, t_s; found only x"),
        (["score", "empty.parquet", "-p", "small"], "at least one recording that can be used expected"),
        (["score", "clean.parquet", "-p", "other"], "Unknown process 'other'"),
        (["replay", "small", "--file", "nothing.parquet"], "expected readable files"),
        (["replay", "small", "--html", "."], "--html: a file expected; found the folder"),
        (["replay", "small", "--samples", "50", "--history", "55"], "history of fewer than the 50 samples"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_files_are_one_clear_line(files, arguments, expected, monkeypatch):
    monkeypatch.chdir(files)
    (files / "words.txt").write_text("no table", encoding="utf-8")
    pq.write_table(pa.table({"x": [1.0]}), files / "strange.parquet")
    empty = pq.read_table(files / "clean.parquet").slice(0, 0)
    pq.write_table(empty, files / "empty.parquet")
    if arguments[0] == "score":
        arguments = [*arguments, "--reference", "clean.parquet"]
    result = _run(*arguments)
    assert result.exit_code == 1
    assert expected in result.stderr
    assert "Traceback" not in result.output
    assert result.stdout == ""


def test_stress_tells_what_breaks_where_with_the_undisturbed_figure_beside(files):
    told = _told("stress", "small", "--perturb", "unit", "--perturb", "delay", "--history", "60", "--samples", "105")
    assert [one["perturbation"] for one in told["perturbations"]] == ["unit", "delay"]
    assert told["undisturbed"]["severity"] == 0.0
    unit = told["perturbations"][0]
    assert unit["sensor"] == told["sensor"]
    assert len(unit["rungs"]) == 5
    assert set(unit["breaks"]) == {"error", "coverage", "retained", "alarms", "unseen", "misnamed"}
    assert told["synthetic"] is None


def test_stress_draws_a_stream_of_no_one_and_writes_a_page(files):
    shown = _run("stress", "small", "--perturb", "noise", "--history", "60", "--synthetic", "--html", files / "s.html")
    assert shown.exit_code == 0, shown.output
    assert "Synthetic recordings" in shown.stdout
    assert "First severity that breaks each" in shown.stdout
    assert "Samples until noticed" in _is_self_contained(files / "s.html")
    refused = _run("stress", "small", "--perturb", "rain", "--history", "60")
    assert refused.exit_code == 1
    assert "Unknown perturbation 'rain'" in refused.stderr
