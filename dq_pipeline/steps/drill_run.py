"""One drill from its first damaged recording on: micro-batch after micro-batch, and what the platform showed of it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np

from dq_pipeline.ports import World
from dq_pipeline.process import Process
from dq_pipeline.records import DrillRow, Incident, Notice
from dq_pipeline.simulate.perturbations import Perturbation
from dq_pipeline.steps.act import act
from dq_pipeline.steps.assess import assess
from dq_pipeline.steps.clock import as_moment, utc_now
from dq_pipeline.steps.decide import decide
from dq_pipeline.steps.drill_copies import Copies, Damaged, damaged, messages, newest, renamed
from dq_pipeline.steps.pull import pull

HOLDER = "drill"
LOST = 0.5
"""Share of a micro-batch, more than before, that has to be refused to count as noticed by the quality alone."""
Progress = Callable[[int, int, str], None]


@dataclass
class Kept:
    """A notifier that keeps what people would have been told."""

    told: list[Notice] = field(default_factory=list)

    def notify(self, notice: Notice) -> None:
        """Keep it."""
        self.told.append(notice)


@dataclass(frozen=True, slots=True)
class Reached:
    """When something came: damaged samples until then, seconds since the first of them, the moment, and by what."""

    samples: int
    seconds: float
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Course:
    """What became of a drill.

    Attributes
    ----------
    found, named, told
        None: it was not.
    early
        What was found in copies that nothing had been done to; empty: nothing.
    cause, subject, why
        What the platform put the fault down to, in the end.
    """

    found: Reached | None
    named: Reached | None
    told: Reached | None
    early: str
    cause: str
    subject: str
    why: str
    copies: Copies
    struck: int

    @property
    def complete(self) -> bool:
        """Whether nothing is left to wait for."""
        return None not in (self.found, self.named, self.told)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What stands in the copy's ledger, and what was told, at one moment."""

    events: frozenset[int]
    incidents: frozenset[int]
    alerts: frozenset[int]
    notices: int

    @property
    def alarms(self) -> tuple[frozenset[int], ...]:
        """What stands, without what people were told: that an old incident is over is no alarm."""
        return self.events, self.incidents, self.alerts


def run(
    world: World, process: Process, row: DrillRow, one: Perturbation, samples: int, progress: Progress | None
) -> Course:
    """Run a drill in a rehearsal: copies that nothing was done to, then damaged ones, until all is known of them."""
    step = min(max(process.stream.min_samples, 1), samples)
    copies = newest(world, process, step + samples)
    lead = [Damaged(one, one) for one in copies.recordings[:step]]
    struck = damaged(copies.recordings[step:], process, one, row.severity, row.sensor, _seed(row.key))
    kept = Kept()
    with world.rehearsal(process.name, kept) as copy:
        empty = _seen(copy, process.name, kept)
        usual = _turn(copy, process, lead, row.key, 0, copies)
        base, start = _seen(copy, process.name, kept), copy.ledger.sample_count(process.name)
        early = "an undamaged copy raised an alarm" if base.alarms != empty.alarms else ""
        course = Course(None, None, None, early, "", "", "", copies, 0)
        clock = time.perf_counter()
        for first in range(0, samples if not early else 0, step):
            part = struck[first : first + step]
            refused = usual - _turn(copy, process, part, row.key, step + first, copies)
            so_far = _Look(first + len(part), time.perf_counter() - clock, utc_now(), start, refused)
            course = _looked(copy, process.name, kept, base, one, row, course, so_far)
            if progress is not None:
                progress(so_far.struck, samples, "drill")
            if course.complete:
                break
    return course


def as_record(course: Course, one: Perturbation) -> dict[str, Any]:
    """What the ledger keeps of it, ready for JSON."""
    reached = {"found": course.found, "named": course.named, "alerted": course.told}
    return {
        "samples": {name: None if at is None else at.samples for name, at in reached.items()},
        "seconds": {name: None if at is None else round(at.seconds, 3) for name, at in reached.items()},
        "by": {name: None if at is None else at.by for name, at in reached.items()},
        "live_s": {name: _live(at, course.copies) for name, at in reached.items()},
        "expected": [str(cause) for cause in one.causes],
        "cause": course.cause,
        "subject": course.subject,
        "why": course.early or course.why,
        "damaged": course.struck,
        "meaning": one.meaning,
    }


