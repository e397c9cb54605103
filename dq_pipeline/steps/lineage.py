"""From a model to the messages that it learned from, and back from a message to the models that learned from it."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from dq_pipeline.errors import StateError
from dq_pipeline.ports import World
from dq_pipeline.records import Message, ReleaseRow, TrainingSet
from dq_pipeline.steps.releases import release_of


def lineage(
    world: World,
    process: str,
    *,
    version: str | None = None,
    batch: str | None = None,
    sample: str | None = None,
    message: tuple[int, int] | None = None,
) -> dict[str, Any]:
    """Walk from a release or a training batch down to offsets, or from a sample or a message up to releases.

    Parameters
    ----------
    version
        A release; the one in Production where nothing is named.
    batch
        A training batch, by the beginning of its hash.
    sample
        A sample's id.
    message
        Partition and offset on the samples topic.

    Returns
    -------
    dict
        Downwards `release` (None for a batch alone) and `batch` with its micro-batches; upwards `samples`, each with
        its messages and the batches and releases that learned from it.

    Raises
    ------
    StateError
        If more than one is named, or there is no such thing.
    """
    world.process(process)
    if sum(one is not None for one in (version, batch, sample, message)) > 1:
        raise StateError("one of a version, a batch, a sample and a message expected, found several")
    if message is not None:
        ids = world.ledger.samples_at(process, *message)
        if not ids:
            raise StateError(
                f"{process}: a message that brought a sample expected at partition {message[0]}, offset {message[1]}, "
                "found none: it was quarantined, not read yet, or read before offsets were kept"
            )
        return {"process": process, "samples": [_up(world, process, name) for name in ids]}
    if sample is not None:
        return {"process": process, "samples": [_up(world, process, sample)]}
    if batch is not None:
        found = world.ledger.training_set(process, batch)
        if found is None:
            raise StateError(f"{process}: no training batch begins with {batch!r}. `dq lineage {process}` shows one.")
        return {"process": process, "release": None, "batch": _down(world, process, found)}
    row = _release(world, process, version)
    learned = world.ledger.training_set_of(process, row.key)
    if learned is None:
        raise StateError(
            f"{process}: release {row.version} names no training batch: it was made before these were versioned"
        )
    return {"process": process, "release": _release_json(row), "batch": _down(world, process, learned)}


def _release(world: World, process: str, version: str | None) -> ReleaseRow:
    if version is not None:
        return release_of(world, process, version)
    row = world.ledger.production(process)
    if row is None:
        raise StateError(f"{process}: no release in Production. `dq releases {process}` lists them.")
    return row


def _release_json(row: ReleaseRow) -> dict[str, Any]:
    return {
        "version": row.version,
        "stage": row.stage,
        "kind": row.kind,
        "key": row.key,
        "run_id": row.run_id,
        "created_at": row.created_at.isoformat(),
    }


def _down(world: World, process: str, learned: TrainingSet) -> dict[str, Any]:
    """A training batch with its micro-batches, the offsets of each, and who learned from it."""
    by_batch = defaultdict(list)
    for one in world.ledger.training_samples(process, learned.hash):
        by_batch[one.batch_id].append(one)
    came = defaultdict(list)
    for message in world.ledger.messages(process, [one.sample_id for some in by_batch.values() for one in some]):
        if message.scope == "completion":
            came[message.batch_id].append(message)
    ranges = world.ledger.batch_ranges(process, list(by_batch))
    files = _files(world, learned)
    parts = []
    for name, samples in by_batch.items():
        topic, spans = ranges.get(name, (None, ()))
        parts.append(
            {
                "batch": name,
                "source": "history" if topic is None else "stream",
                "uri": files.get(name),
                "topic": topic,
                "ranges": [{"partition": one.partition, "start": one.start, "stop": one.stop} for one in spans],
                "learned": _offsets(came[name]),
                "samples": len(samples),
                "ids": [one.sample_id for one in samples],
            }
        )
    findings = dict(learned.findings)
    return {
        "hash": learned.hash,
        "samples": learned.samples,
        "refused": learned.refused,
        "counts": findings.get("counts", {}),
        "figures": findings.get("figures", {}),
        "refusals": findings.get("refused", []),
        "rules": dict(learned.rules),
        "reviewers": dict(learned.reviewers),
        "uri": learned.uri,
        "at": learned.at.isoformat(),
        "learned_by": _learned_by(world, process, learned.hash),
        "micro_batches": sorted(parts, key=_place),
    }


def _place(part: dict[str, Any]) -> tuple[Any, ...]:
    """History first, then by offsets."""
    starts = [one["start"] for one in part["ranges"]]
    return part["source"] != "history", min(starts, default=0), part["batch"]


def _offsets(messages: Sequence[Message]) -> list[dict[str, int]]:
    """Per partition the first and the last offset that a learned sample's recording came at, and how many did."""
    found: dict[int, list[int]] = defaultdict(list)
    for one in messages:
        if one.partition is not None and one.offset is not None:
            found[one.partition].append(one.offset)
    return [
        {"partition": partition, "first": min(some), "last": max(some), "messages": len(some)}
        for partition, some in sorted(found.items())
    ]


def _files(world: World, learned: TrainingSet) -> dict[str, str]:
    """The file of each micro-batch, as the manifest in the lake says; empty where that is gone."""
    try:
        files: dict[str, str] = json.loads(world.lake.get(learned.uri))["files"]
    except FileNotFoundError:
        return {}
    return files


def _learned_by(world: World, process: str, content_hash: str) -> list[dict[str, Any]]:
    """Challengers that learned from a version, with the release each became, if any."""
    rows = {row.key: row for row in world.ledger.releases(process)}
    keys = world.ledger.training_keys(process, content_hash)
    return [_release_json(rows[key]) if key in rows else {"key": key, "version": None} for key in keys]


def _up(world: World, process: str, sample: str) -> dict[str, Any]:
    """A sample with its messages, its label, and what learned from it or refused it."""
    messages = world.ledger.messages(process, [sample])
    versions = world.ledger.learned_from(process, sample)
    truth = world.ledger.truths(process, [sample]).get(sample)
    turned_away = Counter[tuple[str, str]]()
    for version in world.ledger.training_sets(process):
        for one in version.findings.get("refused", []):
            if one["sample_id"] == sample:
                turned_away[one["gate"], one["why"]] += 1
    if not messages and not versions and truth is None and not turned_away:
        raise StateError(f"{process}: a sample of the stream or of a training batch expected, found no {sample!r}")
    told = []
    for version in versions:
        target = world.ledger.training_samples(process, version.hash, sample=sample)[0]
        told.append(
            {
                "hash": version.hash,
                "target": target.target,
                "weight": target.weight,
                "learned_by": _learned_by(world, process, version.hash),
            }
        )
    return {
        "sample_id": sample,
        "messages": [
            {name: getattr(one, name) for name in Message.__slots__ if name != "sample_id"} for one in messages
        ],
        "target": None if truth is None else {"value": truth.value, "origin": truth.origin, "by": truth.annotator},
        "batches": told,
        "refused": [{"gate": gate, "why": why, "times": n} for (gate, why), n in turned_away.items()],
    }
