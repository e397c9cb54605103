"""The whole platform, live, as a test sees it."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import psutil
import yaml

from dq_pipeline.demo.airflow_api import AirflowApi
from dq_pipeline.local import Endpoints
from dq_pipeline.recording import Recording
from dq_pipeline.steps import agenda
from dq_pipeline.wiring import World
from tests.integration.conftest import Notices, Plant, process_file, recordings

log = logging.getLogger(__name__)
Found = TypeVar("Found")
TABLES = ("processes", "cursors", "batches", "ranges", "scores", "predictions", "targets", "outbox", "quarantine")


def until(look: Callable[[], Found], what: str, within_s: float = 180.0) -> Found:
    """What `look` finds, as soon as it finds something."""
    deadline = time.monotonic() + within_s
    while not (found := look()):
        assert time.monotonic() < deadline, f"{what}: expected within {within_s:.0f} s; found {found!r}"
        time.sleep(0.1)
    return found


class Airflow(AirflowApi):
    """Airflow's API, and what only tests ask of it."""

    def ended(self, dag: str, run: str, within_s: float = 180.0) -> str:
        """The state in which a run ends."""
        ends = ("success", "failed")
        return until(lambda: state if (state := self.run_state(dag, run)) in ends else "", f"{dag} {run}", within_s)

    def task(self, dag: str, run: str, task: str) -> dict[str, Any]:
        """A task of a run."""
        return next(found for found in self.tasks(dag, run) if found["task_id"] == task)

    def result(self, dag: str, run: str, task: str) -> Any:
        """What a task returned."""
        path = f"/api/v2/dags/{dag}/dagRuns/{run}/taskInstances/{task}/xcomEntries/return_value?deserialize=true"
        return (self._call("GET", path) or {})["value"]

    def answer(self, dag: str, run: str, task: str, choice: str) -> None:
        """Answer the question that a task asks."""
        path = f"/api/v2/dags/{dag}/dagRuns/{run}/taskInstances/{task}/-1/hitlDetails"
        self._call("PATCH", path, {"chosen_options": [choice], "params_input": {}})

    def waits_for_a_person(self, dag: str, run: str, task: str) -> bool:
        """Whether a task asks, its process has ended, and the scheduler has taken notice of that.

        An answer that overtakes this is taken for a failure of the task: Airflow asks anew. People are not that fast.
        """
        asking = self.task(dag, run, task)
        if asking["state"] != "awaiting_input" or psutil.pid_exists(asking["pid"]):
            return False
        seen = self._heartbeat()
        until(lambda: self._heartbeat() != seen, "the scheduler's next heartbeat")
        return bool(self.task(dag, run, task)["state"] == "awaiting_input")

    def approved(self, dag: str, run: str, task: str) -> str:
        """Approve as often as the task asks; the state in which the run ends."""
        ends = ("success", "failed")

        def look() -> str:
            if (state := self.run_state(dag, run)) in ends:
                return state
            if self.waits_for_a_person(dag, run, task):
                self.answer(dag, run, task, "Approve")
            return ""

        return until(look, f"{dag} {run}", 240.0)

    def unfinished(self) -> list[str]:
        """The newest task instances that are at work, wait or have failed, a line each."""
        states = "&".join(f"state={state}" for state in ("running", "queued", "scheduled", "up_for_retry", "failed"))
        path = f"/api/v2/dags/~/dagRuns/~/taskInstances?{states}&order_by=-start_date&limit=30"
        rows = (self._call("GET", path) or {}).get("task_instances", ())
        return [f"{row['dag_id']}.{row['task_id']} {row['state']} since {row['start_date']}" for row in rows]

    def _heartbeat(self) -> str:
        health = self._call("GET", "/api/v2/monitor/health") or {}
        return str(health["scheduler"]["latest_scheduler_heartbeat"])