@dataclass(frozen=True, slots=True)
class _Look:
    struck: int
    seconds: float
    at: datetime
    start: int
    refused: float

    def reached(self, by: str, sample: int | None = None) -> Reached:
        """Something came; of the sample numbered so, or with the whole micro-batch."""
        count = self.struck if sample is None else min(max(sample - self.start + 1, 1), self.struck)
        return Reached(count, self.seconds, self.at, by)


def _looked(
    copy: World,
    process: str,
    kept: Kept,
    base: _Seen,
    one: Perturbation,
    row: DrillRow,
    before: Course,
    now: _Look,
) -> Course:
    ledger = copy.ledger
    events = [event for event in ledger.events(process) if event.id not in base.events]
    incidents = [incident for incident in ledger.incidents(process) if incident.id not in base.incidents]
    alerts = [alert for alert in ledger.alerts(process) if alert.id not in base.alerts]
    notices = [notice for notice in kept.told[base.notices :] if notice.severity != "info"]
    found = before.found
    if found is None and events:
        found = now.reached("drift", events[0].sample)
    if found is None and (alerts or incidents):
        found = now.reached(alerts[0].alert.kind if alerts else incidents[0].kind)
    if found is None and now.refused >= LOST:
        found = now.reached("quality")
    told = before.told
    if told is None and notices:
        told = now.reached("notice")
    if told is None and (alerts or events):
        told = now.reached("alert" if alerts else "drift event")
    cause, subject, why = before.cause, before.subject, before.why
    for said in [_of_event(event.evidence.get("cause")) for event in events] + [_of(one) for one in incidents]:
        if said is not None:
            cause, subject, why = said
    named = before.named
    right = cause in [str(name) for name in one.causes] and (one.hits != "one" or subject == row.sensor)
    if named is None and right:
        named = now.reached(cause)
    return Course(found, named if right else None, told, "", cause, subject, why, before.copies, now.struck)


def _of_event(said: Any) -> tuple[str, str, str] | None:
    """Cause and subject that a drift event was put down to."""
    if not isinstance(said, dict) or not said.get("kind"):
        return None
    return str(said["kind"]), str(said.get("subject") or ""), str(said.get("why") or "")


def _of(incident: Incident) -> tuple[str, str, str] | None:
    """Cause and subject of an incident, where it has them."""
    return None if incident.cause is None else (str(incident.cause), incident.subject or "", incident.title)


def _turn(copy: World, process: Process, part: Sequence[Damaged], key: str, first: int, copies: Copies) -> float:
    """One micro-batch, as the deployment runs it; the share of its recordings that was good enough."""
    begin = as_moment(utc_now()) - np.timedelta64(round(copies.after_s * 1e6), "us")
    short = hashlib.sha256(key.encode()).hexdigest()[:8]
    horizons = renamed([one.horizon for one in part], short, first, begin)
    completions = renamed([one.completion for one in part], short, first, begin)
    copy.stream.publish(messages([Damaged(*both) for both in zip(horizons, completions, strict=True)], process))
    accepted = 0
    while (pulled := pull(copy, process.name, holder=HOLDER)) is not None:
        batch = pulled["batch_id"]
        accepted += int(assess(copy, process.name, batch_id=batch, holder=HOLDER)["accepted"])
        act(copy, process.name, batch_id=batch, holder=HOLDER)
        decide(copy, process.name)
    return accepted / len(part)


def _seen(copy: World, process: str, kept: Kept) -> _Seen:
    return _Seen(
        frozenset(event.id for event in copy.ledger.events(process)),
        frozenset(incident.id for incident in copy.ledger.incidents(process)),
        frozenset(alert.id for alert in copy.ledger.alerts(process)),
        len(kept.told),
    )


def _live(reached: Reached | None, copies: Copies) -> float | None:
    """Seconds that as many samples take to come, live."""
    return None if reached is None else round(reached.samples * copies.every_s, 1)


def _seed(key: str) -> int:
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:4])
