"""Versions of what models learned from: named by their content, kept in lake and ledger, linked to the challenger."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping

import numpy as np

from dq_pipeline.model.training import Training
from dq_pipeline.ports import World
from dq_pipeline.process import Process
from dq_pipeline.records import TargetRow, TrainingSample, TrainingSet
from dq_pipeline.steps import paths
from dq_pipeline.steps.clock import utc_now
from dq_pipeline.steps.training_data import TrainingData
from dq_pipeline.steps.training_gate import Admitted, by_review

TRAINING_BATCH = "training_batch"
"""A release's figure, and with `dq.` before it a tag of its MLflow run: the hash of what it learned from."""
RULES = 1
"""Version of the rules: kept with each batch, beside the settings they were asked with."""


def keep_version(world: World, process: Process, key: str, admitted: Admitted, training: Training) -> str:
    """Version what a model was fitted on: manifest in the lake, rows in the ledger. Returns the content's hash.

    The same content is the same version, whoever asks and however often.
    """
    data = admitted.data.take(np.flatnonzero(admitted.data.learnable))
    places, samples, rows, files = _places(data), [], [], {}
    for i, weight in zip(training.used.tolist(), training.weights.tolist(), strict=True):
        name, target = data.batch.ids[i], float(data.target[i])
        batch, uri = places[i]
        files[batch] = uri
        samples.append(TrainingSample(name, batch, target, weight))
        rows.append([name, target, weight, uri])
    digest = hashlib.sha256(json.dumps(sorted(rows)).encode()).hexdigest()
    rules = {"version": RULES, **process.feedback.gate.model_dump(mode="json")}
    names = [one.sample_id for one in samples]
    dropped = sorted(set(data.batch.ids) - set(names))
    findings = admitted.findings() | {"dropped_by_label_guard": dropped}
    reviewers = _reviewers(admitted.truths, names)
    manifest = {
        "hash": digest,
        "key": key,
        "process": process.name,
        "rules": rules,
        "findings": findings,
        "reviewers": reviewers,
        "files": files,
        "samples": [dict(zip(("sample_id", "target", "weight", "uri"), row, strict=True)) for row in sorted(rows)],
    }
    uri = world.lake.put(paths.training_batch(process.name, digest), json.dumps(manifest, default=float).encode())
    version = TrainingSet(
        hash=digest,
        key=key,
        samples=len(samples),
        refused=len(admitted.verdict.refusals),
        rules=rules,
        findings=findings,
        reviewers=reviewers,
        uri=uri,
        at=utc_now(),
    )
    world.ledger.add_training_set(process.name, version, samples)
    world.ledger.use_training_set(process.name, key, digest)
    return digest


def _places(data: TrainingData) -> list[tuple[str, str]]:
    """Batch and file of each sample (n,); by number, for an id of the history may come again as another recording."""
    first = np.array([entry["first"] for entry in data.manifest])
    entries = np.searchsorted(first, data.number, side="right") - 1
    return [(data.manifest[i]["batch"], data.manifest[i]["uri"]) for i in entries.tolist()]


def _reviewers(truths: Mapping[str, TargetRow], names: list[str]) -> dict[str, int]:
    """Who gave labels of these samples in a review, and how many."""
    by = Counter(truths[name].annotator or "unnamed" for name in names if name in truths and by_review(truths[name]))
    return dict(sorted(by.items()))
