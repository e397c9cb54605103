"""A small process on the session's real servers: its history, its stream, and a world to run steps in."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import psycopg2
import pyarrow.parquet as pq
import pytest
import yaml

from dq_pipeline import steps
from dq_pipeline.recording import Recording, cut
from dq_pipeline.records import Notice, OffsetRange, Outgoing
from dq_pipeline.settings import Settings
from dq_pipeline.simulate.vacuum import to_table
from dq_pipeline.steps.status import live_figures
from dq_pipeline.wire.codec import Form, encode
from dq_pipeline.wiring import World, open_world

SENSORS = ("flow", "inlet", "outlet")
ROWS, HORIZON = 30, 20
START = np.datetime64("2026-01-01T00:00:00", "us")
BOTH = ("horizon", "completion")


def recordings(n: int, rng: np.random.Generator, *, first: int = 0, shift: float = 0.0) -> list[Recording]:
    """Runs of a small pump: the target is a mean of what the horizon shows, `shift` moves sensors and target."""
    found = []
    for i in range(first, first + n):
        level, load = rng.normal(size=2)
        noise = rng.normal(scale=0.3, size=(ROWS, 3))
        drive = np.linspace(0, 1, ROWS)
        values = (
            np.stack([10 + level + drive, 50 + 2 * load + 3 * drive, 40 + 2 * load + level + 2 * drive], axis=1) + noise
        )
        values += shift
        target = 5 + level + 0.5 * load - 2.0 * shift + rng.normal(scale=0.1, size=ROWS)
        found.append(Recording(f"r{i:06d}", "rig", START + np.timedelta64(i * 60, "s"), SENSORS, values, target=target))
    return found


def faulty(recording: Recording, rng: np.random.Generator) -> Recording:
    """The same run with a horizon nobody can use: hardly a reading, and those far out of range."""
    values = recording.values.copy()
    values[:HORIZON] = np.where(rng.random((HORIZON, len(SENSORS))) < 0.85, np.nan, 1e4)
    return replace(recording, values=values)


@dataclass
class Notices:
    """A notifier that keeps what people would have been told."""

    told: list[Notice] = field(default_factory=list)

    def notify(self, notice: Notice) -> None:
        """Keep it."""
        self.told.append(notice)

    def titles(self) -> str:
        """All titles, to look for words in."""
        return "\n".join(notice.title for notice in self.told)


@dataclass(frozen=True)
class Plant:
    """One process of the test's own, and the world it lives in."""

    world: World
    process: str
    rng: np.random.Generator
    notices: Notices

    # --- the release

    def initialize(self, run: str = "first", *, promote: bool = True) -> str:
        """History into a release in Production; returns its version, or the staged challenger's key."""
        planned = steps.plan(self.world, self.process, run=run, chunk=100)
        chunks = [steps.annotate(self.world, self.process, run=run, **chunk) for chunk in planned["chunks"]]
        steps.unify(self.world, self.process, run=run, chunks=chunks)
        key: str = steps.train(self.world, self.process, run=run)["key"]
        verdict = steps.evaluate(self.world, self.process, key=key)
        assert verdict["passed"], verdict["why"]
        steps.stage(self.world, self.process, key=key)
        if not promote:
            return key
        return str(steps.promote(self.world, self.process, key=key)["version"])

    def edit(self, **sections: Any) -> None:
        """Change sections of the process file, as a person would."""
        file = self.world.settings.process_dir / f"{self.process}.yaml"
        data = yaml.safe_load(file.read_text())
        for name, change in sections.items():
            data[name] = change if name == "sensors" else {**data.get(name, {}), **change}
        new = file.with_suffix(".new")
        new.write_text(yaml.safe_dump(data, sort_keys=False))
        new.replace(file)  # at once: Airflow reads it at any moment

    # --- the stream

    def publish(self, runs: Sequence[Recording], scopes: Sequence[str] = BOTH, form: Form = "arrow") -> None:
        """Put the messages of some recordings on the samples topic."""
        for run in runs:
            for scope in scopes:
                shown = cut(run, HORIZON) if scope == "horizon" else run
                self.send(*encode(shown, scope, self.world.process(self.process), form))  # type: ignore[arg-type]
        self.flush()

    def send(self, key: bytes, value: bytes, headers: Sequence[tuple[str, bytes]]) -> None:
        """Put one message in line for the samples topic; :meth:`flush` publishes them."""
        topic = self.world.process(self.process).stream.topic
        self._line.append(Outgoing(topic, key, value, tuple(headers)))

    def flush(self) -> None:
        """Publish what is in line."""
        self.world.stream.publish(self._line)
        self._line.clear()

    _line: list[Outgoing] = field(default_factory=list)

    def messages(self, topic: str) -> list[dict[str, Any]]:
        """All JSON messages of one of the process' topics: "predictions", "alarms" or "dead_letter"."""
        name = getattr(self.world.process(self.process).stream, f"{topic}_topic")
        ranges = [OffsetRange(p, low, high) for p, (low, high) in self.world.stream.watermarks(name).items()]
        return [json.loads(message.value or b"") for message in self.world.stream.read(name, ranges)]

    # --- the deployment

    def answer(self, holder: str = "test") -> dict[str, Any] | None:
        """Pull, assess and act; None if there is nothing to read or another run holds the batch."""
        pulled = steps.pull(self.world, self.process, holder=holder)
        if pulled is None:
            return None
        steps.assess(self.world, self.process, batch_id=pulled["batch_id"], holder=holder)
        return steps.act(self.world, self.process, batch_id=pulled["batch_id"], holder=holder)

    def turn(self, holder: str = "test") -> dict[str, Any]:
        """One run of the deployment, adaptation included."""
        if self.answer(holder) is None:
            return {"branch": "empty"}
        decided = steps.decide(self.world, self.process)
        if decided["branch"] == "adapt":
            steps.adapt(self.world, self.process, holder=holder)
        elif decided["branch"] == "roll_back":
            steps.roll_back(self.world, self.process, version=decided["version"], who="dq", why=decided["why"])
        return decided

    # --- what came of it

    def summary(self) -> dict[str, Any]:
        """The ledger's counts."""
        return self.world.ledger.summary(self.process)

    def figures(self, first_sample: int = 0, release: str | None = None) -> dict[str, Any]:
        """Error of the answers on the stream."""
        return live_figures(self.world, self.process, release, first_sample=first_sample)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """What a query of the ledger's tables finds; `%s` stands for the process."""
        url = self.world.settings.database_url.get_secret_value().replace("+psycopg2", "")
        connection = psycopg2.connect(url)
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement, (self.process,))
                return cursor.fetchall()
        finally:
            connection.close()


