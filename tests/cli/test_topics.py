from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from dq_pipeline.cli import topics

PROCESSES = Path(__file__).parents[2] / "dags" / "processes"


@pytest.fixture
def run(tmp_path, monkeypatch):
    def invoke(*arguments: str, **environ: str):
        for name, value in {"DQ_VAR": str(tmp_path), "DQ_PROCESS_DIR": str(PROCESSES), **environ}.items():
            monkeypatch.setenv(name, value)
        app = typer.Typer()
        topics.register(app)
        return CliRunner().invoke(app, list(arguments))

    return invoke


def test_an_unknown_process(run):
    result = run("nothing")
    assert result.exit_code == 1
    assert "Unknown process 'nothing'" in result.output
    assert "hydraulic, skab, vacuum" in result.output


@pytest.mark.integration
def test_created_then_as_needed(run, servers, topic_prefix, tmp_path):
    folder = tmp_path / "processes"
    folder.mkdir()
    text = (PROCESSES / "skab.yaml").read_text().replace("process: skab", "process: other")
    (folder / "other.yaml").write_text(
        text.replace("topic: skab.", f"topic: {topic_prefix}").replace(
            "stream:\n",
            f"stream:\n  predictions_topic: {topic_prefix}p\n  alarms_topic: {topic_prefix}a\n"
            f"  dead_letter_topic: {topic_prefix}d\n",
        )
    )
    environ = {"DQ_PROCESS_DIR": str(folder), "KAFKA_BOOTSTRAP_SERVERS": servers.kafka}
    states = [
        {topic["state"] for topic in json.loads(run("other", *options, "--json", **environ).stdout)["topics"]}
        for options in (["--look"], [], [])
    ]
    assert states == [{"missing"}, {"created"}, {"as needed"}]
    table = run("other", **environ, COLUMNS="200").stdout
    assert "dead letters" in table
