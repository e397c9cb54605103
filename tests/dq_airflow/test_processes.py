from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dq_airflow import processes
from dq_pipeline.errors import ConfigurationError, ProcessFileError

PROCESSES = Path(__file__).resolve().parents[2] / "dags" / "processes"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for file in PROCESSES.glob("*.yaml"):
        shutil.copy(file, tmp_path)
    monkeypatch.setenv("DQ_PROCESS_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture(autouse=True)
def parser(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in Airflow's parser; Airflow leaves the variable behind when a task has run in this process."""
    monkeypatch.delenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", raising=False)


def names(kind: str) -> list[str]:
    return [process.name for process in processes.valid(kind)]


def test_the_folder_is_beside_the_dags_unless_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DQ_PROCESS_DIR", raising=False)
    assert processes.folder() == PROCESSES


def test_a_bad_file_stops_its_own_process_only(folder: Path) -> None:
    bad = folder / "skab.yaml"
    bad.write_text(bad.read_text().replace("min_samples:", "least_samples:"))
    assert names("deployment") == ["hydraulic", "vacuum", "vacuum_lab"]
    with pytest.raises(ProcessFileError, match=r"skab\.yaml") as raised:
        processes.check()
    (problem,) = raised.value.problems
    assert problem.key == "stream.least_samples"
    assert "known key" in problem.expected
    assert "unknown key" in problem.found


def test_several_bad_files_are_named_together(folder: Path) -> None:
    for name in ("skab", "vacuum"):
        (folder / f"{name}.yaml").write_text("process: 1")
    with pytest.raises(ConfigurationError, match=r"(?s)skab\.yaml.*vacuum\.yaml"):
        processes.check()


def test_good_files_pass(folder: Path) -> None:
    processes.check()


def test_a_task_parses_its_own_process_only(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "hydraulic.yaml").write_text("process: 1")
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "vacuum_deployment")
    assert names("deployment") == ["vacuum"]
    assert names("rollback") == []
