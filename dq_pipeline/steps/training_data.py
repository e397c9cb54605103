"""What a model may learn from: history and committed samples, their best known targets, and what quality says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.errors import StateError
from dq_pipeline.ports import World
from dq_pipeline.process import Process
from dq_pipeline.samples import SampleBatch
from dq_pipeline.steps.serving import has_form

MOST_SAMPLES = 2000
"""Older samples weigh next to nothing in a refit and are not read again."""
HISTORY = "history"
"""The ledger's fact that names the history in use."""


@dataclass(frozen=True, slots=True, eq=False)
class TrainingData:
    """Samples in time order, history first.

    Attributes
    ----------
    batch
        Horizon rows only.
    target : (n,)
        Newest known target; NaN where there is none.
    accepted : (n,)
        Whether the recording's quality reaches the threshold, and no person rejected it.
    unified : (n,)
        Its score; NaN where not known.
    number : (n,)
        Sample number in stream order; negative in history.
    manifest
        Batches, their files in the lake, the ids of the samples in each, and the number of the first of these.
    """

    batch: SampleBatch
    target: NDArray[np.float64]
    accepted: NDArray[np.bool_]
    unified: NDArray[np.float64]
    number: NDArray[np.int64]
    manifest: tuple[dict[str, Any], ...]

    def __len__(self) -> int:
        return len(self.batch)

    @property
    def learnable(self) -> NDArray[np.bool_]:
        """Good enough, and labelled."""
        return self.accepted & np.isfinite(self.target)

    def take(self, index: NDArray[Any]) -> TrainingData:
        """The chosen samples."""
        return TrainingData(
            self.batch.take(index),
            self.target[index],
            self.accepted[index],
            self.unified[index],
            self.number[index],
            self.manifest,
        )


def training_data(world: World, process: Process) -> TrainingData:
    """Everything the next model may learn from.

    Raises
    ------
    StateError
        If the process was never initialized.
    """
    fact = world.ledger.fact(process.name, HISTORY)
    if fact is None:
        raise StateError(f"{process.name} has no annotated history: run its initialization first")
    past = history(world, process, fact)
    recent = _committed(world, process, int(fact["stream_from"]))
    joined = past if recent is None else _concat(past, recent)
    return joined.take(np.arange(max(len(joined) - MOST_SAMPLES, 0), len(joined)))


def history(world: World, process: Process, fact: dict[str, Any]) -> TrainingData:
    """The annotated history that a fact of the ledger names; a label that was given since is believed."""
    batches, accepted, unified, manifest = [], [], [], []
    for chunk in fact["chunks"]:
        batch = SampleBatch.from_bytes(world.lake.get(chunk["uri"]))
        batches.append(batch.head(process.sample.horizon_rows))
        good = set(chunk["accepted"])
        accepted.append(np.array([name in good for name in batch.ids], dtype=np.bool_))
        unified.append(np.array(chunk.get("unified") or [np.nan] * len(batch), dtype=np.float64))
        first = sum(map(len, batches[:-1]))
        manifest.append({"batch": chunk["uri"].split("/")[-2], "uri": chunk["uri"], "ids": batch.ids, "first": first})
    batch = SampleBatch.concat(batches)
    labels = world.ledger.targets(process.name, batch.ids)
    refused = world.ledger.rejected(process.name, batch.ids)
    return TrainingData(
        batch=batch,
        target=np.array([labels.get(name, sent) for name, sent in zip(batch.ids, batch.target.tolist(), strict=True)]),
        accepted=np.concatenate(accepted) & np.array([name not in refused for name in batch.ids], dtype=np.bool_),
        unified=np.concatenate(unified),
        number=np.arange(-len(batch), 0),
        manifest=tuple({**entry, "first": entry["first"] - len(batch)} for entry in manifest),
    )


def _committed(world: World, process: Process, first: int) -> TrainingData | None:
    """The newest samples of the stream numbered `first` and above, without those of a sensor's fault."""
    wanted, chosen = MOST_SAMPLES, []
    for row in reversed(world.ledger.committed(process.name, first_sample=first, last=MOST_SAMPLES)):
        if wanted <= 0 or row.first_sample + row.samples <= first:
            break
        if row.samples:
            chosen.append(row)
            wanted -= row.samples
    if not chosen:
        return None
    read = [(row, SampleBatch.from_bytes(world.lake.get(f"{row.uri}/samples.npz"))) for row in chosen[::-1]]
    read = [(row, one) for row, one in read if has_form(one, process)]
    if not read:
        return None
    rows, batches = zip(*read, strict=True)
    batch = SampleBatch.concat([one.head(process.sample.horizon_rows) for one in batches])
    numbers = np.concatenate([np.arange(row.first_sample, row.first_sample + row.samples) for row in rows])
    labels = world.ledger.targets(process.name, batch.ids)
    scores = world.ledger.scores(process.name, batch.ids)
    data = TrainingData(
        batch=batch,
        target=np.array([labels.get(name, np.nan) for name in batch.ids], dtype=np.float64),
        accepted=np.array([scores.get(name, (None, False))[1] for name in batch.ids], dtype=np.bool_),
        unified=np.array([scores.get(name, (None, False))[0] for name in batch.ids], dtype=np.float64),
        number=numbers,
        manifest=tuple(
            {"batch": row.batch_id, "uri": f"{row.uri}/samples.npz", "ids": one.ids, "first": row.first_sample}
            for row, one in zip(rows, batches, strict=True)
        ),
    )
    incidents = world.ledger.incidents(process.name)
    well = np.array([not any(one.withholds(number) for one in incidents) for number in numbers.tolist()])
    return data.take((numbers >= first) & well)


def _concat(a: TrainingData, b: TrainingData) -> TrainingData:
    return TrainingData(
        batch=SampleBatch.concat([a.batch, b.batch]),
        target=np.concatenate([a.target, b.target]),
        accepted=np.concatenate([a.accepted, b.accepted]),
        unified=np.concatenate([a.unified, b.unified]),
        number=np.concatenate([a.number, b.number]),
        manifest=(*a.manifest, *b.manifest),
    )