@dataclass(frozen=True)
class Trap:
    """Where a task is to be held; see `airflow_local_settings.py`."""

    folder: Path

    def set(self, task: str, call: str, when: str = "before", nth: int = 1) -> None:
        """Stand at the `nth` call of that method by that task (`<dag>.<task>`)."""
        self.clear()
        new = self.folder / "trap.new"
        new.write_text(json.dumps({"task": task, "call": call, "when": when, "nth": nth}))
        new.replace(self.folder / "trap.json")

    def held(self) -> int:
        """The process that is held, as soon as there is one."""
        file = self.folder / "held.json"
        until(file.exists, f"a task held at {self.folder / 'trap.json'}")
        return int(json.loads(file.read_text())["pid"])

    def let_go(self) -> None:
        """Let it go on."""
        (self.folder / "go").touch()

    def ended(self) -> dict[str, Any]:
        """How the call that was held ended: name and text of its error, if there was one."""
        file = self.folder / "ended.json"
        until(file.exists, "the end of the held call")
        return dict(json.loads(file.read_text()))

    def clear(self) -> None:
        """No trap, nobody held."""
        for name in ("trap.json", "held.json", "ended.json", "go"):
            (self.folder / name).unlink(missing_ok=True)


@dataclass(frozen=True)
class Line(Plant):
    """One process and its stream, answered by Airflow."""

    airflow: Airflow = field(kw_only=True)
    numbers: count[int] = field(default_factory=lambda: count(1000))

    @property
    def dag(self) -> str:
        """Its deployment."""
        return f"{self.process}_deployment"

    def fresh(self, n: int, shift: float = 0.0) -> list[Recording]:
        """Recordings that nobody sent before."""
        return [recordings(1, self.rng, first=next(self.numbers), shift=shift)[0] for _ in range(n)]

    def feed(self, runs: Sequence[Recording], scopes: Sequence[str] = ("horizon", "completion")) -> None:
        """Publish, and wait until all of it was read, answered and sent."""
        self.publish(runs, scopes)
        until(self.at_rest, f"{self.process} to have answered {len(runs)} recordings")

    def at_rest(self) -> bool:
        """Whether everything published was committed, and everything to send was sent."""
        topic = self.world.process(self.process).stream.topic
        ends = {p: end for p, (_, end) in self.world.stream.watermarks(topic).items() if end}
        reached = {p: at for p, at in self.world.ledger.positions(self.process, topic).items() if at}
        still = self.rows("SELECT 1 FROM dq.batches WHERE process = %s AND state <> 'committed'")
        return reached == ends and not still and not self.summary()["outbox_pending"]

    def calm(self, more: Callable[[], Sequence[Recording]], patience_s: float = 60.0, tries: int = 10) -> None:
        """Wait until nothing is left to do, feeding a few recordings `more` where it takes long, as a stream goes on.

        A question may wait for more samples, and what was let go is asked for again with the next micro-batch.
        """
        for _ in range(tries):
            deadline = time.monotonic() + patience_s
            while time.monotonic() < deadline:
                if self.is_calm():
                    return
                time.sleep(0.2)
            log.warning(
                "%s is not calm after %.0f s: %s", self.process, patience_s, agenda.read(self.world, self.process)
            )
            self.feed(more(), ["completion"])
        raise AssertionError(f"{self.process} is not calm: {agenda.read(self.world, self.process)}")

    def is_calm(self) -> bool:
        """Whether everything was told to the policy, and nothing it asked for is left to do."""
        now, newest = agenda.read(self.world, self.process), self.world.ledger.committed(self.process, last=1)
        return now.due is None and (not newest or now.sequence >= newest[0].sequence)

    def run(self) -> str:
        """The deployment's newest run."""
        return str(self.airflow.runs(self.dag, limit=1)[0]["dag_run_id"])

    def waiting_run(self) -> str:
        """The run that will take what comes next, as soon as it waits for it."""
        return until(
            lambda: run if self.airflow.task(self.dag, (run := self.run()), "wait")["state"] == "deferred" else "",
            f"{self.dag} to wait",
        )

    def adaptations_with(self, task: str, state: str = "success") -> list[str]:
        """The newest runs of its adaptation in which that task is in that state, newest first."""
        dag = f"{self.process}_adaptation"
        runs = (found["dag_run_id"] for found in self.airflow.runs(dag, limit=10))
        return [run for run in runs if self.airflow.task(dag, run, task)["state"] == state]

    def predictions(self, runs: Sequence[Recording]) -> dict[str, list[tuple[Any, ...]]]:
        """The champion's answers by sample: release, value, bounds and fallback."""
        found: dict[str, list[tuple[Any, ...]]] = {run.sample_id: [] for run in runs}
        query = "SELECT sample_id, release, value, lower, upper, fallback FROM dq.predictions"
        for name, *answer in self.rows(f"{query} WHERE process = %s AND role = 'champion'"):
            if name in found:
                found[name].append(tuple(answer))
        return found

    def ledger(self) -> dict[str, list[tuple[Any, ...]]]:
        """All that the ledger holds of the stream."""
        return {name: self.rows(f"SELECT * FROM dq.{name} WHERE process = %s ORDER BY 1, 2, 3, 4") for name in TABLES}


