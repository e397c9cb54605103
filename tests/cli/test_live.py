"""From history to predictions and back by the command alone, on real servers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from dq_pipeline.cli.main import app

pytestmark = pytest.mark.integration

PROCESSES = Path(__file__).parents[2] / "dags" / "processes"


@pytest.fixture
def dq(monkeypatch, tmp_path, mlflow_server, database_url, topic_prefix) -> Callable[..., Any]:
    """Runs a command with `--json` in a world of the test's own; a small process file named vacuum."""
    lines = (PROCESSES / "vacuum.yaml").read_text().replace(" on: ", " 'on': ")
    process = yaml.safe_load(lines)
    process["stream"] |= {"topic": f"{topic_prefix}samples", "labels_topic": f"{topic_prefix}labels"}
    for name in ("predictions", "alarms", "dead_letter"):
        process["stream"][f"{name}_topic"] = f"{topic_prefix}{name}"
    process["history"]["samples"] = 60
    process["model"] = {"trees": 20, "search": 1, "min_samples": 30}
    process["drift"] |= {"worlds": 10, "world_length": 100}
    folder = tmp_path / "processes"
    folder.mkdir()
    (folder / "vacuum.yaml").write_text(yaml.safe_dump(process, sort_keys=False))
    for name, value in {**mlflow_server.environment(), "DQ_DATABASE_URL": database_url}.items():
        monkeypatch.setenv(name, value)
    for name in ("DQ_VAR", "DQ_LAKE_URI", "DQ_CACHE_DIR", "DQ_DATA_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    monkeypatch.setenv("DQ_PROCESS_DIR", str(folder))

    def run(*arguments: str, exit_code: int = 0) -> Any:
        result = CliRunner().invoke(app, [*arguments, "--json"], catch_exceptions=False)
        assert result.exit_code == exit_code, result.output
        return json.loads(result.stdout)

    return run


def test_from_history_to_predictions_and_back(dq, tmp_path):
    stream, labels = tmp_path / "stream.parquet", tmp_path / "labels.csv"
    dq("simulate", "vacuum", "--samples", "60")
    dq("simulate", "vacuum", "--samples", "24", "--first", "60", "--seed", "2", "--out", str(stream))
    first = dq("init", "vacuum", "--chunk", "40")
    assert first["passed"]
    assert first["history"]["samples"] == 60
    manifest = tmp_path / "sent.json"
    sent = dq(
        *("feed", "vacuum", "--file", str(stream), "--first", "0", "--faults", "0.1", "--damaged", "3"),
        *("--strays", "1", "--manifest", str(manifest)),
    )
    assert sent == json.loads(manifest.read_text())
    assert (sent["recordings"], len(sent["faults"]), len(sent["damaged"])) == (25, 2, 3)
    told = dq("run", "vacuum", "--until-idle", "--no-adapt")
    assert told["failures"] == 0
    assert told["predictions"] == 21
    found = dq("status", "vacuum")
    assert found["recordings"]["read"] == 25
    assert sum(found["recordings"]["quarantined"].values()) == 4
    assert (found["gaps"], found["duplicates"]) == (0, 0)
    assert [row["process"] for row in dq("status")] == ["vacuum"]

    labels.write_text(f"sample_id,value\n{sent['ids'][5]},0.5\n,1\n")
    taken = dq("labels", "vacuum", str(labels))
    assert (taken["new"], len(taken["refused"])) == (1, 1)

    second = dq("init", "vacuum")
    assert second["previous"] == first["version"]
    assert dq("rollback", "vacuum", "--why", "to see it work")["version"] == first["version"]
    assert dq("resume", "vacuum")["version"] == first["version"]
    assert dq("rollback", "vacuum", "--version", second["version"], "--why", "and back")["version"] == second["version"]
    listed = dq("releases", "vacuum")
    assert {row["version"]: row["stage"] for row in listed["releases"]} == {
        first["version"]: "Archived",
        second["version"]: "Production",
    }
    assert dq("redrive", "vacuum")["messages"] > 0
    late = ("--labels-late", "2", "--labels-wrong", "0.25", "--labels-error", "0.05")
    fed = dq("feed", "vacuum", "--file", str(stream), "--first", "12", "--samples", "12", *late)["labels"]
    assert (fed["lag"], fed["count"], len(fed["wrong"])) == (2, 12, 3)
    assert {topic["state"] for topic in dq("topics", "vacuum")["topics"]} == {"as needed"}
