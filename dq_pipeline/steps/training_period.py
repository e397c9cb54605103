"""The period a release was trained on, read once from the lake and kept beside it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.contracts.period import Period
from dq_pipeline.ports import World
from dq_pipeline.samples import SampleBatch
from dq_pipeline.steps import paths
from dq_pipeline.steps.serving import Serving, has_form
from dq_pipeline.steps.training_data import HISTORY

SAMPLES = 400
"""The newest recordings that the release learned from, or that lie in the same files."""


def training_period(world: World, serving: Serving) -> Period | None:
    """What the release's training period was like; None where none of its recordings is in the lake any more."""
    file = paths.period(serving.process.name, serving.version)
    if world.lake.exists(file):
        return Period.from_bytes(world.lake.get(file))
    found = _read(world, serving)
    if found is not None:
        world.lake.put(file, found.to_bytes())
    return found


def _read(world: World, serving: Serving) -> Period | None:
    parts: list[Period] = []
    words: dict[str, set[str]] = {}
    sources: set[str] = set()
    for entry in reversed(serving.bundle.manifest):
        if sum(map(len, parts)) >= SAMPLES:
            break
        if not world.lake.exists(entry.uri):
            continue
        batch = SampleBatch.from_bytes(world.lake.get(entry.uri))
        if not has_form(batch, serving.process):
            continue
        parts.append(Period(batch.missing_share, _unified(world, serving, entry.uri, batch), batch.late_share))
        sources.update(batch.sources)
        for one in batch.metadata:
            for key, value in one.items():
                words.setdefault(key, set()).add(value)
    if not parts:
        return None
    parts = parts[::-1]
    metadata = {key: tuple(sorted(values)) for key, values in sorted(words.items())}
    return Period(
        missing=np.concatenate([one.missing for one in parts])[-SAMPLES:],
        unified=np.concatenate([one.unified for one in parts])[-SAMPLES:],
        disordered=np.concatenate([one.disordered for one in parts])[-SAMPLES:],
        metadata=metadata,
        sources=tuple(sorted(sources)),
    )


def _unified(world: World, serving: Serving, uri: str, batch: SampleBatch) -> NDArray[np.float64]:
    name = serving.process.name
    fact = world.ledger.fact(name, HISTORY)
    for chunk in fact["chunks"] if fact else ():
        if chunk["uri"] == uri and len(chunk.get("unified") or ()) == len(batch):
            return np.array(chunk["unified"], dtype=np.float64)
    known = world.ledger.scores(name, batch.ids)
    scores = [known.get(sample, (None, False))[0] for sample in batch.ids]
    return np.array(scores, dtype=np.float64)  # None is NaN
