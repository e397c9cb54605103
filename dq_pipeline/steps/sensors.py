"""The inventory of a process' sensors, and adding to it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from dq_pipeline.audit.inventory import facts_of
from dq_pipeline.errors import StateError
from dq_pipeline.ports import World
from dq_pipeline.sections.arrival import INVENTORY
from dq_pipeline.steps.clock import utc_now

FACTS = (*INVENTORY, "reference", "note")
"""What can be noted of a sensor."""
_DAYS = ("installed", "calibrated", "calibration_due")
_LONGEST = 200


def sensors(world: World, process: str) -> list[dict[str, Any]]:
    """Every sensor with what is known of it, what the newest audit said, and how it is corrected now."""
    found, noted = world.process(process), world.ledger.inventory(process)
    audited = {one.sensor: one for one in world.ledger.audits(process, last=1)}
    corrected = {one.sensor: one for one in world.ledger.corrections(process) if one.until is None}
    rows = []
    for name in found.measured:
        sensor, said, correction = found.sensors[name], audited.get(name), corrected.get(name)
        rows.append(
            {
                "sensor": name,
                "unit": sensor.unit,
                "range": list(sensor.range),
                "trusted": sensor.trusted,
                "facts": facts_of(sensor.facts, noted, name),
                "history": [
                    {"facts": dict(one.facts), "since": one.since, "who": one.who, "why": one.why}
                    for one in noted
                    if one.sensor == name
                ],
                "audit": None
                if said is None
                else {
                    "verdict": said.verdict,
                    "text": said.evidence.get("text"),
                    "determined": said.evidence.get("determined"),
                    "anomalies": said.evidence.get("anomalies", []),
                    "first": said.first,
                    "stop": said.stop,
                    "at": said.at,
                },
                "correction": None
                if correction is None
                else {"gain": correction.gain, "offset": correction.offset, "why": correction.why, "at": correction.at},
            }
        )
    return rows


def note_sensor(
    world: World,
    process: str,
    sensor: str,
    facts: Mapping[str, str],
    *,
    who: str,
    why: str,
    since: datetime | None = None,
) -> dict[str, Any]:
    """Add facts of a sensor that hold from `since` on, by default from now.

    Raises
    ------
    StateError
        If the process has no such sensor, or a fact is none.
    """
    names = world.process(process).measured
    if sensor not in names:
        raise StateError(f"{process}: one of the sensors {', '.join(names)} expected, found {sensor!r}")
    problems = [problem for name, value in facts.items() if (problem := _problem(name, value))]
    if problems or not facts:
        raise StateError(f"{process}: {'; '.join(problems) or 'facts as firmware=2.1 expected, found none'}")
    now = utc_now()
    world.ledger.note_sensor(process, sensor, facts, since or now, who, why, now)
    return {"process": process, "sensor": sensor, "facts": dict(facts), "since": since or now}


def _problem(name: str, value: str) -> str:
    if name not in FACTS:
        return f"{name}: one of {', '.join(FACTS)} expected"
    if not 0 < len(value) <= _LONGEST:
        return f"{name}: 1 to {_LONGEST} characters expected, found {len(value)}"
    if name in _DAYS:
        try:
            date.fromisoformat(value)
        except ValueError:
            return f"{name}: a day such as 2026-05-01 expected, found {value!r}"
    return ""
