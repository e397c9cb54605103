"""Ask for the cause of a drift event: recordings from before and around the change, from the lake."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.drift.cause import LEAST_BEFORE, Cause, find_cause
from dq_pipeline.ports import World
from dq_pipeline.process import Process
from dq_pipeline.records import DriftEvent, Incident
from dq_pipeline.samples import SampleBatch
from dq_pipeline.steps.serving import Serving, has_form
from dq_pipeline.steps.training_data import HISTORY

MOST_BEFORE = 300
LEAD = 20
"""Samples before the estimated change among which it may have begun."""
FURTHEST = 100
"""A change point further before the alarm is not believed: that drift is gradual."""
MOST_SINCE = 60

Recorded = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]
"""Values (n, T, f), targets (n,) and numbers (n,) of some samples, in stream order; those of history are negative."""


def ask(world: World, serving: Serving, event: DriftEvent, ill: Collection[str] = ()) -> Cause:
    """Put an event down to a sensor or to the process.

    Parameters
    ----------
    ill
        Sensors known to be at fault; the others are asked.

    Returns
    -------
    Cause
        Its `onset` is a sample number.
    """
    change = int(np.clip(event.change_point, max(event.sample - FURTHEST, 0), event.sample))
    first = max(change - LEAD, 0)
    around, around_target, number = recorded(world, serving, first, change + MOST_SINCE)
    ended = [one for one in world.ledger.incidents(serving.process.name) if one.ending is not None]
    well = np.array([not withheld(ended, n) for n in number.tolist()], dtype=np.bool_)
    around, around_target, number = around[well], around_target[well], number[well]
    before, before_target, _ = known_before(world, serving, first)
    if not len(around) or not len(before):
        return Cause("undecided", "too few samples in the lake")
    process = serving.process
    chosen = [j for j, name in enumerate(process.sensor_names) if name not in ill]
    found = find_cause(
        before[:, :, chosen],
        around[:, :, chosen],
        [process.sensor_names[j] for j in chosen],
        [process.sensors[process.sensor_names[j]].unit for j in chosen],
        begin=int(np.searchsorted(number, change)),
        target=(before_target, around_target),
    )
    onset = int(number[min(found.onset, len(number) - 1)]) if found.kind != "waiting" else change
    return Cause(found.kind, found.why, found.sensor, onset, found.explanation, found.quiet, found.figures)


def document(cause: Cause) -> dict[str, Any]:
    """What the ledger keeps of it with the event."""
    explanation = None if cause.explanation is None else asdict(cause.explanation)
    return {
        "kind": cause.kind,
        "why": cause.why,
        "sensor": cause.sensor,
        "onset": cause.onset,
        "explanation": explanation,
        **cause.figures,
    }


def recorded(world: World, serving: Serving, first: int, stop: int, *, raw: bool = False) -> Recorded:
    """Committed samples numbered first <= number < stop that have the release's form; `raw`: nothing turned back."""
    process = serving.process
    joined, number = committed(world, serving, first, stop, raw=raw)
    if joined is None:
        return _nothing(process)
    known = world.ledger.targets(process.name, joined.ids)
    target = np.array([known.get(name, np.nan) for name in joined.ids], dtype=np.float64)
    return joined.values, target, number


def committed(
    world: World, serving: Serving, first: int, stop: int, *, raw: bool = False
) -> tuple[SampleBatch | None, NDArray[np.int64]]:
    """The same as one batch, with their numbers (n,); None where there are none."""
    process = serving.process
    batches, numbers = [], []
    for row in world.ledger.committed(process.name, first_sample=first):
        if row.samples and row.first_sample < stop:
            samples = SampleBatch.from_bytes(world.lake.get(f"{row.uri}/samples.npz"), raw=raw)
            if has_form(samples, process):
                count = np.arange(row.first_sample, row.first_sample + row.samples)
                chosen = (count >= first) & (count < stop)
                batches.append(samples.take(chosen).head(process.sample.profile_rows))
                numbers.append(count[chosen])
    if not batches:
        return None, np.empty(0, np.int64)
    return SampleBatch.concat(batches), np.concatenate(numbers)


def known_before(world: World, serving: Serving, first: int) -> Recorded:
    """The newest samples before the one numbered `first` that no incident withholds, history where they are few.

    Only those of the release's own regime, where they are enough.
    """
    name, begin = serving.process.name, serving.bundle.reference_from
    incidents = world.ledger.incidents(name)
    values, target, number = recorded(world, serving, max(first - 2 * MOST_BEFORE, 0), first)
    kept = np.array([not withheld(incidents, n) for n in number.tolist()], dtype=np.bool_)
    if begin is not None and (kept & (number >= begin)).sum() >= LEAST_BEFORE:
        kept &= number >= begin
    values, target, number = values[kept], target[kept], number[kept]
    wanted = MOST_BEFORE - len(number)
    if wanted > 0 and (begin is None or len(number) < LEAST_BEFORE):
        past, past_target = _history(world, serving.process, wanted)
        values, target = np.concatenate([past, values]), np.concatenate([past_target, target])
        number = np.concatenate([np.arange(-len(past), 0), number])
    return values[-MOST_BEFORE:], target[-MOST_BEFORE:], number[-MOST_BEFORE:]


def withheld(incidents: Collection[Incident], sample: int) -> bool:
    """Whether an incident forbids to learn from the sample of this number."""
    return any(incident.withholds(sample) for incident in incidents)


def _history(world: World, process: Process, wanted: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The newest annotated recordings of history."""
    fact = world.ledger.fact(process.name, HISTORY)
    found: list[SampleBatch] = []
    for chunk in reversed(fact["chunks"] if fact is not None else []):
        if wanted <= 0:
            break
        batch = SampleBatch.from_bytes(world.lake.get(chunk["uri"]))
        if not has_form(batch, process):
            break
        newest = batch.take(np.arange(max(len(batch) - wanted, 0), len(batch)))
        found.append(newest.head(process.sample.profile_rows))
        wanted -= len(newest)
    if not found:
        return _nothing(process)[:2]
    joined = SampleBatch.concat(found[::-1])
    return joined.values, joined.target


def _nothing(process: Process) -> Recorded:
    shape = (0, process.sample.profile_rows, len(process.sensor_names))
    return np.empty(shape), np.empty(0), np.empty(0, np.int64)
