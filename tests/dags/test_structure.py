"""The DAGs as Airflow sees them."""

from __future__ import annotations

import re
from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag

from dq_airflow.pools import POOLS
from dq_airflow.sensors import MicroBatchSensor

DAGS = Path(__file__).resolve().parents[2] / "dags"
NAMES = ("hydraulic", "skab", "vacuum", "vacuum_lab")
TASK = "_AIRFLOW_PARSING_CONTEXT_DAG_ID"  # Airflow leaves it behind when a task has run in this process
KINDS = ("adaptation", "deployment", "drill", "feedback", "initialization", "reconciliation", "rollback", "watch")


def parsed(file: str) -> DagBag:
    return DagBag(str(DAGS / file))


@pytest.fixture(scope="module")
def bag() -> DagBag:
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("DQ_PROCESS_DIR", TASK):
            patch.delenv(variable, raising=False)
        return DagBag(str(DAGS))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DQ_PROCESS_DIR", str(tmp_path))
    monkeypatch.delenv(TASK, raising=False)
    return tmp_path


def copy(folder: Path, name: str, *changes: tuple[str, str], of: str = "vacuum") -> None:
    text = (DAGS / "processes" / f"{of}.yaml").read_text().replace(f"process: {of}", f"process: {name}", 1)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (folder / f"{name}.yaml").write_text(text)


def test_every_process_has_its_dags(bag: DagBag) -> None:
    assert bag.import_errors == {}
    expected = {f"{name}_{kind}" for name in NAMES for kind in KINDS} | {
        "example_vacuum_drift_report",
        "dq_experiments",
    }
    assert set(bag.dags) == expected


def test_twenty_more_processes_are_twenty_more_files(folder: Path) -> None:
    for i in range(20):
        copy(folder, f"p{i:02d}")
    for kind in KINDS:
        found = parsed(f"{kind}.py")
        assert found.import_errors == {}
        assert set(found.dags) == {f"p{i:02d}_{kind}" for i in range(20)}


def test_every_dag_says_whose_it_is_and_what_to_do(bag: DagBag) -> None:
    for dag in bag.dags.values():
        assert dag.doc_md
        assert "fail" in dag.doc_md
        assert "Parameters" in dag.doc_md
        assert "dq" in dag.tags
        for task in dag.tasks:
            assert task.owner not in ("airflow", "")
            assert task.pool in (*POOLS, "default_pool")


def test_deployment_is_wired_as_drawn(bag: DagBag) -> None:
    dag = bag.dags["vacuum_deployment"]
    after = {task.task_id: task.downstream_task_ids for task in dag.tasks}
    assert after == {
        "wait": {"pull"},
        "pull": {"assess"},
        "assess": {"act"},
        "act": {"decide"},
        "decide": {"nothing", "adapt", "roll_back"},
        "nothing": set(),
        "adapt": set(),
        "roll_back": set(),
    }


def test_adaptation_runs_beside_it_when_something_is_due(bag: DagBag) -> None:
    dag = bag.dags["vacuum_adaptation"]
    assert {task.task_id: task.downstream_task_ids for task in dag.tasks} == {
        "retrain": {"evaluate"},
        "evaluate": {"stage", "reject"},
        "stage": {"promote"},
        "promote": set(),
        "reject": set(),
    }
    assert [asset.uri for asset in dag.timetable.asset_condition.objects] == ["dq://vacuum/due"]
    assert dag.max_active_runs == 1
    assert {task.retries for task in dag.tasks} == {2}


def test_feedback_is_started_by_labels_and_reviews_and_by_time(bag: DagBag) -> None:
    dag = bag.dags["vacuum_feedback"]
    assert {task.task_id: task.downstream_task_ids for task in dag.tasks} == {
        "take_labels": {"fill_queue"},
        "fill_queue": {"govern"},
        "govern": set(),
    }
    assert type(dag.timetable).__name__ == "AssetOrTimeSchedule"
    wanted = dag.timetable.asset_condition
    assert type(wanted).__name__ == "AssetAny", "one of them is enough"
    assert {asset.uri for asset in wanted.objects} == {"dq://vacuum/labels", "dq://vacuum/reviews"}
    assert dag.timetable.timetable.expression == "*/10 * * * *"
    assert (dag.max_active_runs, dag.catchup) == (1, False)
    assert {task.pool for task in dag.tasks} == {"dq_answer"}


