"""A sensor at fault: nothing is learned from what it showed, until it is found well or a person says so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dq_pipeline.drift.cause import Cause
from dq_pipeline.drift.recovery import well_since
from dq_pipeline.errors import StateError
from dq_pipeline.ports import World
from dq_pipeline.records import DriftEvent, Ending, EventState, Incident, Notice
from dq_pipeline.steps import agenda, cause
from dq_pipeline.steps.clock import utc_now
from dq_pipeline.steps.pull import announce
from dq_pipeline.steps.serving import Serving

RUNBOOK = "docs/runbooks/sensor.md"
LOOK_BACK = 60


def at_fault(world: World, process: str) -> list[Incident]:
    """The incidents of sensors that are open, oldest first."""
    return [one for one in world.ledger.incidents(process) if one.sensor and one.ending is None]


def examine(world: World, serving: Serving) -> str:
    """Ask for the cause of the open event, once; why nothing may adapt to it, empty where it may be learned."""
    name = serving.process.name
    event = world.ledger.open_event(name)
    if event is None or event.state is not EventState.OPEN or "cause" in event.evidence:
        return ""
    known = at_fault(world, name)
    found = cause.ask(world, serving, event, [str(one.sensor) for one in known])
    known += _ended_since(world, event)
    if found.kind == "waiting":
        return f"event {event.id} waits for its cause: {found.why}"
    world.ledger.explain_event(event.id, cause.document(found))
    if found.kind == "sensor":
        incident = _open(world, serving, event, found)
        agenda.drop_event(world, name)
        return f"incident {incident.id}: {incident.title}"
    if known and found.quiet:  # no other sensor moved: what is known already explains it
        one = known[-1]
        world.ledger.move_event(event.id, EventState.INCIDENT, outcome=f"joins incident {one.id}: {one.title}")
        agenda.drop_event(world, name)
        return f"event {event.id} joins incident {one.id}"
    return ""


def look_after(world: World, serving: Serving) -> None:
    """Close the incidents of sensors that are found back where they were."""
    name = serving.process.name
    for incident in at_fault(world, name):
        stop = _well_since(world, serving, incident)
        if stop is None:
            continue
        world.ledger.close_incident(name, incident.id, Ending.RECOVERED, stop=stop, who="dq", now=utc_now())
        title = f"{name}: sensor {incident.sensor} reads as before again"
        detail = f"since sample {stop}; samples {incident.first} to {stop - 1} stay out of all that is learned"
        world.notifier.notify(Notice(name, "info", title, detail, runbook=RUNBOOK))


def close(world: World, process: str, number: int, *, accept: bool, who: str) -> dict[str, Any]:
    """A person ends an incident: the sensor was repaired, or (`accept`) what it shows now is right and is learned.

    Raises
    ------
    StateError
        If there is no such incident of a sensor, or it was closed otherwise.
    """
    ending = Ending.ACCEPTED if accept else Ending.REPAIRED
    before = {one.id: one for one in world.ledger.incidents(process)}.get(number)
    if before is None or before.sensor is None:
        known = ", ".join(str(one.id) for one in at_fault(world, process)) or "none"
        raise StateError(f"{process}: the number of a sensor's incident expected, found {number}. Open: {known}")
    incident = world.ledger.close_incident(process, number, ending, stop=None, who=who, now=utc_now())
    learned = before.ending is None and accept and _learn(world, process, incident, who)
    return {"process": process, "incident": number, "ending": str(ending), "learned": bool(learned)}


def listed(incidents: Sequence[Incident]) -> list[dict[str, Any]]:
    """Incidents of sensors for people and JSON."""
    return [
        {
            "id": one.id,
            "sensor": one.sensor,
            "event": one.event,
            "first": one.first,
            "stop": one.stop,
            "ending": None if one.ending is None else str(one.ending),
            "closed_by": one.closed_by,
            "title": one.title,
            "at": one.at.isoformat(),
            "evidence": dict(one.evidence),
        }
        for one in incidents
        if one.sensor is not None
    ]


def _ended_since(world: World, event: DriftEvent) -> list[Incident]:
    """Incidents whose sensor was well again by the sample that raised the event: its return is no drift."""
    ended = (Ending.RECOVERED, Ending.REPAIRED)
    found = [one for one in world.ledger.incidents(event.process) if one.sensor and one.ending in ended]
    return [one for one in found if (one.stop or 0) - LOOK_BACK <= event.sample < (one.until or 0)]


def _open(world: World, serving: Serving, event: DriftEvent, found: Cause) -> Incident:
    process = serving.process
    explanation = found.explanation
    assert explanation is not None  # a sensor is named with what explains it
    evidence = {
        "sensor": found.sensor,
        "explanation": explanation.text,
        **_compared(found),
        "gain": explanation.gain,
        "offset": explanation.offset,
        "unit": process.sensors[found.sensor].unit,
        "first sample": found.onset,
        "found at sample": world.ledger.sample_count(process.name),
        "until it ends": f"answers go on from {found.sensor} as it reads; nothing is learned; "
        f"`dq incidents {process.name}` lists and ends it",
    }
    incident = world.ledger.sensor_incident(
        process.name,
        event.id,
        f"{process.name}: sensor {found.sensor} is at fault since sample {found.onset}: {explanation.text}",
        evidence,
        sensor=found.sensor,
        first=found.onset,
        now=utc_now(),
    )
    announce(world, process.name)
    return incident


def _compared(found: Cause) -> dict[str, Any]:
    for one in found.figures.get("candidates", ()):
        if one["sensor"] == found.sensor:
            return {
                **({"or as well": ", ".join(one["or"])} if one["or"] else {}),
                "moved against its neighbours": f"{one['moved']} times the usual, {one['neighbour']} "
                f"most of the others: {one['neighbour_moved']}",
                "explained by its neighbours before": one["explained_by_neighbours"],
                "loss a sample": f"{one['loss_unexplained']} as read, {one['loss']} explained",
            }
    return {}


def _well_since(world: World, serving: Serving, incident: Incident) -> int | None:
    first = incident.first or 0
    seen = world.ledger.sample_count(serving.process.name)
    values, _, number = cause.recorded(world, serving, max(first, seen - LOOK_BACK), seen, raw=True)
    before, _, _ = cause.known_before(world, serving, first)
    names = serving.process.sensor_names
    if not len(values) or not len(before) or incident.sensor not in names:
        return None
    fault = (float(incident.evidence.get("gain", 1.0)), float(incident.evidence.get("offset", 0.0)))
    begin = well_since(before, values, names.index(incident.sensor), *fault)
    return None if begin is None else int(number[begin])


def _learn(world: World, process: str, incident: Incident, who: str) -> bool:
    """The event is taken up again, unless another one is open: that one learns it too."""
    if incident.event is None or world.ledger.open_event(process) is not None:
        return False
    event = next(one for one in world.ledger.events(process) if one.id == incident.event)
    world.ledger.move_event(event.id, EventState.OPEN, outcome=f"accepted by {who}")
    agenda.take_up(world, process, event, f"{incident.sensor} as it reads now was accepted by {who}")
    return True


def withheld_numbers(world: World, process: str, first: int, stop: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which of the samples numbered first <= number < stop nothing may be learned from, (stop - first,)."""
    incidents = world.ledger.incidents(process)
    return np.array([cause.withheld(incidents, number) for number in range(first, stop)], dtype=np.bool_)
