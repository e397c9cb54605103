"""The demo from beginning to end."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dq_pipeline import feed as feeding
from dq_pipeline import local
from dq_pipeline.demo import fresh, plans
from dq_pipeline.demo.airflow_api import AirflowApi, create_pools
from dq_pipeline.demo.scene import Teller, glance
from dq_pipeline.demo.timeline import Timeline
from dq_pipeline.errors import ServerError
from dq_pipeline.feed import Feed
from dq_pipeline.local import Endpoints
from dq_pipeline.process import Process
from dq_pipeline.settings import Settings
from dq_pipeline.steps import agenda
from dq_pipeline.wiring import World, open_world

PATIENCE_S = 600.0
"""The demo gives up when nothing at all has moved for so long."""
CALM_LOOKS = 3
_LOOK_S = 1.0
_SAY_EVERY_S = 15.0

# Only what the demo plays runs; everything else stays paused until a person wants it.
_AIRFLOW = {"AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "True"}


@dataclass(frozen=True, slots=True)
class Played:
    """What a demo left behind, to be reported."""

    process: Process
    feed: Feed
    plan: plans.Plan
    sent: int
    endpoints: Endpoints
    settings: Settings


@dataclass(slots=True)
class Director:
    """Plays one process' demo in one folder.

    Parameters
    ----------
    say
        A line for the person who waits.
    show
        How things stand, in one line, many times.
    """

    var: Path
    say: Callable[[str], None]
    show: Callable[[str], None]
    timeline: Timeline

    def play(self, name: str) -> Played:
        """Servers, history, initialization, and the stream until the drift was learned and the rest predicted.

        Raises
        ------
        DQError
            Whatever went wrong, and where to look.
        """
        before = self._settings(None)
        with open_world(before) as world:
            process = world.process(name)
            plans.check(process, before.variables)
        plan = plans.plan_of(process)
        fresh.begin_anew(self.var, self.say)
        with self.timeline.phase("servers"):
            endpoints = self._up(["kafka", "postgres", "mlflow"])
        settings = self._settings(endpoints)
        with ThreadPoolExecutor(1) as pool, open_world(settings) as world:
            airflow = pool.submit(self._timed, "airflow", lambda: self._up(["airflow"]))
            with self.timeline.phase("tables and topics"):
                world.ledger.migrate()
                fresh.empty_topics(world, process, self.var)
            with self.timeline.phase("recordings"):
                stream = plans.recordings(world, process, plan, settings.variables)
            endpoints = self._wait(airflow)
            settings = self._settings(endpoints)
            api = AirflowApi(endpoints.airflow_url, endpoints.airflow_user, endpoints.airflow_password)
            create_pools(settings)
            with self.timeline.phase("initialization"):
                self._initialize(api, process)
            first = world.ledger.production(name)
            if first is None:
                raise ServerError(
                    f"A release of {name} in Production expected after its initialization; found none: a gate refused "
                    f"it, and {self.var}/airflow/logs/dag_id={name}_initialization says which."
                )
            feed = plans.feed_of(process, plan, stream, first.metrics.get("rmse", 0.0))
            told = json.dumps(feed.manifest(process, len(feed.recordings)), indent=1)
            (self.var / "demo" / "fed.json").write_text(told, encoding="utf-8")
            late = "" if feed.labels is None else f", {len(feed.labels.right)} with a wrong label"
            self.say(f"{len(feed.recordings)} recordings to feed, {len(feed.faults)} of them with a fault{late}")
            with self.timeline.phase("stream"):
                for kind in ("adaptation", "feedback", "deployment"):  # what is due before the first runs is not heard
                    self._until_parsed(api, f"{name}_{kind}")
                    api.pause(f"{name}_{kind}", False)
                sent = self._stream(world, process, plan, feed)
        return Played(process, feed, plan, sent, endpoints, settings)

    def _settings(self, endpoints: Endpoints | None) -> Settings:
        """Flags come first: whatever servers the caller's environment names, the demo uses its own."""
        flags: dict[str, Any] = {"var": self.var}
        if endpoints is not None:
            flags |= {
                "kafka_bootstrap_servers": endpoints.kafka,
                "database_url": endpoints.database_url,
                "mlflow_tracking_uri": endpoints.mlflow_uri,
                "lake_uri": str(self.var / "lake"),
                "process_dir": endpoints.process_dir,
                "airflow_url": endpoints.airflow_url or None,
                "airflow_user": endpoints.airflow_user or None,
                "airflow_password": endpoints.airflow_password or None,
            }
        return Settings.resolve(flags)

    def _up(self, parts: list[str]) -> Endpoints:
        own = {"DQ_LAKE_URI": str(self.var / "lake"), **_AIRFLOW}
        data = self._settings(None).data_dir
        if data is not None:
            own["DQ_DATA_DIR"] = str(data)  # servers do not run in the caller's folder
        return local.up(parts, self.var, env=own, on_step=self.say)

    def _timed(self, phase: str, work: Callable[[], Endpoints]) -> Endpoints:
        with self.timeline.phase(phase):
            return work()

    def _wait(self, started: Future[Endpoints]) -> Endpoints:
        self.show("Airflow is starting")
        return started.result()

    def _until_parsed(self, api: AirflowApi, dag: str) -> None:
        until = time.monotonic() + PATIENCE_S
        while not api.has(dag):
            if broken := api.broken_files():
                raise ServerError("\n".join(f"{file}: {trace.strip()[-1500:]}" for file, trace in broken.items()))
            if time.monotonic() > until:
                raise ServerError(f"Airflow did not read DAG {dag} in {PATIENCE_S:g} s: {self.var}/log")
            self.show(f"waiting for Airflow to read {dag}")
            time.sleep(_LOOK_S)

    def _initialize(self, api: AirflowApi, process: Process) -> None:
        dag, run = f"{process.name}_initialization", "demo"  # the run's name seeds what is random: the same each time
        self._until_parsed(api, dag)
        api.pause(dag, False)
        api.trigger(dag, run)
        self.say(f"{dag}: triggered")
        seen: dict[tuple[str, int], str] = {}
        moved = time.monotonic()
        while True:
            state = api.run_state(dag, run)
            tasks = {(str(row["task_id"]), int(row["map_index"])): str(row["state"]) for row in api.tasks(dag, run)}
            if tasks != seen:
                for key in sorted(key for key, now in tasks.items() if now == "success" and seen.get(key) != now):
                    self.say(f"{dag}: {key[0]}{f' {key[1]}' if key[1] >= 0 else ''} done")
                seen, moved = tasks, time.monotonic()
            if state == "success":
                return
            stuck = time.monotonic() - moved > PATIENCE_S
            if state == "failed" or stuck:
                bad = ", ".join(key[0] for key, now in tasks.items() if now == "failed") or "none failed"
                raise ServerError(
                    f"{dag} is {'stuck' if stuck else 'failed'} ({bad}): {self.var}/airflow/logs/dag_id={dag}"
                )
            running = ", ".join(key[0] for key, now in tasks.items() if now == "running")
            self.show(f"{dag}: {running or state}")
            time.sleep(_LOOK_S)

    def _stream(self, world: World, process: Process, plan: plans.Plan, feed: Feed) -> int:
        """Feed in the background, its tail only when the drift was learned; returns how many were sent."""
        learned, ended = threading.Event(), threading.Event()
        total = len(feed.recordings)
        sent = [0]

        def publish() -> None:
            with open_world(world.settings) as own:
                for first, stop in ((0, total - plan.tail), (total - plan.tail, total)):
                    while first and not ended.is_set() and not learned.wait(_LOOK_S):
                        continue
                    feeding.publish(
                        own,
                        process,
                        feed,
                        ahead=plan.ahead,
                        lead=plan.lead,
                        first=first,
                        stop=stop,
                        on_sent=lambda number: sent.__setitem__(0, number),
                        cancelled=ended.is_set,
                    )

        with ThreadPoolExecutor(1, thread_name_prefix="feed") as pool:
            publishing = pool.submit(publish)
            try:
                self._watch(world, process, plan, feed, sent, publishing, learned)
            finally:
                ended.set()
                publishing.result()
        return sent[0]

    def _watch(
        self,
        world: World,
        process: Process,
        plan: plans.Plan,
        feed: Feed,
        sent: list[int],
        publishing: Future[None],
        learned: threading.Event,
    ) -> None:
        """Until everything that was fed is committed and nothing is due."""
        teller, before, moved, said, calm = Teller(self.say), None, time.monotonic(), 0.0, 0
        total = len(feed.recordings)
        while True:
            if publishing.done():
                publishing.result()
            seen = glance(world, process, datetime.now(UTC))
            teller.tell(seen)
            line = seen.line(sent[0], total)
            self.show(line)
            now = time.monotonic()
            if (seen.sign, sent[0]) != before:
                before, moved, calm = (seen.sign, sent[0]), now, 0
            elif now - moved > PATIENCE_S:
                raise ServerError(f"Nothing has moved for {PATIENCE_S:g} s: {line}. Logs: {self.var}/airflow/logs")
            if now - said > _SAY_EVERY_S:
                said = now
                self.say(line)
            answered = not seen.busy and feeding.unread(world, process) == 0
            still = answered and seen.due is None and self._all_told(world, process)
            calm = calm + 1 if still else 0
            body = sent[0] >= total - plan.tail
            if body and not learned.is_set() and calm >= CALM_LOOKS:
                self.say(f"the last {plan.tail} recordings follow, for release {seen.production} to predict")
                learned.set()
                calm = 0
            if sent[0] >= total and calm >= CALM_LOOKS:
                return
            if seen.parked and answered:
                raise ServerError(f"{process.name}: a micro-batch was parked after failing again and again: {line}")
            time.sleep(_LOOK_S)

    def _all_told(self, world: World, process: Process) -> bool:
        """Whether `decide` has looked at every committed micro-batch: what it finds may still be due."""
        committed = world.ledger.committed(process.name)
        return not committed or agenda.read(world, process.name).sequence >= committed[-1].sequence