def test_the_watch_runs_whether_the_deployment_does_or_not(bag: DagBag) -> None:
    dag = bag.dags["vacuum_watch"]
    after = {task.task_id: task.downstream_task_ids for task in dag.tasks}
    assert after == {"watch": {"triage"}, "triage": {"deliver"}, "deliver": set()}
    assert [task.task_id for task in dag.tasks if task.is_teardown] == ["deliver"], "whatever became of the others"
    assert {asset.uri for asset in dag.timetable.asset_condition.objects} == {"dq://vacuum/release"}
    assert dag.timetable.timetable.expression == "*/5 * * * *"
    assert (dag.max_active_runs, dag.catchup) == (1, False)


def test_reconciliation_is_started_by_releases_and_drifts_and_by_time(bag: DagBag) -> None:
    dag = bag.dags["vacuum_reconciliation"]
    assert {"reconcile", "audit"} <= set(dag.task_ids)
    wanted = dag.timetable.asset_condition
    assert {asset.uri for asset in wanted.objects} == {"dq://vacuum/release", "dq://vacuum/drift"}
    assert dag.timetable.timetable.expression == "*/15 * * * *"
    assert (dag.max_active_runs, dag.catchup) == (1, False)
    assert {task.pool for task in dag.tasks} == {"dq_answer"}


def test_deployment_runs_one_at_a_time_and_retries(bag: DagBag) -> None:
    for name in NAMES:
        dag = bag.dags[f"{name}_deployment"]
        assert (dag.max_active_runs, dag.catchup) == (1, False)
        assert type(dag.timetable).__name__ == "ContinuousTimetable"
        assert isinstance(dag.get_task("wait"), MicroBatchSensor)
        for task in dag.tasks:
            assert task.retries >= 2
            assert task.has_on_failure_callback
        assert dag.get_task("pull").retry_delay == timedelta(seconds=1)


def test_what_answers_never_queues_behind_what_learns(bag: DagBag) -> None:
    answering, learning = (
        {task.task_id: task.pool for task in bag.dags[f"vacuum_{kind}"].tasks} for kind in ("deployment", "adaptation")
    )
    steps = ("pull", "assess", "act", "decide", "roll_back")
    assert {task: answering[task] for task in steps} == dict.fromkeys(steps, "dq_answer")
    assert not {"nothing", "adapt", "wait"} ^ (set(answering) - set(steps)), "the others take no worker"
    assert {task: learning[task] for task in ("retrain", "evaluate", "stage")} == dict.fromkeys(
        ("retrain", "evaluate", "stage"), "dq_learn"
    )


def test_initialization_maps_over_chunks(bag: DagBag) -> None:
    dag = bag.dags["vacuum_initialization"]
    assert dag.get_task("annotate").is_mapped
    assert dag.get_task("annotate").upstream_task_ids == {"plan"}
    assert dag.get_task("train").upstream_task_ids == {"unify"}
    assert dag.get_task("promote").upstream_task_ids == {"stage"}


def test_experiments_are_chosen_in_a_form_and_reported_together(bag: DagBag) -> None:
    dag = bag.dags["dq_experiments"]
    assert {task.task_id: task.downstream_task_ids for task in dag.tasks} == {
        "chosen": {"make"},
        "make": {"report"},
        "report": set(),
    }
    assert dag.get_task("make").is_mapped
    from airflow.sdk.exceptions import ParamValidationError

    for wrong in ({"experiments": ["paper", "unknown"]}, {"experiments": []}, {"quick": "very"}):
        params = deepcopy(dag.params)
        with pytest.raises(ParamValidationError):
            params.update(wrong)


def validate(bag: DagBag, kind: str, given: dict[str, Any]) -> None:
    params = deepcopy(bag.dags[f"vacuum_{kind}"].params)
    params.update(given)
    params.validate()


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("initialization", {"samples": 5}),
        ("initialization", {"samples": "many"}),
        ("initialization", {"chunk": 0}),
        ("rollback", {"version": "latest", "reason": "worse on line 3"}),
        ("rollback", {"reason": "bad"}),
        ("rollback", {}),
        ("reconciliation", {"first": -1}),
        ("reconciliation", {"first": "newest"}),
    ],
)
def test_bad_parameters_are_refused(bag: DagBag, kind: str, given: dict[str, Any]) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    with pytest.raises(ParamValidationError):
        validate(bag, kind, given)


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("initialization", {}),
        ("initialization", {"samples": 200, "chunk": 50}),
        ("rollback", {"version": "3", "reason": "worse on line 3"}),
        ("rollback", {"reason": "worse on line 3"}),
        ("reconciliation", {}),
        ("reconciliation", {"first": 100, "stop": 300}),
    ],
)
def test_good_parameters_pass(bag: DagBag, kind: str, given: dict[str, Any]) -> None:
    validate(bag, kind, given)


