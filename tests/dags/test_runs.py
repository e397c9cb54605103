"""Every DAG run from end to end by `dag.test()`, on the session's real servers.

All in one module: the first run of a process takes Airflow eleven seconds.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag

from dq_airflow import assets
from dq_pipeline import steps
from dq_pipeline.records import Notice
from dq_pipeline.steps import agenda
from tests.docs.tutorials import steps as steps_of
from tests.integration.conftest import Plant, plant, recordings  # noqa: F401 - a fixture
from tests.integration.receivers import Webhook

DAGS = Path(__file__).resolve().parents[2] / "dags"
TASK = "_AIRFLOW_PARSING_CONTEXT_DAG_ID"  # Airflow leaves it behind when a task has run in this process
Run = Callable[..., Mapping[str, str]]

pytestmark = [
    pytest.mark.integration,
    pytest.mark.filterwarnings("ignore"),  # Airflow's own, by the dozen
]


@pytest.fixture(scope="module")
def metadata() -> None:
    """Airflow's tables, in the SQLite file that the folder's conftest names."""
    command = [sys.executable, "-m", "airflow", "db", "migrate"]
    subprocess.run(command, env=os.environ, check=True, capture_output=True)


@pytest.fixture
def run(plant: Plant, metadata: None, monkeypatch: pytest.MonkeyPatch) -> Run:  # noqa: F811
    """Runs a DAG of the plant's process and returns the state of each task."""
    settings = plant.world.settings
    for name, value in {
        "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "MLFLOW_TRACKING_URI": settings.mlflow_tracking_uri,
        "DQ_DATABASE_URL": settings.database_url.get_secret_value(),
        "DQ_LAKE_URI": settings.lake_uri,
        "DQ_PROCESS_DIR": str(settings.process_dir),
        "DQ_DATA_DIR": str(settings.data_dir),
        "DQ_CACHE_DIR": str(settings.cache_dir),
        "DQ_VAR": str(settings.var),
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv(TASK, "")

    def go(file: str, dag: str, **options: Any) -> Mapping[str, str]:
        found = DagBag(str(DAGS / file))
        assert found.import_errors == {}
        monkeypatch.setenv(TASK, "")
        finished = found.dags[dag].test(**options)
        states = {
            f"{ti.task_id}{ti.map_index}".removesuffix("-1"): str(ti.state) for ti in finished.get_task_instances()
        }
        assert str(finished.state) == "success", states
        return states

    return go


def which(states: Mapping[str, str], state: str) -> set[str]:
    return {task for task, found in states.items() if found == state}


def test_the_life_of_a_process(run: Run, plant: Plant) -> None:  # noqa: F811
    name, ledger = plant.process, plant.world.ledger

    states = run("feedback.py", f"{name}_feedback")
    assert which(states, "success") == {"take_labels"}, "no release yet"
    assert which(states, "skipped") == {"fill_queue", "govern"}
    states = run("initialization.py", f"{name}_initialization", run_conf={"chunk": 80})
    chunks = {f"annotate{i}" for i in range(3)}
    assert which(states, "success") == {"plan", *chunks, "unify", "train", "evaluate", "stage", "promote"}
    assert which(states, "skipped") == {"reject"}
    first = ledger.production(name)
    assert first is not None

    answering = {"wait", "pull", "assess", "act", "decide"}
    plant.publish(recordings(30, plant.rng))
    states = run("deployment.py", f"{name}_deployment")
    assert which(states, "success") == {*answering, "nothing"}
    assert which(states, "skipped") == {"adapt", "roll_back"}
    assert ledger.sample_count(name) == 30
    states = run("adaptation.py", f"{name}_adaptation")
    assert which(states, "success") == {"retrain"}, "nothing is due"
    states = run("feedback.py", f"{name}_feedback")
    assert which(states, "success") == {"take_labels", "fill_queue", "govern"}
    assert agenda.read(plant.world, name).due is None, "no trigger is stated"

    for turn in range(6):
        plant.publish(recordings(40, plant.rng, first=100 + 40 * turn, shift=2.0))
        states = run("deployment.py", f"{name}_deployment")
        if states["adapt"] == "success":
            break
    assert which(states, "success") == {*answering, "adapt"}
    assert which(states, "skipped") == {"nothing", "roll_back"}
    states = run("adaptation.py", f"{name}_adaptation")
    assert which(states, "success") == {"retrain", "evaluate", "stage", "promote"}
    assert which(states, "skipped") == {"reject"}
    second = ledger.production(name)
    assert second is not None
    assert second.version != first.version

    conf = {"version": first.version, "reason": "worse on line 3"}
    states = run("rollback.py", f"{name}_rollback", run_conf=conf, mark_success_pattern="approve")
    assert which(states, "success") == {"approve", "roll_back"}
    restored, change = ledger.production(name), ledger.changes(name)[-1]
    assert restored is not None
    assert restored.version == first.version
    assert (change.action, change.why) == ("rollback", "worse on line 3")


def test_labels_lead_to_a_training_without_a_command(run: Run, plant: Plant) -> None:  # noqa: F811
    name = plant.process
    plant.edit(feedback={"retrain": {"labels": 20}})
    plant.initialize()
    plant.publish(recordings(30, plant.rng, first=1000))
    plant.answer()
    states = run("feedback.py", f"{name}_feedback")
    assert which(states, "success") == {"take_labels", "fill_queue", "govern"}
    due = agenda.read(plant.world, name).due
    assert due is not None
    assert due["trigger"] == "labels"
    events = emitted(f"dq://{name}/due")
    assert [event["key"] for event in events] == [due["key"]]
    states = run("adaptation.py", f"{name}_adaptation")
    assert {"retrain", "evaluate"} < which(states, "success")
    assert plant.world.ledger.release_by_key(name, due["key"]) is not None

    assert not assets.announce("nobody", "reviews", {})
    assert assets.announce(name, "reviews", {"review": 7})
    assert emitted(f"dq://{name}/reviews") == [{"review": 7}]


def test_the_deployment_takes_a_release_from_shadow_into_production(run: Run, plant: Plant) -> None:  # noqa: F811
    name, ledger = plant.process, plant.world.ledger
    plant.edit(feedback={"retrain": {"labels": 20}}, rollout={"shadow": 20}, promotion={"tolerance": 0.5})
    first = plant.initialize()
    plant.publish(recordings(30, plant.rng, first=1000))
    plant.answer()
    run("feedback.py", f"{name}_feedback")
    states = run("adaptation.py", f"{name}_adaptation")
    assert which(states, "success") == {"retrain", "evaluate", "stage"}
    assert which(states, "skipped") == {"reject", "promote"}, "nothing promotes it now"
    (staged,) = [row.version for row in ledger.releases(name) if row.stage == "Staging"]
    plant.publish(recordings(30, plant.rng, first=2000))
    states = run("deployment.py", f"{name}_deployment")
    assert {"decide", "nothing"} < which(states, "success")
    assert ledger.production(name).version == staged != first
    assert [event["version"] for event in emitted(f"dq://{name}/release")] == [staged]


def emitted(uri: str) -> list[dict[str, Any]]:
    """What the events of an asset carry."""
    from airflow.models.asset import AssetEvent, AssetModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        wanted = select(AssetEvent).join(AssetModel, AssetModel.id == AssetEvent.asset_id).where(AssetModel.uri == uri)
        return [dict(event.extra) for event in session.scalars(wanted)]


def test_a_dag_of_ones_own(run: Run, plant: Plant) -> None:  # noqa: F811
    shutil.copy(DAGS / "processes" / "vacuum.yaml", plant.world.settings.process_dir)
    plant.world.stream.ensure_topics(plant.world.process("vacuum"))
    states = run("examples/drift_report.py", "example_vacuum_drift_report")
    assert which(states, "success") == {"take_labels", "summary", "addressee", "maintenance"}
    assert which(states, "skipped") == {"process_engineers"}


def test_experiments_are_made_and_reported(run: Run, plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setenv("DQ_PROCESS_DIR", str(DAGS / "processes"))
    monkeypatch.delenv("DQ_DATA_DIR")
    states = run("experiments.py", "dq_experiments", run_conf={"experiments": ["cost"], "quick": True})
    assert which(states, "success") == {"chosen", "make0", "report"}
    folder = plant.world.settings.var / "experiments"
    assert sorted(file.name for file in folder.iterdir()) == ["cost.json", "index.html"]
    assert "A long stream, one core" in (folder / "index.html").read_text()


def test_the_dag_of_the_tutorial(run: Run, plant: Plant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    ((kind, text),) = steps_of("own-dag.md")
    folder, book = tmp_path / "own", tmp_path / "book.md"
    folder.mkdir()
    file = folder / kind.removeprefix("file: ")
    file.write_text(text)
    local = "airflow.dag_processing.bundles.local.LocalDagBundle"
    bundles = [
        {"name": name, "classpath": local, "kwargs": {"path": str(path)}}
        for name, path in (("own", folder), ("dags-folder", DAGS))
    ]
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST", json.dumps(bundles))
    monkeypatch.setenv("SHIFT_BOOK_PROCESS", plant.process)
    monkeypatch.setenv("SHIFT_BOOK", str(book))
    version = plant.initialize()
    dag = DagBag(str(file)).dags[f"shift_book_{plant.process}"]
    assert [asset.uri for asset in dag.timetable.asset_condition.objects] == [f"dq://{plant.process}/release"]
    states = run(str(file), dag.dag_id)
    assert which(states, "success") == {"line", "write"}
    (line,) = book.read_text().splitlines()
    assert f" {plant.process}: release {version} (initial), mae 0." in line


def test_the_watch_sends_what_is_due_even_where_its_look_fails(
    run: Run,
    plant: Plant,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chat = Webhook()
    chat.up()
    monkeypatch.setenv("DQ_ALERTS_CHAT", f"json://127.0.0.1:{chat.port}/secret")
    plant.edit(alerts={"to": {"warning": ["chat"]}})
    name, ledger = plant.process, plant.world.ledger
    ledger.add_notice(Notice(name, "warning", f"{name}: it squeaks", "a wheel"), datetime.now(UTC))
    states = run("watch.py", f"{name}_watch")
    assert which(states, "success") == {"watch", "triage", "deliver"}
    assert chat.titles == [f"[warning] {name}: it squeaks"]

    def broken(*_: Any) -> None:
        raise RuntimeError("no broker")

    monkeypatch.setattr(steps, "watch", broken)
    ledger.add_notice(Notice(name, "warning", f"{name}: again", "a wheel", subject="another"), datetime.now(UTC))
    with pytest.raises(AssertionError, match="'deliver': 'success'"):  # the run has failed all the same
        run("watch.py", f"{name}_watch")
    assert chat.titles[1:] == [f"[warning] {name}: again", f"[warning] {name}_watch.watch failed"]
    chat.down()
