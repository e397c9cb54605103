from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dq_pipeline.cli.main import app
from dq_pipeline.errors import ConfigurationError
from dq_pipeline.experiments import experiment, results
from dq_pipeline.experiments.experiment import EXPERIMENTS, Asked, Bar, Plot, Table, bars

ASKED = Asked(quick=True, process_dir=Path("nowhere"))


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """An experiment of two rows in the place of the others."""

    def run(asked: Asked) -> list[Table | Plot]:
        rows = ({"what": "a", "MAE": 0.5}, {"what": "b & c", "MAE": None})
        plot = {"data": [{"type": "scatter", "y": [1, 2]}], "layout": {"title": {"text": "Two points"}}}
        reached = [Bar("MAE", 0.5, "bar", "nothing", 0.4, most=True), Bar("R2", float("nan"), "", "nothing", 0.9)]
        table = Table("paper/one", "One table", "Said of it.", rows)
        return [table, bars("paper", "Bars", "", reached), Plot("paper/plot", plot)]

    monkeypatch.setattr("dq_pipeline.experiments.paper.run", run)


def test_every_experiment_can_be_run():
    for name in EXPERIMENTS:
        assert callable(experiment.experiment(name))
    with pytest.raises(ConfigurationError, match=r"paper.*found 'papers'"):
        experiment.experiment("papers")


def test_rows_of_a_table_have_the_same_columns():
    with pytest.raises(ValueError, match="same columns"):
        Table("a/b", "", "", ({"x": 1}, {"y": 1}))


def test_what_was_made_is_kept_with_where_and_when(made_up, tmp_path):
    told = results.make("paper", ASKED, tmp_path)
    assert results.made(tmp_path) == [json.loads(json.dumps(told))]
    assert told["tables"][0]["rows"][1] == {"what": "b & c", "MAE": None}
    assert told["machine"]["cores"] >= 1
    assert told["quick"] is True
    assert [file.name for file in tmp_path.iterdir()] == ["paper.json"]


def test_the_command_writes_results_and_one_page(made_up, tmp_path, monkeypatch):
    monkeypatch.setenv("DQ_VAR", str(tmp_path / "var"))
    answered = CliRunner().invoke(app, ["experiments", "paper", "--quick", "--folder", str(tmp_path), "--json"])
    assert answered.exit_code == 0, answered.output
    told = json.loads(answered.stdout)
    assert told["results"][0]["experiment"] == "paper"
    page = (tmp_path / "index.html").read_text()
    for said in ("One table", "Said of it.", "b &amp; c", "Two points", "quick, no figures"):
        assert said in page
    assert "<script src=" not in page, "the page must not need the network"


def test_bars_of_a_full_run_are_evidence_and_what_does_not_hold_is_said(made_up, tmp_path, monkeypatch):
    monkeypatch.setenv("DQ_VAR", str(tmp_path))
    monkeypatch.setattr(experiment, "EXPERIMENTS", {"paper": ""})
    answered = CliRunner().invoke(app, ["experiments"], env={"COLUMNS": "200"})
    assert answered.exit_code == 0, answered.output
    rows = {row["name"]: row for row in json.loads((tmp_path / "evidence" / "experiments.json").read_text())}
    error = {
        "name": "paper/MAE",
        "value": 0.5,
        "unit": "bar",
        "against": "nothing",
        "bar": "at most 0.4",
        "holds": False,
    }
    assert rows["paper/MAE"] == error
    assert (rows["paper/R2"]["value"], rows["paper/R2"]["holds"]) == (None, False), "nothing measured holds nothing"
    assert rows["a full run of all"]["holds"] is True
    assert rows["paper/seconds"]["unit"] == "s"
    assert "does not hold: paper/MAE: 0.5, at most 0.4" in answered.output


def test_a_quick_run_is_evidence_of_its_time_alone(made_up, tmp_path):
    told = results.make("paper", ASKED, tmp_path)
    assert results.evidence(told) == []
    slow = results.whole([told | {"seconds": 601.0}], quick=True)
    assert (slow["bar"], slow["holds"]) == ("at most 600", False)
    assert results.whole([told | {"seconds": 601.0}], quick=False)["holds"] is True


def test_an_unknown_experiment_is_said_before_anything_is_made(tmp_path):
    answered = CliRunner().invoke(app, ["experiments", "papers", "--folder", str(tmp_path)])
    assert answered.exit_code == 1
    assert not list(tmp_path.iterdir())
    assert "paper" in CliRunner().invoke(app, ["experiments", "--list"]).stdout
