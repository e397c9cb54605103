from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest
from airflow._shared.module_loading import find_path_from_directory

from dq_airflow import listener
from dq_airflow.plugin import DQPlugin

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"


def imported(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> list[str]:
    found: list[str] = []
    monkeypatch.setattr(sys, "argv", ["airflow", *arguments])
    monkeypatch.setattr(importlib, "import_module", found.append)
    monkeypatch.setattr(listener, "_compile", lambda: found.append("a compiled function"))
    monkeypatch.delitem(sys.modules, "dq_airflow.sensors", raising=False)
    listener.on_starting(None)
    return found


def test_preloads_in_the_scheduler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, listener.PRELOAD[-1], raising=False)  # as in a scheduler that just began
    assert imported(monkeypatch, "scheduler", "--skip-serve-logs") == [*listener.PRELOAD, "a compiled function"]


def test_a_task_does_not_preload_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "PRELOAD", ("sys", "pathlib"))
    assert imported(monkeypatch, "scheduler") == []


@pytest.mark.parametrize("arguments", [("triggerer",), ("api-server",), ("tasks", "scheduler"), ()])
def test_preloads_nowhere_else(monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]) -> None:
    assert imported(monkeypatch, *arguments) == []


def test_a_missing_module_does_not_stop_the_scheduler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "PRELOAD", ("there_is_no_such_module",))
    monkeypatch.setattr(sys, "argv", ["airflow", "scheduler"])
    listener.on_starting(None)


def test_what_is_preloaded_exists() -> None:
    assert [name for name in listener.PRELOAD if importlib.util.find_spec(name) is None] == []


@pytest.mark.filterwarnings("ignore:GitWildMatchPattern:DeprecationWarning")  # Airflow's own
def test_airflow_runs_one_file_of_the_package_as_a_plugin() -> None:
    files = [Path(file).name for file in find_path_from_directory(str(PLUGINS), ".airflowignore", "glob")]
    assert [name for name in files if name.endswith(".py")] == ["plugin.py"]
    assert DQPlugin.listeners == [listener]
