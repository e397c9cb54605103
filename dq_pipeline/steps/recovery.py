"""Whether what an incident is about is well again, by the newest samples."""

from __future__ import annotations

from dq_pipeline.drift.recovery import well_since
from dq_pipeline.ports import World
from dq_pipeline.records import Cause, Incident
from dq_pipeline.steps import audit
from dq_pipeline.steps.cadence import not_come
from dq_pipeline.steps.serving import Serving
from dq_pipeline.steps.stretch import known_before, recorded, stretch
from dq_pipeline.triage.answers import compare
from dq_pipeline.triage.delivery import defects

LOOK_BACK = 60
"""Newest samples among which the first good one is sought; a drift since as many before it is its return."""
UNEXPLAINED = ("swapped", "lag", "undetermined")
"""Faults that no gain and offset describe: the audit has to find the sensor well."""
NEWEST = 25
"""Samples that have to be well where nothing says which is the first good one."""
UNLABELLED = 0.15
"""Share of the samples by which more may be without a label than before."""


def well_from(world: World, serving: Serving, one: Incident) -> int | None:
    """Number of the first sample from which on all is well again; None while it is not."""
    if one.cause is Cause.DEAD_SENSOR or one.evidence.get("fault") in UNEXPLAINED:
        return _alive(world, serving, one)
    return _reads_right(world, serving, one) if one.sensor else _delivered(world, serving, one)


def _reads_right(world: World, serving: Serving, one: Incident) -> int | None:
    """By its neighbours; readings that are corrected are looked at as they come."""
    first, seen = one.first or 0, world.ledger.sample_count(serving.process.name)
    newest = recorded(world, serving, max(first, seen - LOOK_BACK), seen, raw=True)
    before = known_before(world, serving, first)
    names = serving.process.sensor_names
    if newest is None or before is None or one.sensor not in names:
        return None
    fault = (float(one.evidence.get("gain", 1.0)), float(one.evidence.get("offset", 0.0)))
    begin = well_since(before.values, newest.values, names.index(one.sensor), *fault)
    return None if begin is None else int(newest.number[begin])


def _alive(world: World, serving: Serving, one: Incident) -> int | None:
    seen = world.ledger.sample_count(serving.process.name)
    first = max(one.first or 0, seen - NEWEST)
    if seen - first < NEWEST:
        return None
    found = audit.look(world, serving, first, seen)
    well = found.enough and any(one.sensor == f.sensor and f.fault == "none" for f in found.findings)
    return first if well else None


def _delivered(world: World, serving: Serving, one: Incident) -> int | None:
    """Arrival, or labels, as they were before."""
    seen = world.ledger.sample_count(serving.process.name)
    first = max(one.first or 0, seen - NEWEST)
    newest, before = recorded(world, serving, first, seen), known_before(world, serving, one.first or 0)
    if newest is None or before is None or len(newest) < NEWEST:
        return None
    was, now = stretch(world, serving, before), stretch(world, serving, newest)
    if one.cause is Cause.LATE_DATA:
        return None if defects(was, now, not_come(before, newest)) else first
    errors = compare(was, now)
    told = errors.count > 0 and errors.unlabelled <= errors.unlabelled_before + UNLABELLED
    return first if told and not errors.moved else None
