"""A case for triage, filled from the ledger and the lake; what it holds is bounded."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dq_pipeline.drift.regimes import MOST_SAMPLES
from dq_pipeline.ports import World
from dq_pipeline.records import AlertRow, DriftEvent, Incident
from dq_pipeline.samples import turned_back
from dq_pipeline.steps import regimes
from dq_pipeline.steps.cadence import not_come
from dq_pipeline.steps.serving import Serving, successions
from dq_pipeline.steps.stretch import known_before, recorded, stretch, withheld
from dq_pipeline.triage import folding
from dq_pipeline.triage.case import Case, Floats, Stretch

LEAD = 20
"""Samples before the suspected change among which it may have begun."""
FURTHEST = 100
"""A change point further before the alarm is not believed: that drift is gradual."""
MOST_SINCE, MOST_LOOKED = 60, 200
"""Samples looked at after a change point, and where only an alert says that something is wrong."""
LOOK_BACK = 600
"""What was done on purpose within so many samples is told."""


@dataclass(frozen=True, slots=True)
class Question:
    """What made somebody ask: a drift event, alerts, or both.

    Attributes
    ----------
    begin
        Number of the first sample that is thought to be changed.
    stop
        Samples numbered below this are looked at.
    """

    process: str
    begin: int
    stop: int
    event: DriftEvent | None
    alerts: tuple[AlertRow, ...] = ()

    @classmethod
    def of(cls, process: str, event: DriftEvent | None, alerts: Sequence[AlertRow], count: int) -> Question:
        """Where to look: around an event's change point, else over what the alerts speak of."""
        if event is not None:
            begin = int(np.clip(event.change_point, max(event.sample - FURTHEST, 0), event.sample))
            return cls(process, begin, begin + MOST_SINCE, event, tuple(alerts))
        said = [row.alert.sample for row in alerts if row.alert.sample is not None]
        begin = max(min(said, default=count - MOST_SINCE), count - MOST_LOOKED, 0)
        return cls(process, begin, count, None, tuple(alerts))


def case_of(world: World, serving: Serving, asked: Question) -> Case | None:
    """Everything measured around a suspected change; None while the lake holds too little to compare.

    Samples that an incident that is over withholds are left out; a sensor that is known to be at fault is shown as it
    should read.
    """
    process, first = serving.process, max(asked.begin - LEAD, 0)
    incidents = world.ledger.incidents(process.name)
    ended = [one for one in incidents if one.ending is not None]
    around = recorded(world, serving, first, asked.stop)
    if around is not None:
        around = around.take(np.array([not withheld(ended, n) for n in around.number.tolist()], dtype=np.bool_))
    before = known_before(world, serving, first)
    if around is None or before is None or not len(around) or not len(before):
        return None
    previous = serving.previous(world)
    beside = () if previous is None else (previous,)
    since = stretch(world, serving, around, beside)
    ill = [one for one in incidents if one.ending is None and one.sensor]
    return Case(
        process=process,
        before=stretch(world, serving, before, beside),
        since=replace(since, values=_as_it_should_read(since, process.sensor_names, ill)),
        begin=int(np.searchsorted(around.number, asked.begin)),
        alerts=tuple(_told(row) for row in asked.alerts),
        changes=_changes(world, process.name, first - LOOK_BACK),
        missing=_missing(world, process.name, first) | not_come(before, around),
        parity=_parity(asked.alerts),
        regimes=_regimes(world, serving, asked.event),
    )


def _told(row: AlertRow) -> dict[str, Any]:
    """An alert as causes are ranked by it: a monitor's is of the kind of what it watches."""
    alert = row.alert
    kind, subject = (alert.subject, "") if alert.kind == folding.MONITOR else (alert.kind, alert.subject)
    return {"kind": kind, "subject": subject, "sample": alert.sample, "evidence": dict(alert.evidence)}


def _as_it_should_read(since: Stretch, names: Sequence[str], ill: Collection[Incident]) -> Floats:
    values = since.values
    for one in ill:
        if one.sensor not in names:
            continue
        gain, offset = float(one.evidence.get("gain", 1.0)), float(one.evidence.get("offset", 0.0))
        j, faulty = names.index(one.sensor), np.array([one.withholds(n) for n in since.number.tolist()], dtype=np.bool_)
        values = values.copy()
        values[faulty, :, j] = turned_back(values[faulty, :, j], gain, offset)
    return values


def _changes(world: World, process: str, first: int) -> tuple[Mapping[str, Any], ...]:
    settings = {row.version: row.settings_hash for row in world.ledger.releases(process)}
    found: list[Mapping[str, Any]] = []
    for change in successions(world, process):
        if change.sample < first:
            continue
        row = {"sample": change.sample, "version": change.version, "detail": f"{change.version}: {change.why}"}
        found.append({"kind": change.action, **row})
        if change.previous is not None and settings.get(change.previous) != settings.get(change.version):
            found.append({"kind": "settings", **row})
    return tuple(found)


def _missing(world: World, process: str, first: int) -> dict[str, int]:
    """Messages refused since the first of these samples came, by reason, beyond what was usual before."""
    batches = world.ledger.committed(process, first_sample=max(first, 1))
    earlier = world.ledger.committed(process, first_sample=max(first - LOOK_BACK, 1))
    if not batches or not earlier:
        return {}
    now, ever = (world.ledger.refused(process, rows[0].sequence) for rows in (batches, earlier))
    here, all_ = (sum(row.samples for row in rows) for rows in (batches, earlier))
    share = here / max(all_ - here, 1)
    beyond = {reason: round(count - share * (ever.get(reason, 0) - count)) for reason, count in now.items()}
    return {reason: count for reason, count in beyond.items() if count > 0}


def _parity(alerts: Sequence[AlertRow]) -> dict[str, Sequence[str]]:
    told = [row.alert for row in alerts if row.alert.kind == "parity"]
    return {alert.subject: tuple(alert.evidence.get("steps", ())) for alert in told}


def _regimes(world: World, serving: Serving, event: DriftEvent | None) -> dict[str, Floats]:
    """Mean levels of past regimes, of their newest samples."""
    if event is None or not serving.process.drift.regimes:
        return {}
    return regimes.levels(world, serving, most=MOST_SAMPLES)
