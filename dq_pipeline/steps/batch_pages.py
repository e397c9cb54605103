"""Micro-batches as people see them: what came, how good it was by sensor, what was refused, one recording of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from dq_pipeline.errors import DQError, StateError
from dq_pipeline.ports import World
from dq_pipeline.profile.profile import Profile
from dq_pipeline.quality.dimensions import DIMENSIONS
from dq_pipeline.steps.flag_export import sample_rows
from dq_pipeline.steps.known_samples import known_samples
from dq_pipeline.steps.serving import load

MOST = 200


def batch_list(world: World, process: str, *, before: int | None = None, limit: int = 50) -> dict[str, Any]:
    """Micro-batches, newest first: `batches`, and whether there are `more` before them."""
    world.process(process)
    limit = min(max(limit, 1), MOST)
    rows = world.ledger.batch_list(process, before=before, limit=limit + 1)
    return {"process": process, "batches": [dict(row) for row in rows[:limit]], "more": len(rows) > limit}


def batch(world: World, process: str, batch_id: str) -> dict[str, Any]:
    """One micro-batch; of the lake its profiles are read, and no raw data.

    Returns
    -------
    dict
        The ledger's row with `ranges`, `samples` and `quarantine`; `heat`: `sensors`, the worst first, each with the
        mean of every dimension and its lowest in one sample, None with `no_heat` saying why; `dimensions`, their names;
        `waiting`: messages in quarantine that were not sent again.

    Raises
    ------
    StateError
        If there is no such micro-batch.
    """
    world.process(process)
    found = world.ledger.batch(process, batch_id)
    if found is None:
        raise StateError(f"{process}: a micro-batch expected, found no {batch_id[:80]!r}")
    heat, why = _heat(world, process, found)
    return {
        **found,
        "process": process,
        "dimensions": list(DIMENSIONS),
        "heat": heat,
        "no_heat": why,
        "waiting": sum(row["requeued_at"] is None for row in found["quarantine"]),
    }


def sample(world: World, process: str, sample_id: str) -> dict[str, Any]:
    """One completed sample with its curves and the band of the reference; its recording is read from the lake.

    Returns
    -------
    dict
        As :func:`dq_pipeline.steps.flag_export.sample_rows` has it, with `batch` and `number`.

    Raises
    ------
    StateError
        If the stream has no such sample.
    """
    world.process(process)
    known = known_samples(world, process, [sample_id])
    place = known.places.get(sample_id)
    if place is None:
        raise StateError(f"{process}: a completed sample of the stream expected, found no {sample_id[:80]!r}")
    flags = world.ledger.flags_of(process, [sample_id]).get(sample_id, ())
    (row,) = sample_rows(world, process, {sample_id: flags}, known)
    batch_id, number = world.ledger.place_of(process, sample_id)
    return {**row, "batch": batch_id, "number": number}


def _heat(world: World, process: str, found: Any) -> tuple[list[dict[str, Any]] | None, str]:
    """How good each sensor was in each dimension, in [0, 1], before what all samples have in common is excused."""
    versions = {row["release"] for row in found["samples"]}
    if not versions:
        return None, "no recording of it was completed"
    release = next((row for row in world.ledger.releases(process) if row.version in versions), None)
    if release is None or found["uri"] is None:
        return None, "the release that scored it is not in the ledger"
    try:
        scorer = load(world, release).completion_scorer
        profiled = Profile.from_bytes(world.lake.get(f"{found['uri']}/completion-profile.npz"))
    except (DQError, FileNotFoundError) as error:
        return None, str(error) if isinstance(error, DQError) else "its profiles are no longer in the lake"
    if not len(profiled) or profiled.reference_id != scorer.reference.id:
        return None, "its profiles are of another reference"
    measured = scorer.measure(profiled)  # (n, 5, f)
    mean, least = measured.mean(axis=0), measured.min(axis=0)
    order = np.argsort(mean.min(axis=0), kind="stable")
    names = scorer.reference.sensors
    rows = [{"sensor": names[j], "mean": mean[:, j].tolist(), "least": least[:, j].tolist()} for j in order]
    return rows, ""
