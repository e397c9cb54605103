"""Parity of the release that answers: with its own trace, and with what production computed and kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.ports import World
from dq_pipeline.profile.profile import Profile, profile
from dq_pipeline.records import Alert, CommittedBatch, Observation, runbook
from dq_pipeline.release.parity import STEPS, differs, digest_of, profile_arrays
from dq_pipeline.samples import SampleBatch, turned_back
from dq_pipeline.steps import landing
from dq_pipeline.steps.clock import as_moment, utc_now
from dq_pipeline.steps.gate import decode_all
from dq_pipeline.steps.serving import Serving, has_form, load

RUNBOOK = runbook("parity")
_BATCHES = 20
"""Newest micro-batches among which one with completed samples is looked for."""
_LOOKED_UP = 200

Floats = NDArray[np.float64]


def compare(world: World, serving: Serving) -> dict[str, Any]:
    """Which steps give something else here and now than they gave before.

    Returns
    -------
    dict
        `trace`: those that differ from the release's trace. `production`: those that differ from what the newest
        micro-batch with completed samples left in lake and ledger. `steps`: both, in the order of computation, and
        `first` of them, None where nothing differs. `batch_id`, `checked` (steps) and `samples` of the micro-batch,
        and `early`: answered samples whose horizon rows were others when they came than when they were complete,
        which is no difference of computation.
    """
    trace = differs(serving.bundle)
    found = _against_production(world, serving)
    steps = [name for name in STEPS if name in trace or name in found["production"]]
    return {"trace": list(trace), **found, "steps": steps, "first": steps[0] if steps else None}


def tell(world: World, serving: Serving, found: dict[str, Any]) -> None:
    """Raise an alert where a step differs, clear it where none does."""
    name, key, now = serving.process.name, f"parity:{serving.version}", utc_now()
    if found["first"] is None:
        world.ledger.clear_alert(name, key, now)
        return
    against = [what for what in ("trace", "production") if found[what]]
    title = f"{name}: release {serving.version} gives other {found['first']} than before (against {', '.join(against)})"
    evidence = {"steps": found["steps"], "first": found["first"], "against": against, "runbook": RUNBOOK}
    evidence |= {"batch_id": found["batch_id"], "release": serving.version}
    world.ledger.raise_alert(name, Alert("parity", key, "critical", title, serving.version, None, evidence), now)


def _against_production(world: World, serving: Serving) -> dict[str, Any]:
    nothing: dict[str, Any] = {"production": [], "checked": [], "batch_id": None, "samples": 0, "early": 0}
    batch = _newest(world, serving.process.name)
    if batch is None:
        return nothing
    kept = world.lake.get(f"{batch.uri}/samples.npz")
    as_read, samples = SampleBatch.from_bytes(kept, raw=True), SampleBatch.from_bytes(kept)
    if not has_form(samples, serving.process):
        return nothing
    numbers = (batch.first_sample, batch.first_sample + batch.samples)
    rows = world.ledger.observations(serving.process.name, first_sample=numbers[0], stop_sample=numbers[1])
    same: dict[str, bool] = {}
    came = _messages(world, serving, batch, rows)
    if came is not None:
        grids = [i for i, name in enumerate(samples.ids) if name in came["completion"]]
        again = [came["completion"][samples.ids[i]] for i in grids]
        same["grid"] = all(_alike(as_read.values[i], grid) for i, grid in zip(grids, again, strict=True))
    shown, early = _shown(samples, came, serving.process.sample.horizon_rows)
    said = _predictions(world, serving, shown, rows)
    if said is not None:
        same["prediction"] = said
    profiled = _profile(world, serving, batch)
    if profiled is not None:
        reference = serving.completion_scorer.reference
        again_profiled = profile(samples.head(reference.rows), reference)
        same["profile"] = digest_of(profile_arrays(profiled)) == digest_of(profile_arrays(again_profiled))
    return {
        "production": [name for name in STEPS if same.get(name) is False],
        "checked": [name for name in STEPS if name in same],
        "batch_id": batch.batch_id,
        "samples": len(samples),
        "early": early,
    }


def _newest(world: World, process: str) -> CommittedBatch | None:
    for batch in reversed(world.ledger.committed(process, last=_BATCHES)):
        if batch.samples and world.lake.exists(f"{batch.uri}/samples.npz"):
            return batch
    return None


def _messages(
    world: World, serving: Serving, batch: CommittedBatch, rows: Sequence[Observation]
) -> dict[str, dict[str, Floats]] | None:
    """Per scope and sample the grid of its message as this code reads it; None where the messages are gone.

    Completions are as they were read; horizons as they were answered, with what was turned back then.
    """
    process = serving.process
    answered = world.ledger.answered_from(process.name, [row.sample_id for row in rows])
    wanted = sorted({batch.batch_id, *answered.values()})
    uris = world.ledger.raw_uris(process.name, wanted)
    if batch.batch_id not in uris or not all(world.lake.exists(uri) for uri in uris.values()):
        return None
    then = max((row.answered_at for row in rows if row.answered_at is not None), default=utc_now())
    found: dict[str, dict[str, Floats]] = {"horizon": {}, "completion": {}}
    sequences = {one.batch_id: one.sequence for one in world.ledger.committed(process.name, last=_LOOKED_UP)}
    for batch_id, uri in uris.items():
        held = world.ledger.corrections(process.name, sequences[batch_id]) if batch_id in sequences else ()
        decoded = decode_all(landing.from_bytes(world.lake.get(uri)), process, as_moment(then))
        for name, (_, placed) in decoded.placed["completion"].items():
            if batch_id == batch.batch_id:
                found["completion"][name] = placed.values
        for name, (_, placed) in decoded.placed["horizon"].items():
            if answered.get(name) == batch_id:
                found["horizon"][name] = placed.values.copy()
                for one in held:
                    j = process.sensor_names.index(one.sensor)
                    found["horizon"][name][:, j] = turned_back(placed.values[:, j], one.gain, one.offset)
    return found


def _shown(samples: SampleBatch, came: dict[str, dict[str, Floats]] | None, rows: int) -> tuple[SampleBatch, int]:
    """The horizon rows that were answered: those of the message that came first; and how many were others later."""
    head = samples.head(rows)
    if came is None:
        return head, 0
    values, early = head.values.copy(), 0
    for i, name in enumerate(head.ids):
        first = came["horizon"].get(name)
        if first is not None and not _alike(values[i], first):
            values[i], early = first, early + 1
    return replace(head, values=values), early


def _predictions(world: World, serving: Serving, shown: SampleBatch, rows: Sequence[Observation]) -> bool | None:
    """Whether the releases that answered answer the same again; None where no model did."""
    given = {row.sample_id: row for row in rows if row.fallback is None and row.value is not None}
    releases = {row.version: row for row in world.ledger.releases(serving.process.name)}
    verdicts = []
    for version in sorted({str(row.release) for row in given.values()} & set(releases)):
        one = serving if version == serving.version else load(world, releases[version])
        index = [i for i, name in enumerate(shown.ids) if name in given and given[name].release == version]
        if index and has_form(one.process, serving.process):
            again = one.bundle.predict(shown.take(index)).value
            verdicts.append(_alike(again, np.array([given[shown.ids[i]].value for i in index], dtype=np.float64)))
    return all(verdicts) if verdicts else None


def _profile(world: World, serving: Serving, batch: CommittedBatch) -> Profile | None:
    file = f"{batch.uri}/completion-profile.npz"
    if serving.bundle.completion_scorer is None or not world.lake.exists(file):
        return None
    found = Profile.from_bytes(world.lake.get(file))
    return found if found.reference_id == serving.completion_scorer.reference.id else None


def _alike(one: NDArray[Any], other: NDArray[Any]) -> bool:
    return digest_of({"a": one}) == digest_of({"a": other})
