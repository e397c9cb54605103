"""A version says where each of its samples lies, also where an id of the history came again as another recording."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import numpy as np

from dq_pipeline.samples import SampleBatch
from dq_pipeline.steps.lineage import lineage
from dq_pipeline.steps.training_data import TrainingData
from dq_pipeline.steps.training_version import keep_version

CHUNK, FOLDER = "lake/history/chunk-0/samples.npz", "lake/stream/batch-1/samples.npz"


class World:
    """A lake of one file and a ledger of one version; nothing else is known of the samples."""

    def __init__(self) -> None:
        self.lake = self.ledger = self
        self.files: dict[str, bytes] = {}

    def process(self, name: str) -> None:
        return None

    def put(self, path: str, data: bytes) -> str:
        self.files[path] = data
        return path

    def get(self, uri: str) -> bytes:
        return self.files[uri]

    def add_training_set(self, process: str, version: Any, samples: list[Any]) -> None:
        self.version, self.samples = version, samples

    def use_training_set(self, process: str, key: str, digest: str) -> None: ...

    def training_set(self, process: str, digest: str) -> Any:
        return self.version

    def training_samples(self, process: str, digest: str) -> list[Any]:
        return sorted(self.samples, key=lambda one: (one.sample_id, one.batch_id))

    def messages(self, *_: Any) -> list[Any]:
        return []

    def batch_ranges(self, *_: Any) -> dict[str, Any]:
        return {}

    def releases(self, process: str) -> list[Any]:
        return []

    def training_keys(self, *_: Any) -> tuple[str, ...]:
        return ()


def data() -> TrainingData:
    """Two samples of the history, and one of the stream that bears the id of the first."""
    ids, start = ("a", "b", "a"), np.datetime64("2026-01-01", "us") + np.arange(3)
    count = np.full(3, 4, np.int64)
    batch = SampleBatch(("s",), ids, ("rig",) * 3, start, np.zeros((3, 4, 1)), count, 0 * count, np.zeros(3))
    return TrainingData(
        batch=batch,
        target=np.array([1.0, 2.0, 3.0]),
        accepted=np.ones(3, np.bool_),
        unified=np.ones(3),
        number=np.array([-2, -1, 0]),
        manifest=(
            {"batch": "chunk-0", "uri": CHUNK, "ids": ("a", "b"), "first": -2},
            {"batch": "batch-1", "uri": FOLDER, "ids": ("a",), "first": 0},
        ),
    )


def test_an_id_that_came_twice_is_found_in_both_its_files() -> None:
    world: Any = World()
    gate = SimpleNamespace(model_dump=lambda **_: {})
    process: Any = SimpleNamespace(name="pump", feedback=SimpleNamespace(gate=gate))
    admitted: Any = SimpleNamespace(data=data(), findings=dict, truths={}, verdict=SimpleNamespace(refusals=()))
    training: Any = SimpleNamespace(used=np.arange(3), weights=np.ones(3))
    digest = keep_version(world, process, "labels-0-1", admitted, training)
    manifest = json.loads(world.get(world.version.uri))
    assert manifest["files"] == {"chunk-0": CHUNK, "batch-1": FOLDER}
    assert [(one["sample_id"], one["uri"]) for one in manifest["samples"]] == [
        ("a", CHUNK),
        ("a", FOLDER),
        ("b", CHUNK),
    ]
    parts = lineage(world, "pump", batch=digest)["batch"]["micro_batches"]
    assert {part["batch"]: (part["uri"], part["ids"]) for part in parts} == {
        "chunk-0": (CHUNK, ["a", "b"]),
        "batch-1": (FOLDER, ["a"]),
    }
