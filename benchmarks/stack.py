"""Servers of a benchmark's own, with one process that has a release in Production."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml

from dq_pipeline import local, process_file, steps
from dq_pipeline.local import Endpoints
from dq_pipeline.recording import Recording, cut
from dq_pipeline.records import Outgoing
from dq_pipeline.settings import Settings
from dq_pipeline.simulate.vacuum import to_table
from dq_pipeline.wire.codec import Form, encode
from dq_pipeline.wiring import World, open_world

ROOT = Path(__file__).resolve().parents[1]


@contextmanager
def stack(
    name: str,
    history: Sequence[Recording],
    stream: dict[str, Any],
    parts: Sequence[str] = ("kafka", "postgres", "mlflow"),
    dag_files: dict[str, str] | None = None,
) -> Iterator[tuple[World, Endpoints]]:
    """The vacuum process under another name, initialized from `history`, on servers that end with the block.

    Parameters
    ----------
    stream
        Of its process file: sizes and waits; topics are named after the process.
    dag_files
        Files of the DAG folder, by name, if Airflow is among the parts.
    """
    var = Path(tempfile.mkdtemp(prefix=f"dq-{name}-"))
    var.chmod(0o755)  # PostgreSQL, which refuses root, must enter
    dags, processes = var / "dags", var / "processes"
    dags.mkdir()
    processes.mkdir()
    for file, text in (dag_files or {}).items():
        (dags / file).write_text(text)
    pq.write_table(to_table(history), var / "history.parquet")
    data = process_file_data(name)
    data["history"] |= {"uri": str(var / "history.parquet"), "samples": len(history)}
    data["stream"] |= stream
    (processes / f"{name}.yaml").write_text(yaml.safe_dump(data))
    try:
        env = {
            "DQ_VAR": str(var),
            "DQ_PROCESS_DIR": str(processes),
            "DQ_CACHE_DIR": str(var / "cache"),
            "DQ_LAKE_URI": str(var / "lake"),
        }
        ends = local.up(list(parts), var, env=env, dags=dags)
        settings = Settings.resolve(environ={**os.environ, **ends.environment(), **env})
        with open_world(settings) as world:
            world.ledger.migrate()
            world.stream.ensure_topics(world.process(name))
            _initialize(world, name)
            yield world, ends
    finally:
        local.down(var)
        shutil.rmtree(var, ignore_errors=True)


def process_file_data(name: str) -> dict[str, Any]:
    """The vacuum process' file as data, under another name and with topics of its own."""
    process = process_file.load(ROOT / "dags" / "processes" / "vacuum.yaml")
    data = process.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    topics = {"topic": f"{name}.samples", "labels_topic": f"{name}.labels"}
    return {**data, "process": name, "stream": topics, "history": {**data["history"]}}


def messages(world: World, name: str, recordings: Sequence[Recording], form: Form = "arrow") -> list[Outgoing]:
    """Both messages of each recording: its horizon and its completion."""
    process = world.process(name)
    found = []
    for recording in recordings:
        for scope, shown in (("horizon", cut(recording, process.sample.horizon_rows)), ("completion", recording)):
            key, value, headers = encode(shown, scope, process, form)  # type: ignore[arg-type]
            found.append(Outgoing(process.stream.topic, key, value, tuple(headers)))
    return found


def _initialize(world: World, name: str) -> None:
    planned = steps.plan(world, name, run="first")
    chunks = [steps.annotate(world, name, run="first", **chunk) for chunk in planned["chunks"]]
    steps.unify(world, name, run="first", chunks=chunks)
    key = steps.train(world, name, run="first")["key"]
    steps.stage(world, name, key=key)
    steps.promote(world, name, key=key)
