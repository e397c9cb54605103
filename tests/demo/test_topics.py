from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from dq_pipeline.demo import fresh
from dq_pipeline.errors import ConfigurationError
from dq_pipeline.process import Process
from dq_pipeline.process_file import load
from dq_pipeline.records import Outgoing
from dq_pipeline.settings import Settings
from dq_pipeline.wiring import World, open_world

pytestmark = pytest.mark.integration

PROCESSES = Path(__file__).parents[2] / "dags" / "processes"


@pytest.fixture
def process(topic_prefix: str) -> Process:
    vacuum = load(PROCESSES / "vacuum.yaml")
    names = ("topic", "labels_topic", "predictions_topic", "alarms_topic", "dead_letter_topic")
    return vacuum.model_copy(
        update={"stream": vacuum.stream.model_copy(update={name: f"{topic_prefix}{name}" for name in names})}
    )


@pytest.fixture
def world(servers, tmp_path) -> Iterator[World]:
    flags = {"kafka_bootstrap_servers": servers.kafka, "var": tmp_path}
    with open_world(Settings.resolve(flags, environ={})) as opened:
        yield opened


def written(world: World, process: Process) -> int:
    return sum(end for _, end in world.stream.watermarks(process.stream.topic).values())


def test_topics_of_an_earlier_demo_are_emptied_and_others_are_left_alone(world, process, tmp_path):
    fresh.begin_anew(tmp_path, lambda _: None)
    mark = tmp_path / "demo" / "mark.json"
    world.stream.ensure_topics(process)
    world.stream.publish([Outgoing(process.stream.topic, b"k", b"somebody's", ())])
    with pytest.raises(ConfigurationError, match=process.stream.topic):
        fresh.empty_topics(world, process, tmp_path)
    assert written(world, process) == 1
    mark.write_text(json.dumps({"topics": {world.settings.kafka_bootstrap_servers: [process.stream.topic]}}))
    fresh.empty_topics(world, process, tmp_path)
    assert written(world, process) == 0
    fresh.empty_topics(world, process, tmp_path)
    assert len(json.loads(mark.read_text())["topics"][world.settings.kafka_bootstrap_servers]) == 5
