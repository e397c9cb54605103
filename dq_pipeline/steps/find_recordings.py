"""Recordings of single samples, of the stream or of the history in use, wherever they lie in the lake."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from dq_pipeline.ports import World
from dq_pipeline.process import Process
from dq_pipeline.records import Recorded
from dq_pipeline.samples import SampleBatch
from dq_pipeline.steps.serving import has_form
from dq_pipeline.steps.training_data import HISTORY

UNKNOWN, GONE, FORM = "unknown", "gone", "form"
WHY = {
    UNKNOWN: "neither the stream nor the history in use has such a sample",
    GONE: "its recording is no longer in the lake",
    FORM: "its recording has another form than the process has now",
}


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """A sample's recording, alone in its batch; what is in its way where there is none.

    Attributes
    ----------
    unified, accepted
        Quality of the whole recording, None where it is not known.
    """

    batch: SampleBatch | None
    missing: str = ""
    unified: float | None = None
    accepted: bool | None = None


def find_recordings(
    world: World, process: Process, ids: Sequence[str], *, answered: Collection[str] = ()
) -> dict[str, Found]:
    """What is known of each of these samples' recordings, in the form that the process has now.

    Parameters
    ----------
    answered
        Those that are of the stream, whether completed or not: history is not searched for them.
    """
    places = world.ledger.recorded(process.name, ids)
    found = {name: Found(None, UNKNOWN) for name in ids if name in answered}
    found |= _of_stream(world, process, places)
    elsewhere = set(ids) - set(found)
    return {**found, **(_of_history(world, process, elsewhere) if elsewhere else {})}


def _of_stream(world: World, process: Process, places: dict[str, Recorded]) -> dict[str, Found]:
    found: dict[str, Found] = {}
    by_folder = defaultdict(list)
    for name, place in places.items():
        by_folder[place.uri].append(name)
    for uri, names in by_folder.items():
        batch = _read(world, f"{uri}/samples.npz")
        for name in names:
            one, missing = _one(batch, name, process)
            found[name] = Found(one, missing, places[name].unified, places[name].accepted)
    return found


def _of_history(world: World, process: Process, ids: set[str]) -> dict[str, Found]:
    found = {name: Found(None, UNKNOWN) for name in ids}
    left = set(ids)
    for chunk in (world.ledger.fact(process.name, HISTORY) or {"chunks": []})["chunks"]:
        if not left:
            break
        batch = _read(world, chunk["uri"])
        for name in left & set(batch.ids if batch is not None else chunk["accepted"]):
            one, missing = _one(batch, name, process)
            scores = chunk.get("unified") if batch is not None else None
            unified = scores[batch.ids.index(name)] if scores and batch is not None else None
            found[name] = Found(one, missing, unified, name in chunk["accepted"])
            left.discard(name)
    return found


def _read(world: World, uri: str) -> SampleBatch | None:
    try:
        return SampleBatch.from_bytes(world.lake.get(uri))
    except FileNotFoundError:
        return None


def _one(batch: SampleBatch | None, name: str, process: Process) -> tuple[SampleBatch | None, str]:
    if batch is None or name not in batch.ids:
        return None, GONE
    if not has_form(batch, process):
        return None, FORM
    return batch.take([batch.ids.index(name)]), ""
