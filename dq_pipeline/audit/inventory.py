"""What is known of sensors against what messages say and what audits find: changes before a shift, contradictions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from dq_pipeline.audit.finding import Finding
from dq_pipeline.records import SensorFacts

SENT = ("firmware", "serial", "calibration_id", "calibrated")
"""Facts that messages may carry in their metadata: `firmware` of all sensors, `firmware.PS1` of one."""
SHORTLY = 50
"""Samples before a fault among which a change of the sensor's metadata is worth a word."""
_LATE = 5


@dataclass(frozen=True, slots=True)
class Anomaly:
    """Something odd about a sensor that is no reading: `sample` is where, None where it has no place."""

    sensor: str
    kind: Literal["changed", "overdue", "contradiction"]
    text: str
    sample: int | None = None


@dataclass(frozen=True, slots=True)
class Changed:
    """A fact that messages began to tell otherwise with the sample of this number."""

    sensor: str
    fact: str
    before: str
    after: str
    sample: int


def facts_of(stated: Mapping[str, str], noted: Iterable[SensorFacts], sensor: str) -> dict[str, str]:
    """What is known of a sensor: the process file, and what was noted since in the order in which it holds."""
    known = dict(stated)
    for one in sorted((one for one in noted if one.sensor == sensor), key=lambda one: one.since):
        known |= one.facts
    return known


def sent(metadata: Mapping[str, str], sensor: str) -> dict[str, str]:
    """What one message says of a sensor.

    Examples
    --------
    >>> sent({"firmware": "2.0", "firmware.PS1": "2.1", "shift": "night"}, "PS1")
    {'firmware': '2.1'}
    """
    keys = {fact: metadata.get(f"{fact}.{sensor}", metadata.get(fact)) for fact in SENT}
    return {fact: value for fact, value in keys.items() if value is not None}


def changes(metadata: Sequence[Mapping[str, str]], numbers: Sequence[int], sensors: Sequence[str]) -> list[Changed]:
    """Facts that change along samples in stream order."""
    found = []
    for sensor in sensors:
        last: dict[str, str] = {}
        for number, one in zip(numbers, metadata, strict=True):
            for fact, value in sent(one, sensor).items():
                if last.get(fact, value) != value:
                    found.append(Changed(sensor, fact, last[fact], value, number))
                last[fact] = value
    return found


def anomalies(
    known: Mapping[str, Mapping[str, str]],
    newest: Mapping[str, str],
    changed: Sequence[Changed],
    findings: Sequence[Finding],
    starts: Mapping[str, int],
    today: date,
) -> tuple[Anomaly, ...]:
    """What is odd.

    Parameters
    ----------
    known
        Facts by sensor, see :func:`facts_of`.
    newest
        Metadata of the newest sample.
    starts
        Number of the first sample from which a sensor reads otherwise, by sensor.
    """
    found = []
    faulty = {one.sensor: one for one in findings if one.fault != "none"}
    for one in changed:
        start = starts.get(one.sensor)
        if one.sensor in faulty and start is not None and start - SHORTLY <= one.sample <= start + _LATE:
            text = f"{one.fact} went from {one.before} to {one.after} at sample {one.sample}; {faulty[one.sensor].text}"
            found.append(Anomaly(one.sensor, "changed", f"{text} since sample {start}", one.sample))
    for sensor, facts in known.items():
        due = _day(facts.get("calibration_due"))
        if due is not None and due < today:
            found.append(Anomaly(sensor, "overdue", f"calibration was due on {due}"))
        for fact, value in sent(newest, sensor).items():
            if fact in facts and facts[fact] != value:
                text = f"messages say {fact} {value}, the inventory {facts[fact]}"
                found.append(Anomaly(sensor, "contradiction", text))
    return tuple(found)


def _day(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        return None