@dataclass(frozen=True)
class Platform:
    """Everything that runs."""

    endpoints: Endpoints
    world: World
    airflow: Airflow
    viewer: Airflow
    trap: Trap

    @property
    def process_dir(self) -> Path:
        """The folder of process files."""
        return self.endpoints.process_dir

    def line(self, name: str) -> Line:
        """A process and its stream."""
        return Line(self.world, name, np.random.default_rng(11), Notices(), airflow=self.airflow)

    def waited(self, name: str) -> str:
        """What the deployment's triggers logged."""
        folder = self.endpoints.var / "airflow" / "logs" / f"dag_id={name}_deployment"
        return "\n".join(file.read_text(errors="replace") for file in folder.rglob("*.trigger.*.log"))

    def last_words(self, files: int = 8, lines: int = 12) -> str:
        """What tasks are at, what is due, and the ends of the logs that tasks wrote last.

        Not those of the watch, which speaks of every process every few minutes.
        """
        folder = self.endpoints.var / "airflow" / "logs"
        logs = sorted(folder.rglob("attempt=*.log*"), key=lambda file: file.stat().st_mtime)
        others = [file for file in logs if "_watch/" not in str(file)][-files:]
        said = [f"--- {file.relative_to(folder)}\n{_readable(file, lines)}" for file in others]
        return "\n".join([*self.airflow.unfinished(), *self._due(), *self._complaints(), *said])

    def _complaints(self, last: int = 12) -> list[str]:
        """What the scheduler called an error."""
        log = self.endpoints.var / "log" / "airflow-scheduler.log"
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        return [line[:500] for line in lines if "[error" in line or "Traceback" in line][-last:]

    def _due(self) -> list[str]:
        names = sorted(path.stem for path in self.process_dir.glob("*.yaml"))
        return [f"due of {name}: {agenda.read(self.world, name)}" for name in names]


def _readable(log: Path, lines: int) -> str:
    """The last events of a log, without what Airflow says each time."""
    found = []
    for line in log.read_text(errors="replace").splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if event.get("category") == "DeprecationWarning":
            continue
        if event.get("level") != "info" or event.get("logger", "").startswith("dq_"):
            detail = event.get("error_detail") or ""
            found.append(
                f"{event.get('timestamp', '')} {event.get('level')} {event['event']} {str(detail)[-1500:]}"[:2000]
            )
    return "\n".join(found[-lines:])


def write_process(folder: Path, name: str, history: Path, **sections: Any) -> None:
    """A process file of the small pump."""
    data = process_file(name)
    data["history"]["uri"] = str(history)
    for section, change in sections.items():
        data[section] = {**data.get(section, {}), **change}
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(data, sort_keys=False))