@pytest.fixture
def plant(mlflow_server: Any, database_url: str, tmp_path: Path) -> Iterator[Plant]:
    """A process nobody else uses, with 220 recordings of history and empty topics; not initialized."""
    with _plant(mlflow_server, database_url, tmp_path, process_file(f"p{secrets.token_hex(4)}")) as made:
        yield made


@pytest.fixture
def running(template: Path, mlflow_server: Any, tmp_path: Path) -> Iterator[Plant]:
    """An initialized process with topics and a ledger of the test's own.

    Its name, its lake and its release in MLflow are shared with other tests: it must not stage a release.
    """
    database = f"dq_{secrets.token_hex(6)}"
    administer(mlflow_server, f'CREATE DATABASE "{database}" TEMPLATE "{template.name}"')
    url = mlflow_server.database_url.rpartition("/")[0] + f"/{database}"
    data = process_file(template.name, topics=f"t{secrets.token_hex(4)}")
    with _plant(mlflow_server, url, tmp_path, data, shared=template) as made:
        yield made
    administer(mlflow_server, f'DROP DATABASE "{database}" WITH (FORCE)')


@pytest.fixture(scope="session")
def template(mlflow_server: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `running` is copied from: a folder with lake and cache, and a database of the folder's name."""
    folder = tmp_path_factory.getbasetemp() / f"p{secrets.token_hex(4)}"
    folder.mkdir()
    administer(mlflow_server, f'CREATE DATABASE "{folder.name}"')
    url = mlflow_server.database_url.rpartition("/")[0] + f"/{folder.name}"
    with _plant(mlflow_server, url, folder, process_file(folder.name)) as made:
        made.world.registry.fetch(made.process, made.initialize())
    return folder


@contextmanager
def _plant(
    servers: Any, database_url: str, folder: Path, data: dict[str, Any], shared: Path | None = None
) -> Iterator[Plant]:
    name, rng = data["process"], np.random.default_rng(7)
    pq.write_table(to_table(recordings(220, rng), target_column="yield_rate"), folder / "history.parquet")
    (folder / "processes").mkdir()
    (folder / "processes" / f"{name}.yaml").write_text(yaml.safe_dump(data, sort_keys=False))
    with open_world(settings(servers, database_url, folder, shared or folder)) as world:
        world.ledger.migrate()
        world.stream.ensure_topics(world.process(name))
        notices = Notices()
        yield Plant(replace(world, notifier=notices), name, np.random.default_rng(rng.integers(2**31)), notices)  # type: ignore[arg-type]


def settings(servers: Any, database_url: str, folder: Path, shared: Path) -> Settings:
    """Where a plant's things are."""
    return Settings.resolve(
        flags={
            "kafka_bootstrap_servers": servers.kafka,
            "database_url": database_url,
            "mlflow_tracking_uri": servers.mlflow_uri,
            "lake_uri": str(shared / "lake"),
            "process_dir": str(folder / "processes"),
            "data_dir": str(folder),
            "cache_dir": str(shared / "cache"),
            "var": str(folder),
        },
        environ={},
    )


def administer(servers: Any, statement: str) -> None:
    """Run a statement that no transaction may hold."""
    connection = psycopg2.connect(servers.database_url.replace("+psycopg2", ""))
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
    finally:
        connection.close()


def process_file(name: str, topics: str | None = None) -> dict[str, Any]:
    """The process file of the small pump."""
    topics = topics or name
    return {
        "process": name,
        "title": "A small pump",
        "stream": {
            "topic": f"{topics}.samples",
            "labels_topic": f"{topics}.labels",
            "predictions_topic": f"{topics}.predictions",
            "alarms_topic": f"{topics}.alarms",
            "dead_letter_topic": f"{topics}.dead-letters",
            "min_samples": 10,
            "max_wait_s": 5,
            "horizon_wait_s": 0.5,
            "partitions": 2,
            "max_samples": 400,
        },
        "sample": {"rows": ROWS, "period_s": 1, "horizon_rows": HORIZON, "profile_rows": ROWS},
        "sensors": {
            "flow": {"unit": "l/min", "range": [-50, 100]},
            "inlet": {"unit": "degC", "range": [-50, 200]},
            "outlet": {"unit": "degC", "range": [-50, 200]},
        },
        "target": {"name": "yield_rate", "unit": "1", "column": "yield_rate", "rows": [20, 30]},
        "alarm": {"when": "below", "limit": 3.5, "on": "prediction"},
        "model": {"trees": 60, "search": 1},
        # a chance alarm would by right end a hold, or adapt: rarer than usual, and a shift is found all the same
        "drift": {"worlds": 10, "world_length": 200, "false_alarms_per_1000": 0.2},
        "history": {
            "uri": "${DQ_DATA_DIR}/history.parquet",
            "id": "sample_id",
            "time": "t_s",
            "start": "start",
            "samples": 220,
        },
    }
