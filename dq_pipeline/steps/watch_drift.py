"""Hand completed samples to the detector, in stream order, each exactly once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.drift.alarm import Alarm
from dq_pipeline.drift.detector import Detector
from dq_pipeline.drift.named import named
from dq_pipeline.ports import World
from dq_pipeline.profile.profile import Profile, profile
from dq_pipeline.records import Claim, DetectorState, DriftAlarm, Ending, EventState
from dq_pipeline.samples import SampleBatch
from dq_pipeline.steps.drift_evidence import divergences
from dq_pipeline.steps.serving import Serving, has_form

LEAST_KNOWN, MOST_KNOWN = 20, 100
"""Samples before a rollback from which the level of the regime left alone is taken."""


@dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """Statistic of every sample of the batch (n,), alarms, and the state to go on from."""

    statistic: NDArray[np.float64] | None
    alarms: tuple[DriftAlarm, ...]
    state: DetectorState | None


def watch_drift(world: World, serving: Serving, claim: Claim, batch: SampleBatch, profiles: Profile) -> Watched:
    """Update the release's detector with a batch of completed samples.

    A detector that has no running state yet (its release was just promoted) first takes in the samples committed since
    its reference ended, from the lake.

    Parameters
    ----------
    profiles
        Of `batch`, in stream order.
    """
    detector = serving.bundle.detector
    if detector is None or not len(batch):
        return Watched(None, (), None)
    name = serving.process.name
    first = world.ledger.sample_count(name)
    state, begin = _state(world, serving, detector)
    offset = serving.bundle.stream_starts_at
    missed_ids, missed = _readings_between(world, serving, begin, first)
    observed = detector.update(state, np.concatenate([*missed, detector.readings(profiles)]))
    before = len(missed_ids)
    moved: dict[str, Any] = {}
    if observed.alarms:  # beside the first one of a batch: the others are heard with it
        moved = _divergences(world, serving, int(observed.alarms[0].sample) + offset + 1, first, batch, profiles)
    ids = (*missed_ids, *batch.ids)
    return Watched(
        statistic=observed.statistic[before:],
        alarms=tuple(
            _alarm(serving, alarm, ids[int(alarm.sample) + offset - begin], offset, {} if i else moved)
            for i, alarm in enumerate(observed.alarms)
        ),
        state=DetectorState(
            serving.detector_id, claim.sequence, first + len(batch), detector.state_to_bytes(observed.state)
        ),
    )


def _state(world: World, serving: Serving, detector: Detector[Any]) -> tuple[Any, int]:
    """Where the detector stands, and the number of the first sample it has not seen.

    On the first batch after a rollback it is set upon the regime that the rollback left alone: the drift that led away
    from this release is known, and must not be found again and again. So it is after a sensor was found at fault; once
    it is well, the detector is set upon its reference again.
    """
    name, starts_at = serving.process.name, serving.bundle.stream_starts_at
    stored, hold = world.ledger.detector_state(name, serving.detector_id), world.ledger.hold(name)
    if stored is not None and stored.samples < starts_at:  # from before its regime ended and came back
        stored = None
    if hold is not None and (stored is None or stored.samples <= hold.sample):
        regime = _same_form_from(world, serving, _regime_start(world, name, hold.sample))
        _, known = _readings_between(world, serving, regime, hold.sample)
        if known:
            return detector.rebase(known[0], seen=hold.sample - starts_at), hold.sample
    turned = _turned(world, serving, detector, starts_at - 1 if stored is None else stored.samples)
    if turned is not None:
        return turned
    since = starts_at if stored is None else stored.samples
    begin = _same_form_from(world, serving, since)
    if stored is None or begin > since:
        return detector.start(seen=begin - starts_at), begin
    return detector.state_from_bytes(stored.state), begin


def _turned(world: World, serving: Serving, detector: Detector[Any], seen: int) -> tuple[Any, int] | None:
    """Where the detector starts anew since a sensor's incident began or ended after the `seen` samples it knows."""
    starts_at = serving.bundle.stream_starts_at
    for incident in reversed(world.ledger.incidents(serving.process.name)):
        well = incident.well_from
        if incident.first is None or incident.sensor is None or (well is not None and well < starts_at):
            continue
        if well is None:
            found = int(incident.evidence.get("found at sample", -1))
            if seen <= found and incident.first >= starts_at:
                _, known = _readings_between(world, serving, incident.first, found)
                if known:
                    return detector.rebase(known[0], seen=found - starts_at), found
        elif incident.ending is not Ending.ACCEPTED and seen <= (incident.until or -1):
            return detector.start(seen=well - starts_at), well
    return None


