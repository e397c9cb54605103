from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from dq_airflow import callbacks, hooks


def test_a_failed_task_lets_its_batch_go_and_tells_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    let_go: list[Any] = []
    told: list[Any] = []

    @contextmanager
    def open_world() -> Iterator[Any]:
        ledger = SimpleNamespace(let_go=lambda *arguments: let_go.append(arguments))
        yield SimpleNamespace(ledger=ledger, notifier=SimpleNamespace(notify=told.append))

    monkeypatch.setattr(hooks, "open_world", open_world)
    instance = SimpleNamespace(run_id="run-7", dag_id="vacuum_deployment", task_id="assess")
    context: Any = {"task_instance": instance, "exception": ValueError("12 columns expected; found 11")}
    callbacks.failed(context, process="vacuum")
    ((process, holder, error, now),) = let_go
    assert (process, holder) == ("vacuum", "run-7")
    assert error == "vacuum_deployment.assess: 12 columns expected; found 11"
    assert now.tzinfo is not None
    (notice,) = told
    assert (notice.process, notice.title) == ("vacuum", "vacuum_deployment.assess failed")
    assert "run-7" in notice.detail
