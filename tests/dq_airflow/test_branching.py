from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

import pytest
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG
from airflow.sdk.exceptions import DownstreamTasksSkipped

from dq_airflow.branching import follow


class Instance:
    def __init__(self) -> None:
        self.xcoms: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.xcoms[key] = value


@pytest.fixture
def dag() -> DAG:
    with DAG("d", schedule=None, start_date=datetime(2025, 1, 1, tzinfo=UTC)) as dag:
        names = ("decide", "nothing", "retrain", "stage", "promote", "reject", "roll_back", "report")
        tasks = {name: EmptyOperator(task_id=name) for name in names}
    tasks["decide"] >> [tasks["nothing"], tasks["retrain"], tasks["roll_back"]]
    tasks["retrain"] >> [tasks["stage"], tasks["reject"]]
    tasks["stage"] >> tasks["promote"] >> tasks["report"]
    tasks["roll_back"] >> tasks["report"]
    return dag


def skipped(dag: DAG, task: str, chosen: Collection[str]) -> tuple[set[str], dict[str, Any]]:
    instance = Instance()
    context: Any = {"task": dag.get_task(task), "ti": instance}
    with pytest.raises(DownstreamTasksSkipped) as raised:
        follow(context, {"a": 1}, chosen)
    return set(raised.value.tasks), instance.xcoms


@pytest.mark.parametrize(
    ("task", "chosen", "expected"),
    [
        ("decide", {"nothing"}, {"retrain", "stage", "promote", "reject", "roll_back", "report"}),
        ("decide", {"roll_back"}, {"nothing", "retrain", "stage", "promote", "reject"}),
        ("decide", {"retrain"}, {"nothing", "roll_back"}),
        ("retrain", {"reject"}, {"stage", "promote", "report"}),
        ("decide", set(), {"nothing", "retrain", "stage", "promote", "reject", "roll_back", "report"}),
    ],
)
def test_skips_whole_branches_and_keeps_what_they_share(
    dag: DAG, task: str, chosen: set[str], expected: set[str]
) -> None:
    names, xcoms = skipped(dag, task, chosen)
    assert names == expected
    assert xcoms["return_value"] == {"a": 1}
    assert xcoms["skipmixin_key"] == {"followed": sorted(chosen)}  # Airflow reads it when the task is cleared


def test_goes_on_where_nothing_is_skipped(dag: DAG) -> None:
    context: Any = {"task": dag.get_task("stage"), "ti": Instance()}
    follow(context, {}, {"promote"})


def test_refuses_a_task_that_does_not_follow(dag: DAG) -> None:
    context: Any = {"task": dag.get_task("decide"), "ti": Instance()}
    with pytest.raises(ValueError, match=r"after decide.*found \['promote'\]"):
        follow(context, {}, {"promote"})
