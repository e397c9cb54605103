"""Monitors at work: after every micro-batch the samples that came are held against those before them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from dq_pipeline.ports import World
from dq_pipeline.records import Alert, AlertRow, Ending, Incident, runbook
from dq_pipeline.steps.clock import utc_now
from dq_pipeline.steps.delivered import Carried, shown
from dq_pipeline.steps.serving import Serving
from dq_pipeline.triage import monitors
from dq_pipeline.triage.folding import MONITOR
from dq_pipeline.triage.monitors import Raised
from dq_pipeline.triage.verdict import Verdict

FACT = "monitors"
"""The ledger's fact that holds what is carried on."""
KEEP = 100
"""Samples after which it is written where nothing happened; what came since is shown again, with the same result."""
BACK = 300
"""Samples that are taken up where nothing is carried on yet."""
QUIET = 100
"""Samples after an alarm without another one from which all is as before; as many are asked about for their cause."""
_TITLES = {
    "error": "the error of release {release} changed",
    "lost_rows": "more rows are lost",
    "late_rows": "more rows come after younger ones",
    "not_come": "more samples do not come",
    "late_samples": "samples come later",
    "lost_readings": "more readings of a sensor do not come",
    "unlabelled": "more samples stay without a label",
}


def watch(world: World, serving: Serving) -> list[str]:
    """Show the monitors what came since the last time, raise what they find, and clear what is over.

    Of the same kind one alert stands at a time. A run that dies before the end is repeated as it was.

    Returns
    -------
    list of str
        Keys of the alerts raised.
    """
    name, ledger = serving.process.name, world.ledger
    fact = ledger.fact(name, FACT)
    before = Carried.from_json(fact) if fact else _begun(max(ledger.sample_count(name) - BACK, 0))
    rows = ledger.delivered(name, before.labels)
    if not rows and not before.alerts:
        return []
    incidents = ledger.incidents(name)
    # those of a run that died before it could write are found again, under the same keys
    open_now = ledger.alerts(name, standing=True) if before.alerts else ()
    standing = [row for row in open_now if row.alert.kind == MONITOR]
    carried = _heeded(before.of(serving.version), incidents, standing)
    now, carried = shown(serving, carried, rows, incidents)
    forward = None if carried.own or serving.bundle.forward_errors is None else serving.bundle.forward_errors.error
    unusual = {row.alert.subject for row in standing}
    held, found = monitors.watch(carried.held, now, errors=forward, unusual=unusual)
    newest = {**carried.newest, **{one.kind: one.sample for one in found}}
    kept = _cleared(world, serving, standing, incidents, newest, carried.came)
    raised = _raised(world, serving, found, kept)
    alerts = {**{row.alert.key: row.alert.subject for row in kept}, **raised}
    after = replace(carried, held=held, newest=newest, alerts=alerts)
    if fact is None or found or _told(after) != _told(before) or after.came - before.came >= KEEP:
        ledger.change_fact(name, FACT, lambda known: after.to_json() if known == fact else None, utc_now())
    return list(raised)


def let_go(world: World, process: str, alerts: Sequence[AlertRow], verdict: Verdict) -> list[AlertRow]:
    """Nothing was found behind these alerts: a monitor's waits for more samples, then it is closed; others are left."""
    count = world.ledger.sample_count(process)
    for row in alerts:
        if row.alert.kind == MONITOR and count - int(row.alert.evidence["sample"]) > QUIET:
            why = verdict.waiting or verdict.decided_by
            world.ledger.clear_alert(process, row.alert.key, utc_now(), found={"found": f"nothing: {why}"})
    return [row for row in alerts if row.alert.kind != MONITOR]


def _told(carried: Carried) -> tuple[Any, ...]:
    """What is not found again from the samples."""
    return carried.release, dict(carried.alerts), carried.incidents, carried.own


def _begun(first: int) -> Carried:
    return Carried(first, first)


def _heeded(carried: Carried, incidents: Sequence[Incident], standing: Sequence[AlertRow]) -> Carried:
    """What was found about the alarms since the last time.

    An incident that is over leaves nothing to hold against what follows. What a person accepted, and an alarm that
    nothing explained for so long, is how things are from now on.
    """
    open_now = tuple(one.id for one in incidents if one.ending is None)
    ended = [one for one in incidents if one.id in carried.incidents and one.id not in open_now]
    there = {row.alert.key for row in standing}
    usual = {kind for key, kind in carried.alerts.items() if key not in there}
    if any(one.ending is Ending.ACCEPTED for one in ended):
        usual = set(_TITLES)
    found = replace(carried, incidents=open_now).relearned(usual)
    return replace(found, held=found.held.restarted()) if ended else found


def _cleared(
    world: World,
    serving: Serving,
    standing: Sequence[AlertRow],
    incidents: Sequence[Incident],
    newest: Mapping[str, int],
    count: int,
) -> list[AlertRow]:
    """Clear the alerts that are over; those that still stand."""
    open_now = {one.id: one for one in incidents if one.ending is None}
    kept = []
    for row in standing:
        incident = None if row.incident is None else open_now.get(row.incident)
        after = count - max(newest.get(row.alert.subject, -1), int(row.alert.evidence["sample"]))
        if row.incident is not None and incident is None:
            why = f"incident {row.incident} is over"
        elif row.alert.subject == monitors.ERROR and row.alert.evidence.get("release") != serving.version:
            why = f"release {serving.version} answers now"
        elif incident is not None and not incident.lasts and after > QUIET:
            why = f"{after} samples without another alarm"
        else:
            kept.append(row)
            continue
        world.ledger.clear_alert(serving.process.name, row.alert.key, utc_now(), found={"cleared": why})
    return kept


def _raised(world: World, serving: Serving, found: Sequence[Raised], kept: Sequence[AlertRow]) -> dict[str, str]:
    """Raise an alert of each kind that none stands of; keys and kinds."""
    there, raised = {row.alert.subject for row in kept}, {}
    for one in found:
        if one.kind not in there:
            alert = _alert(serving, one)
            world.ledger.raise_alert(serving.process.name, alert, utc_now())
            raised[alert.key] = one.kind
            there.add(one.kind)
    return raised


def _alert(serving: Serving, one: Raised) -> Alert:
    name, version = serving.process.name, serving.version
    evidence: dict[str, Any] = {
        "release": version,
        "sample": one.sample,
        "samples": [one.begin, one.sample + 1],
        "statistic": round(one.statistic, 3),
        "threshold": round(one.threshold, 3),
        "runbook": runbook(MONITOR),
    }
    title = f"{name}: {_TITLES.get(one.kind, one.kind).format(release=version)} since sample {one.begin}"
    key = f"{MONITOR}:{one.kind}:{version}:{one.sample}"
    return Alert(MONITOR, key, "warning", title, one.kind, one.begin, evidence)