def test_a_person_approves_where_the_process_file_says_so(folder: Path) -> None:
    copy(folder, "careful", ("tolerance: 0.02}", "tolerance: 0.02, approval: human}"))
    dag = parsed("adaptation.py").dags["careful_adaptation"]
    assert "promote" not in dag.task_ids
    assert dag.get_task("stage").downstream_task_ids == {"ask"}
    assert dag.get_task("ask").trigger_dag_id == "careful_promotion"
    asked = parsed("promotion.py").dags["careful_promotion"]
    assert asked.get_task("heed").upstream_task_ids == {"approve"}
    assert asked.get_task("heed").downstream_task_ids == {"promote", "reject"}


def test_where_a_release_is_rolled_out_the_deployment_asks_the_person(folder: Path) -> None:
    way = "rollout: {shadow: 50, canary: {}}\nhistory:"
    copy(folder, "careful", ("tolerance: 0.02}", "tolerance: 0.02, approval: human}"), ("\nhistory:", f"\n{way}"))
    copy(folder, "swift", ("\nhistory:", f"\n{way}"))
    dags = parsed("deployment.py").dags
    assert dags["careful_deployment"].get_task("ask").trigger_dag_id == "careful_promotion"
    assert dags["careful_deployment"].get_task("decide").downstream_task_ids >= {"ask", "nothing"}
    assert "ask" not in dags["swift_deployment"].task_ids


def test_assets_are_emitted_by_the_tasks_that_make_them_so(bag: DagBag) -> None:
    emitted = {
        (kind, task.task_id): {outlet.name.removeprefix("dq://vacuum/") for outlet in task.outlets}
        for kind in ("adaptation", "deployment", "feedback", "reconciliation", "watch")
        for task in bag.dags[f"vacuum_{kind}"].tasks
        if task.outlets
    }
    assert emitted == {
        ("deployment", "pull"): {"incident"},
        ("deployment", "act"): {"drift", "incident"},
        ("deployment", "decide"): {"due", "incident", "labels", "release"},
        ("deployment", "roll_back"): {"release"},
        ("adaptation", "promote"): {"due", "release"},
        ("adaptation", "reject"): {"due"},
        ("feedback", "take_labels"): {"labels"},
        ("feedback", "govern"): {"due", "incident"},
        ("watch", "watch"): {"incident"},
        ("reconciliation", "triage"): {"incident"},
        ("watch", "triage"): {"incident"},
    }


def test_a_bad_process_file_is_an_import_error_and_stops_its_process_only(folder: Path) -> None:
    copy(folder, "good")
    copy(folder, "bad", ("min_samples: 25", "min_samples: many"))
    for kind in KINDS:
        found = parsed(f"{kind}.py")
        assert found.import_errors == {}
        assert set(found.dags) == {f"good_{kind}"}
    ((_, text),) = parsed("process_files.py").import_errors.items()
    assert str(folder / "bad.yaml") in text
    assert re.search(r"stream\.min_samples: expected .*integer.*; found 'many'", text)


def test_dag_files_only_wire() -> None:
    for file in DAGS.glob("*.py"):
        assert len(file.read_text().splitlines()) <= 75, file


def test_a_dag_of_ones_own(bag: DagBag) -> None:
    dag = bag.dags["example_vacuum_drift_report"]
    assert [asset.uri for asset in dag.timetable.asset_condition.objects] == ["dq://vacuum/drift"]
    assert {"take_labels", "summary", "addressee", "maintenance", "process_engineers"} == set(dag.task_ids)


def test_drills_run_as_often_as_the_process_file_says_and_on_demand(folder: Path) -> None:
    copy(folder, "seldom", ("quality:", "drill: {every_h: 12, faults: [unit]}\nquality:"))
    copy(folder, "never")
    found = parsed("drill.py")
    assert found.import_errors == {}
    assert type(found.dags["never_drill"].timetable).__name__ == "NullTimetable"
    assert found.dags["seldom_drill"].timetable.delta == timedelta(hours=12)
    assert set(found.dags["never_drill"].params) == {"fault", "severity", "sensor"}
    assert [task.pool for task in found.dags["never_drill"].tasks] == ["dq_learn"]
