"""Open incidents: what they forbid, how they end by themselves or by a person, and how they are shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dq_pipeline.errors import StateError
from dq_pipeline.ports import World
from dq_pipeline.records import WITHHELD, Cause, Ending, EventState, Incident, Notice, runbook
from dq_pipeline.steps import agenda, recovery
from dq_pipeline.steps.clock import utc_now
from dq_pipeline.steps.serving import Serving
from dq_pipeline.steps.stretch import withheld


def forbids(world: World, process: str, standing: Sequence[Incident] | None = None) -> str:
    """Why nothing may be learned now; empty where it may. What an incident explains is not due any more."""
    open_now = world.ledger.incidents(process, standing=True) if standing is None else standing
    over = [number for one in open_now if one.cause in WITHHELD for number in one.record.get("events", ())]
    due = agenda.read(world, process).due if over else None
    if due is not None and due["event"] in over:
        agenda.drop_event(world, process)
    standing = in_the_way(open_now)
    if not standing:
        return ""
    if ill := ", ".join(str(one.sensor) for one in standing if one.lasts and one.sensor):
        return f"nothing is learned while {ill} is at fault; `dq incidents {process}` ends that"
    told = ", ".join(f"{one.id} ({one.cause})" for one in standing)
    return f"nothing is learned while incident {told} is open; `dq incidents {process}` ends that"


def in_the_way(standing: Sequence[Incident]) -> list[Incident]:
    """Those of the open incidents that forbid to learn."""
    return [one for one in standing if one.lasts or one.action.get("what") == "hold"]


def look_after(world: World, serving: Serving) -> None:
    """Close the incidents that are over: found well again, adapted to, or rolled back."""
    name = serving.process.name
    for incident in world.ledger.incidents(name, standing=True):
        over = _over(world, serving, incident)
        if over is None:
            continue
        ending, stop, why = over
        world.ledger.close_incident(name, incident.id, ending, stop=stop, who="dq", now=utc_now())
        title = f"{name}: sensor {incident.sensor} reads as before again" if incident.sensor else f"{name}: {why}"
        first = incident.first or 0
        detail = f"incident {incident.id} is over: {ending}"
        if incident.withholds(first):
            detail += f"; samples {first} to {stop - 1 if stop else ''} stay out of all that is learned"
        world.notifier.notify(_ended(incident, title, detail))


def _ended(incident: Incident, title: str, detail: str) -> Notice:
    return Notice(
        incident.process,
        "info",
        title,
        detail,
        runbook=runbook(str(incident.cause)),
        kind=f"incident/{incident.cause}",
        subject=incident.subject or "",
        incident=incident.id,
        key=f"incident:{incident.id}:over",
        since=incident.at,
        over=True,
    )


def _over(world: World, serving: Serving, one: Incident) -> tuple[Ending, int | None, str] | None:
    """How an incident ends now, the first good sample again, and why; None while it lasts."""
    if one.sensor or one.lasts:
        stop = recovery.well_from(world, serving, one)
        return None if stop is None else (Ending.RECOVERED, stop, f"what incident {one.id} is about is well again")
    if one.cause is Cause.MODEL_REGRESSION and one.subject != serving.version:
        return Ending.RECOVERED, None, f"release {serving.version} answers in place of {one.subject}"
    events = {event.id: event.state for event in world.ledger.events(serving.process.name)}
    own = [events[number] for number in one.record.get("events", ()) if number in events]
    if own:
        done = all(state is EventState.CLOSED for state in own)
        return (Ending.LEARNED, None, f"{one.cause} of incident {one.id} was adapted to") if done else None
    alerts = world.ledger.alerts(serving.process.name, standing=True)
    if any(row.incident == one.id for row in alerts):
        return None
    return Ending.RECOVERED, None, f"what told of incident {one.id} is within its limits again"


def close(world: World, process: str, number: int, *, accept: bool, who: str, why: str = "") -> dict[str, Any]:
    """A person ends an incident: it was repaired, or (`accept`) what is seen now is right and is learned.

    Parameters
    ----------
    why
        Kept in the incident's timeline.

    Raises
    ------
    StateError
        If there is no such incident with a cause, or it was closed otherwise.
    """
    ending = Ending.ACCEPTED if accept else Ending.REPAIRED
    before = _numbered(world, process, number)
    if why and before.ending is None:
        world.ledger.note_incident(process, number, f"{ending}, says {who}: {why}", utc_now())
    incident = world.ledger.close_incident(process, number, ending, stop=None, who=who, now=utc_now())
    title = f"{process}: incident {number} is closed as {ending}"
    world.notifier.notify(_ended(incident, title, f"{incident.title}; closed by {who}"))
    learned = before.ending is None and accept and _learn(world, process, incident, who)
    return {"process": process, "incident": number, "ending": str(ending), "learned": bool(learned)}


def listed(incidents: Sequence[Incident]) -> list[dict[str, Any]]:
    """Incidents with a cause for people and JSON, the open ones first."""
    return [
        {
            "id": one.id,
            "cause": one.cause,
            "subject": one.subject,
            "sensor": one.sensor,
            "severity": one.severity,
            "confidence": one.confidence,
            "event": one.event,
            "first": one.first,
            "stop": one.stop,
            "ending": None if one.ending is None else str(one.ending),
            "closed_by": one.closed_by,
            "title": one.title,
            "at": one.at.isoformat(),
            "alerts": sum(str(row["what"]).startswith("alert ") for row in one.record.get("timeline", ())),
            "action": dict(one.action),
            "evidence": dict(one.evidence),
            "runbook": runbook(one.cause),
        }
        for one in sorted(incidents, key=lambda one: (one.ending is not None, one.id))
        if one.cause is not None
    ]


def incident_list(world: World, process: str) -> dict[str, Any]:
    """All incidents: those with a cause, the open ones first, and what the ledger recorded by itself, newest first."""
    world.process(process)
    found = world.ledger.incidents(process)
    others = [
        {"id": one.id, "kind": one.kind, "title": one.title, "at": one.at.isoformat(), "evidence": dict(one.evidence)}
        for one in reversed(found)
        if one.cause is None
    ]
    return {"process": process, "incidents": listed(found), "recorded": others}


def incident(world: World, process: str, number: int) -> dict[str, Any]:
    """One incident in full: what was considered and compared, the alerts in it, and what happened since.

    Raises
    ------
    StateError
        If there is no such incident with a cause.
    """
    found = _numbered(world, process, number)
    told = [
        {
            "id": row.id,
            "kind": row.alert.kind,
            "subject": row.alert.subject,
            "severity": row.alert.severity,
            "title": row.alert.title,
            "at": row.at.isoformat(),
            "cleared_at": None if row.cleared_at is None else row.cleared_at.isoformat(),
        }
        for row in world.ledger.alerts(process)
        if row.incident == number
    ]
    return {**listed([found])[0], "record": dict(found.record), "told": told}


def _numbered(world: World, process: str, number: int) -> Incident:
    found = next((one for one in world.ledger.incidents(process) if one.id == number), None)
    if found is None or found.cause is None:
        known = ", ".join(str(one.id) for one in world.ledger.incidents(process, standing=True)) or "none"
        raise StateError(f"{process}: the number of an incident with a cause expected, found {number}. Open: {known}")
    return found


def _learn(world: World, process: str, incident: Incident, who: str) -> bool:
    """The event is taken up again, unless another one is open: that one learns it too."""
    if incident.event is None or world.ledger.open_event(process) is not None:
        return False
    event = next(one for one in world.ledger.events(process) if one.id == incident.event)
    if event.state is not EventState.INCIDENT:
        return False
    world.ledger.move_event(event.id, EventState.OPEN, outcome=f"accepted by {who}")
    agenda.take_up(world, process, event, f"{incident.subject or incident.cause} as it is now was accepted by {who}")
    return True


def withheld_numbers(world: World, process: str, first: int, stop: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which of the samples numbered first <= number < stop nothing may be learned from, (stop - first,)."""
    incidents = world.ledger.incidents(process)
    return np.array([withheld(incidents, number) for number in range(first, stop)], dtype=np.bool_)