def _same_form_from(world: World, serving: Serving, first: int) -> int:
    """`first`, or the number after the last sample from there on whose recording has another form."""
    begin = first
    for batch in world.ledger.committed(serving.process.name, first_sample=first):
        if batch.samples:
            samples = SampleBatch.from_bytes(world.lake.get(f"{batch.uri}/samples.npz"))
            begin = begin if has_form(samples, serving.process) else batch.first_sample + batch.samples
    return begin


def _regime_start(world: World, process: str, until: int) -> int:
    """Number of the first sample of the regime that a rollback left alone."""
    held = [event.change_point for event in world.ledger.events(process) if event.state is EventState.HELD]
    changed = int(max(held)) if held else until
    return max(min(changed, until - LEAST_KNOWN), until - MOST_KNOWN, 0)


def _divergences(
    world: World, serving: Serving, until: int, first: int, batch: SampleBatch, profiles: Profile
) -> dict[str, Any]:
    """How far the newest samples numbered less than `until` lie from the reference; the batch begins at `first`."""
    name, bundle = serving.process.name, serving.bundle
    begin = _same_form_from(world, serving, max(until - serving.process.drift.window, bundle.stream_starts_at))
    own = slice(max(begin - first, 0), max(until - first, 0))
    samples, found = [batch.take(np.arange(len(batch))[own])], [profiles.take(own)]
    before = committed_samples(world, name, begin, min(first, until)) if begin < first else None
    if before is not None:
        bins = serving.completion_scorer.reference
        samples, found = [before, *samples], [profile(before.head(bins.rows), bins), *found]
    since, reference = bundle.reference_from, None
    if since is not None and since < bundle.stream_starts_at:
        reference = committed_samples(world, name, since, bundle.stream_starts_at)
    return divergences(serving, Profile.concat(found), reference, SampleBatch.concat(samples))


def _alarm(serving: Serving, alarm: Alarm, sample_id: str, offset: int, divergences: dict[str, Any]) -> DriftAlarm:
    detector: Any = serving.bundle.detector
    names, categories = serving.process.sensor_names, serving.process.categories
    ranked = tuple(names[j] for j in alarm.ranked_sensors())
    moved = {name: mix["told"] for name, mix in divergences.get("mixes", {}).items() if mix["told"] != name}
    return DriftAlarm(
        detector=serving.detector_id,
        release=serving.version,
        sample_id=sample_id,
        sample=alarm.sample + offset,
        change_point=alarm.change_point + offset,
        statistic=alarm.statistic,
        threshold=alarm.threshold,
        sensors=ranked,
        calibrated=detector.calibrated,
        evidence={
            "share": {names[j]: alarm.evidence[j] for j in alarm.ranked_sensors(0.99)},
            "named": list(named(ranked, categories, moved)),
            "kind": alarm.kind,
            "feature": alarm.feature,
            "uncalibrated": detector.uncalibrated,
            "rebuilding": serving.bundle.rebuilding,
            "divergences": divergences,
        },
    )


def _readings_between(
    world: World, serving: Serving, first: int, stop: int
) -> tuple[tuple[str, ...], list[NDArray[np.float64]]]:
    """Ids, and what the detector reads, of the committed samples numbered first <= number < stop, if there are any."""
    detector = serving.bundle.detector
    samples = committed_samples(world, serving.process.name, first, stop) if first < stop else None
    if samples is None or detector is None:
        return (), []
    reference = serving.completion_scorer.reference
    return samples.ids, [detector.readings(profile(samples.head(reference.rows), reference))]


def committed_samples(world: World, process: str, first: int, stop: int) -> SampleBatch | None:
    """Completed samples numbered first <= number < stop, from the lake; None if there are none."""
    found = []
    for batch in world.ledger.committed(process, first_sample=first):
        begin, end = max(first, batch.first_sample), min(stop, batch.first_sample + batch.samples)
        if begin < end:
            samples = SampleBatch.from_bytes(world.lake.get(f"{batch.uri}/samples.npz"))
            found.append(samples.take(np.arange(begin - batch.first_sample, end - batch.first_sample)))
    return SampleBatch.concat(found) if found else None
