"""A small process on the session's real servers: ten seconds of history, a stream, and a world to run steps in."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml

from dq_pipeline import steps
from dq_pipeline.recording import Recording, cut
from dq_pipeline.records import Outgoing
from dq_pipeline.settings import Settings
from dq_pipeline.simulate.vacuum import to_table
from dq_pipeline.steps.status import live_figures
from dq_pipeline.wire.codec import Form, encode
from dq_pipeline.wiring import World, open_world

SENSORS = ("flow", "inlet", "outlet")
ROWS, HORIZON = 30, 20
START = np.datetime64("2026-01-01T00:00:00", "us")


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


@dataclass(frozen=True)
class Plant:
    """One process of the test's own, and the world it lives in."""

    world: World
    process: str
    rng: np.random.Generator

    def initialize(self, run: str = "first") -> str:
        """History into a release in Production; returns its version."""
        planned = steps.plan(self.world, self.process, run=run, chunk=100)
        chunks = [steps.annotate(self.world, self.process, run=run, **chunk) for chunk in planned["chunks"]]
        steps.unify(self.world, self.process, run=run, chunks=chunks)
        key = steps.train(self.world, self.process, run=run)["key"]
        assert steps.evaluate(self.world, self.process, key=key)["passed"]
        steps.stage(self.world, self.process, key=key)
        return str(steps.promote(self.world, self.process, key=key)["version"])

    def publish(self, runs: Sequence[Recording], scopes: Sequence[str] = ("horizon", "completion")) -> None:
        """Put the messages of some recordings on the samples topic."""
        process = self.world.process(self.process)
        form: Form = "arrow"
        out = []
        for run in runs:
            for scope in scopes:
                shown = cut(run, HORIZON) if scope == "horizon" else run
                key, value, headers = encode(shown, scope, process, form)  # type: ignore[arg-type]
                out.append(Outgoing(process.stream.topic, key, value, tuple(headers)))
        self.world.stream.publish(out)

    def figures(self, first_sample: int = 0, release: str | None = None) -> dict[str, Any]:
        """Error of the answers on the stream."""
        return live_figures(self.world, self.process, release, first_sample=first_sample)

    def turn(self, holder: str = "test") -> dict[str, Any]:
        """One run of the deployment, adaptation included."""
        pulled = steps.pull(self.world, self.process, holder=holder)
        if pulled is None:
            return {"branch": "empty"}
        steps.assess(self.world, self.process, batch_id=pulled["batch_id"], holder=holder)
        steps.act(self.world, self.process, batch_id=pulled["batch_id"], holder=holder)
        decided = steps.decide(self.world, self.process)
        if decided["branch"] == "adapt":
            key = steps.retrain(self.world, self.process, event=decided["event"], kind=decided["kind"])["key"]
            judged = steps.evaluate(self.world, self.process, key=key)
            if judged["passed"]:
                steps.stage(self.world, self.process, key=key)
                steps.promote(self.world, self.process, key=key)
            else:
                steps.reject(self.world, self.process, key=key, why=judged["why"])
        elif decided["branch"] == "roll_back":
            steps.roll_back(self.world, self.process, version=decided["version"], who="dq", why=decided["why"])
        return decided


@pytest.fixture
def plant(mlflow_server: Any, database_url: str, tmp_path: Path) -> Iterator[Plant]:
    """A process nobody else uses, with 220 recordings of history and empty topics."""
    name = f"p{secrets.token_hex(4)}"
    rng = np.random.default_rng(7)
    history = tmp_path / "history.parquet"
    pq.write_table(to_table(recordings(220, rng), target_column="yield_rate"), history)
    folder = tmp_path / "processes"
    folder.mkdir()
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(process_file(name)))
    settings = Settings.resolve(
        flags={
            "kafka_bootstrap_servers": mlflow_server.kafka,
            "database_url": database_url,
            "mlflow_tracking_uri": mlflow_server.mlflow_uri,
            "lake_uri": str(tmp_path / "lake"),
            "process_dir": str(folder),
            "data_dir": str(tmp_path),
            "cache_dir": str(tmp_path / "cache"),
            "var": str(tmp_path),
        },
        environ={},
    )
    with open_world(settings) as world:
        world.ledger.migrate()
        world.stream.ensure_topics(world.process(name))
        yield Plant(world, name, replace_rng(rng))


def replace_rng(rng: np.random.Generator) -> np.random.Generator:
    """A stream of random numbers of its own for the stream of recordings."""
    return np.random.default_rng(rng.integers(2**31))


def process_file(name: str) -> dict[str, Any]:
    """The process file of the small pump."""
    return {
        "process": name,
        "title": "A small pump",
        "stream": {
            "topic": f"{name}.samples",
            "labels_topic": f"{name}.labels",
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
        "alarm": {"when": "below", "limit": 2.0, "on": "prediction"},
        "model": {"trees": 60, "search": 1},
        "drift": {"worlds": 10, "world_length": 200},
        "history": {
            "uri": "${DQ_DATA_DIR}/history.parquet",
            "id": "sample_id",
            "time": "t_s",
            "start": "start",
            "samples": 220,
        },
    }
