"""A demo begins with empty servers; what somebody else left in the folder is moved aside, not lost."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dq_pipeline import local
from dq_pipeline.errors import ConfigurationError, StreamError
from dq_pipeline.local.record import Record
from dq_pipeline.process import Process
from dq_pipeline.wiring import World

HELD = ("postgres/data", "kafka/data", "mlflow", "lake", "airflow")
"""What the servers of a folder remember."""
_TOPICS_WITHIN_S = 60.0


def begin_anew(var: Path, say: Callable[[str], None]) -> None:
    """Stop what runs in the folder and take its data away: an earlier demo's for good, anything else to `kept`."""
    local.down(var)
    mark = var / "demo" / "mark.json"
    found = [folder for folder in _data(var) if folder.exists()]
    if found and not mark.exists():
        aside = var / "kept" / f"{datetime.now(UTC):%Y%m%dT%H%M%S}"
        for folder in found:
            place = aside / folder.relative_to(var) if folder.is_relative_to(var) else aside / "postgres" / "data"
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(folder, place)
        say(f"the servers' former data are in {aside}")
    for folder in found:
        shutil.rmtree(folder, ignore_errors=True)
    mark.parent.mkdir(parents=True, exist_ok=True)
    for told in ("summary.json", "fed.json"):
        (mark.parent / told).unlink(missing_ok=True)
    if not mark.exists():
        mark.write_text(json.dumps({"topics": {}}), encoding="utf-8")


def empty_topics(world: World, process: Process, var: Path) -> None:
    """Create the topics of a process. On a broker of the caller's own, those of an earlier demo are emptied first.

    Raises
    ------
    ConfigurationError
        If topics that no demo made hold messages: they are left as they are.
    """
    mark = var / "demo" / "mark.json"
    made: dict[str, list[str]] = json.loads(mark.read_text(encoding="utf-8"))["topics"]
    broker = world.settings.kafka_bootstrap_servers
    report = world.stream.ensure_topics(process)
    full = [
        topic.name for topic in report.topics if any(end > 0 for _, end in world.stream.watermarks(topic.name).values())
    ]
    foreign = [name for name in full if name not in made.get(broker, ())]
    if foreign:
        raise ConfigurationError(
            f"{broker}: empty topics expected for a demo; found messages in {', '.join(foreign)}. Delete them, or "
            "unset KAFKA_BOOTSTRAP_SERVERS to let the demo start a broker of its own."
        )
    if full:
        _recreate(world, process, full)
    own = sorted({*made.get(broker, ()), *(topic.name for topic in report.topics)})
    mark.write_text(json.dumps({"topics": {**made, broker: own}}), encoding="utf-8")


def _recreate(world: World, process: Process, names: list[str]) -> None:
    from kafka.admin import KafkaAdminClient

    options: dict[str, Any] = dict(world.settings.kafka_security)
    admin = KafkaAdminClient(bootstrap_servers=world.settings.kafka_bootstrap_servers, **options)
    try:
        admin.delete_topics(names)
    finally:
        admin.close()
    until = time.monotonic() + _TOPICS_WITHIN_S
    while time.monotonic() < until:  # deleting takes the broker a moment
        try:
            world.stream.ensure_topics(process)
            if not any(end for name in names for _, end in world.stream.watermarks(name).values()):
                return
        except StreamError:
            pass
        time.sleep(0.5)
    raise StreamError(f"Expected topics {', '.join(names)} to be gone within {_TOPICS_WITHIN_S:g} s of their deletion.")


def _data(var: Path) -> list[Path]:
    elsewhere = Record.load(var).postgres_home
    return [*(var / name for name in HELD), *([Path(elsewhere) / "data"] if elsewhere else [])]
