"""Past regimes in the loop: the releases that answered them, and the reinstatement of one whose regime is back.

A regime is known by the reference of its release: history for the first one, samples of the stream for the others.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.drift.policy import PolicyState
from dq_pipeline.drift.regimes import LEAST_SAMPLES, MOST_SAMPLES, Candidate, recognise
from dq_pipeline.ports import World
from dq_pipeline.profile.profile import Profile, profile
from dq_pipeline.release.bundle import Release
from dq_pipeline.release.promotion import Evidence
from dq_pipeline.samples import SampleBatch
from dq_pipeline.steps.challenger import block_size, is_built, judge, rng_of
from dq_pipeline.steps.clock import utc_now
from dq_pipeline.steps.releases import release_of
from dq_pipeline.steps.serving import Serving, has_form, in_production, load
from dq_pipeline.steps.training_data import HISTORY, TrainingData, training_data
from dq_pipeline.steps.watch_drift import committed_samples

OWN_REFERENCE = ("initial", "rebuild", "rereference", "reinstate")
"""Kinds of release that hold the reference of their own regime; a refit still holds that of the one before."""


def recall(
    world: World, serving: Serving, due: dict[str, Any] | None, state: PolicyState, sequence: int
) -> dict[str, Any] | None:
    """What is due now: in place of what was, the release of a past regime that the open event's samples look like.

    Asked once of each release in each event; what was due is kept for the case that a gate rejects it.
    """
    name, keep = serving.process.name, serving.process.drift.regimes
    event = world.ledger.open_event(name) if keep else None
    if event is None or (due is not None and (due["attempts"] or due["kind"] == "reinstate")):
        return due
    begin = due["span"][0] if due is not None and due["span"] else state.reference_from
    until = world.ledger.sample_count(name)
    if begin is None or until - begin < LEAST_SAMPLES:
        return due
    past = [one for one in _past(world, serving)[-keep:] if not is_built(world, name, _key(event.id, one.version))]
    present = committed_samples(world, name, max(begin, until - MOST_SAMPLES), until) if past else None
    if present is None:
        return due
    candidates = [
        Candidate(one.version, reference, _profiled(one, present))
        for one in past
        if (reference := _reference(world, one)) is not None
    ]
    found = recognise(candidates, rng=rng_of(f"{name}/regimes/{sequence}"))
    if found is None:
        return due
    return {
        "key": _key(event.id, found.name),
        "kind": "reinstate",
        "event": event.id,
        "span": None,
        "why": f"the regime of release {found.name} is back (p = {found.p:.2g})",
        "attempts": 0,
        "version": found.name,
        "since": begin,
        "instead": due,
    }


def reinstated(world: World, process: str, due: dict[str, Any]) -> tuple[Release, Evidence | None, str]:
    """A past release as a challenger, whole but for where its detector takes up the stream.

    It is judged as it is on the newest labelled samples of the regime that is back; the event may have been opened long
    before, by an error. With fewer than five of them there is nothing to judge it by, and that its regime was
    recognised decides.
    """
    serving = in_production(world, process)
    past = load(world, release_of(world, process, due["version"]))
    release = replace(past.bundle, created_at=utc_now(), stream_starts_at=world.ledger.sample_count(process))
    data = training_data(world, serving.process)
    return release, _evidence(data, past, serving, due["since"]), serving.version


def _evidence(data: TrainingData, past: Serving, serving: Serving, since: int) -> Evidence | None:
    chosen = data.take(np.flatnonzero(data.learnable))
    new = int((chosen.number >= since).sum())
    if new < 5 or new == len(chosen):
        return None
    size = min(block_size(data, since), new)
    block = chosen.take(np.arange(len(chosen) - size, len(chosen)))
    before = float(chosen.target[len(chosen) - size - 1])
    features, model = past.bundle.features, past.bundle.model
    evidence, _ = judge(features, model, block, serving.bundle, serving.process, before, data)
    return evidence


def _key(event: int, version: str) -> str:
    return f"reinstate-{event}-{version}"


def _past(world: World, serving: Serving) -> list[Serving]:
    """The newest release of each regime since the last initialization, the longest left first, without the last one."""
    name = serving.process.name
    promoted = [change.version for change in world.ledger.changes(name) if change.action == "promote"]
    rows = {row.version: row for row in world.ledger.releases(name)}
    regimes: dict[int | None, Serving] = {}
    for row in (rows[version] for version in promoted if version in rows):
        if row.kind == "initial":
            regimes.clear()
        if row.kind in OWN_REFERENCE:
            one = load(world, row)
            before = regimes.pop(one.bundle.reference_from, one)
            regimes[one.bundle.reference_from] = before if row.kind == "reinstate" else one
    return [
        one
        for one in list(regimes.values())[:-1]
        if has_form(one.process, serving.process) and one.process.target == serving.process.target
    ]


def levels(world: World, serving: Serving, *, most: int) -> dict[str, NDArray[np.float64]]:
    """Mean level of every sensor (N, f) in the newest `most` samples of each past regime, by its release."""
    found = {}
    for one in _past(world, serving)[-serving.process.drift.regimes :]:
        samples = _samples(world, one, most)
        if samples is not None:
            values = samples.head(one.process.sample.profile_rows).values
            seen = np.isfinite(values)
            total = np.where(seen, values, 0.0).sum(axis=1)
            empty = np.full(total.shape, np.nan)
            found[one.version] = np.divide(total, seen.sum(axis=1), out=empty, where=seen.any(axis=1))
    return found


def _reference(world: World, one: Serving) -> Profile | None:
    """Profiles of the samples that a release's detector was fitted on, against its own bins."""
    samples = _samples(world, one)
    return None if samples is None else _profiled(one, samples)


def _samples(world: World, one: Serving, most: int | None = None) -> SampleBatch | None:
    """The samples that a release's detector was fitted on, all or the newest `most`; None if there are none."""
    first, name, until = one.bundle.reference_from, one.process.name, one.bundle.stream_starts_at
    if first is not None:
        return committed_samples(world, name, first if most is None else max(first, until - most), until)
    fact, batches = world.ledger.fact(name, HISTORY), []
    for chunk in reversed(fact["chunks"] if fact else []):
        batches.append(SampleBatch.from_bytes(world.lake.get(chunk["uri"])))
        if most is not None and sum(map(len, batches)) >= most:
            break
    if not batches:
        return None
    joined = SampleBatch.concat(batches[::-1])
    return joined if most is None else joined.take(np.arange(max(len(joined) - most, 0), len(joined)))


def _profiled(one: Serving, samples: SampleBatch) -> Profile:
    reference = one.completion_scorer.reference
    return profile(samples.head(reference.rows), reference)
