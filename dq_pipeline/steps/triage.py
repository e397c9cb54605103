"""Triage at work: what is open and unexplained is put down to a cause, in one incident each, and something is done.

An alert that an open incident explains is folded into it. Alerts that name their cause open its incident. A drift event
and what is left of the alerts make a case, which is ranked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from dq_pipeline.ports import World
from dq_pipeline.records import WITHHELD, AlertRow, Cause, Diagnosis, DriftEvent, Ending, EventState, Incident, Severity
from dq_pipeline.steps import agenda, incidents, monitors, remedies
from dq_pipeline.steps.case import MOST_SINCE, Question, case_of
from dq_pipeline.steps.clock import utc_now
from dq_pipeline.steps.pull import announce
from dq_pipeline.steps.recovery import LOOK_BACK
from dq_pipeline.steps.remedies import Remedy
from dq_pipeline.steps.serving import Serving, in_production
from dq_pipeline.triage import folding
from dq_pipeline.triage.rank import LEAST_BEFORE, rank
from dq_pipeline.triage.truth import heed_target
from dq_pipeline.triage.verdict import Hypothesis, Verdict

DRILL = "drill"
"""Kind of the alerts that say that a drill failed."""
MOST_WAIT = 100
"""Samples after which a question that still waits for something is answered as undetermined."""
DOUBTFUL = 0.5
"""A verdict of less confidence, on a change that a known incident would explain, is that incident."""
SEVERITY: Mapping[Cause, Severity] = {
    Cause.CALIBRATION: "critical",
    Cause.DEAD_SENSOR: "critical",
    Cause.MODEL_REGRESSION: "critical",
    Cause.OPERATING_MODE: "info",
    Cause.PROCESS_DRIFT: "info",
}
"""Of the incidents of a cause; the others are warnings."""


def triage(world: World, process: str) -> dict[str, Any]:
    """Put what is open and unexplained down to causes, close what is well again, and say what is to be done.

    A rollback that comes of it is done by the next `decide`, or by whoever asked: `branch` is "roll_back" then.

    Returns
    -------
    dict
        `incidents`, those open with a cause; `branch`, "nothing" or "roll_back" with `version`; `why`.
    """
    serving = in_production(world, process)
    incidents.look_after(world, serving)
    waits = judge(world, serving)
    standing = list(world.ledger.incidents(process, standing=True))
    asked = remedies.pending(world, serving, standing)
    announce(world, process)
    found = asked or {"branch": "nothing", "version": None, "why": waits or incidents.forbids(world, process, standing)}
    return {"process": process, "incidents": incidents.listed(standing), **found}


def regressed(world: World, serving: Serving, replaced: str, why: str) -> None:
    """A release on probation is worse than the one it replaced: say so, once; `decide` rolls it back."""
    first = next((c.sample for c in reversed(world.ledger.changes(serving.process.name)) if c.action == "promote"), 0)
    found = Hypothesis(Cause.MODEL_REGRESSION, serving.version, 1.0, why, first)
    remedy = Remedy("roll_back", f"release {replaced} did better on the same samples", True, {"version": replaced})
    verdict = Verdict((found,), decided_by="the probation: both releases on the same samples")
    _open(world, serving, verdict, found, remedy, None, ())


def judge(world: World, serving: Serving) -> str:
    """Explain the open drift event and every alert in no incident yet; why nothing may adapt to the event."""
    name = serving.process.name
    event = _unexplained(world, name)
    alerts = world.ledger.alerts(name, standing=True, unfolded=True)
    alerts = [row for row in alerts if row.alert.kind != DRILL]  # of the platform, not of the process
    if event is None and not alerts:
        return ""
    unknown = _folded(world, name, alerts)
    left = _named(world, serving, unknown)
    if len(left) < len(unknown):  # what was opened may explain others
        left = _folded(world, name, left)
    if event is None and not left:
        return ""
    asked = Question.of(name, event, left, world.ledger.sample_count(name))
    case = case_of(world, serving, asked)
    verdict = Verdict(decided_by="too few samples in the lake")
    if case is not None:
        verdict = heed_target(case, _due(world, serving, rank(case)))
    if verdict.waiting and case is not None and len(case.before) >= LEAST_BEFORE and _young(world, asked):
        return "" if event is None else f"event {event.id} waits for its cause: {verdict.waiting}"
    if event is None and verdict.first is None:
        left = monitors.let_go(world, name, left, verdict)
        if not left:
            return ""
    likeliest = verdict.first if event is not None else _explaining(verdict, left)
    found = likeliest or _undetermined(verdict, asked)
    if event is not None:
        known = _known(world, event)
        if known is not None and (verdict.first is None or found.confidence < DOUBTFUL):
            return _joined(world, event, known, found)
    first = None if _absent(found) else found.onset if found.onset is not None else asked.begin
    remedy = remedies.choose(world, serving, found, case, event=event is not None, first=first)
    own = [row for row in left if folding.explains(found.cause, found.subject, first, None, row.alert)]
    own = own or (list(left) if event is None else [])
    incident = _open(world, serving, verdict, found, remedy, event, own, first=first)
    if event is None or found.cause not in WITHHELD or first is None:
        return ""
    agenda.drop_event(world, name)
    return f"incident {incident.id}: {incident.title}"


def _explaining(verdict: Verdict, alerts: Sequence[AlertRow]) -> Hypothesis | None:
    """The likeliest cause that explains one of the alerts; the likeliest of all where none does."""
    for one in verdict.hypotheses:
        if any(folding.explains(one.cause, one.subject, one.onset, None, row.alert) for row in alerts):
            return one
    return verdict.first


def _unexplained(world: World, process: str) -> DriftEvent | None:
    event = world.ledger.open_event(process)
    return event if event is not None and event.unexplained else None


def _young(world: World, asked: Question) -> bool:
    """Whether what a question waits for may still come."""
    at = asked.begin if asked.event is None else asked.event.sample
    return world.ledger.sample_count(asked.process) - at < MOST_WAIT


def _due(world: World, serving: Serving, verdict: Verdict) -> Verdict:
    """The verdict without labels that are missed, where labels always come later than the samples looked at."""
    if serving.process.target.from_ != "labels" or not any(one.cause is Cause.LABELS for one in verdict.hypotheses):
        return verdict
    lag = world.ledger.label_state(serving.process.name)["lag_samples"]
    late = lag is None or lag["p95"] > MOST_SINCE // 2
    kept = [one for one in verdict.hypotheses if not (late and _absent(one))]
    decided_by = verdict.decided_by if kept and kept[0] is verdict.first else "what is left without labels to come"
    return replace(verdict, hypotheses=tuple(kept), decided_by=decided_by)


def _absent(found: Hypothesis) -> bool:
    """Labels are missing, which spoils nothing that was read: nothing is withheld for it."""
    return found.cause is Cause.LABELS and not found.figures


def _folded(world: World, process: str, alerts: Sequence[AlertRow]) -> list[AlertRow]:
    """Put alerts into the open incidents that explain them; those that none does are left."""
    standing = world.ledger.incidents(process, standing=True) if alerts else ()
    left = []
    for row in alerts:
        known = folding.explaining(standing, row.alert)
        if known is None:
            left.append(row)
        else:
            _join(world, known, alerts=(row.id,))
    return left


def _named(world: World, serving: Serving, alerts: Sequence[AlertRow]) -> list[AlertRow]:
    """Open the incidents of alerts that name their cause; the others are left."""
    left = []
    for row in alerts:
        cause, alert = folding.NAMED.get(row.alert.kind), row.alert
        if cause is None:
            left.append(row)
            continue
        of_release = cause is Cause.MODEL_REGRESSION
        subject = (alert.subject or serving.version) if of_release or cause is Cause.LABELS else ""
        why = alert.title if alert.kind != "parity" else _of_parity(alert.evidence)
        found = Hypothesis(cause, subject, 1.0, why, alert.sample or 0, dict(alert.evidence))
        first = alert.sample if cause in (Cause.LABELS, Cause.MODEL_REGRESSION) else None
        case = None
        if of_release and subject == serving.version:
            case = case_of(
                world,
                serving,
                Question.of(serving.process.name, None, (row,), world.ledger.sample_count(serving.process.name)),
            )
        remedy = remedies.choose(world, serving, found, case, event=False, first=first)
        if alert.kind == "stuck_scores":
            remedy = Remedy("none", "the scorer is refitted, not the model rolled back: see its runbook")
        verdict = Verdict((found,), decided_by=f"the alert itself: {alert.kind}")
        _open(world, serving, verdict, found, remedy, None, (row,), first=first)
    return left


def _of_parity(evidence: Mapping[str, Any]) -> str:
    steps = ", ".join(map(str, evidence.get("steps", ())))
    return f"step {evidence.get('first', steps)} gives other numbers than when the release was made (all: {steps})"


def _undetermined(verdict: Verdict, asked: Question) -> Hypothesis:
    why = verdict.waiting or verdict.decided_by or "nothing that was measured tells the causes apart"
    return Hypothesis(Cause.UNDETERMINED, "", 0.0, why, asked.begin)


def _known(world: World, event: DriftEvent) -> Incident | None:
    """The incident of a sensor that was at fault, or well again, by the sample that raised the event."""
    of_sensors = [one for one in world.ledger.incidents(event.process) if one.sensor]
    ended = (Ending.RECOVERED, Ending.REPAIRED)
    found = [one for one in of_sensors if one.lasts]
    found += [
        one
        for one in of_sensors
        if one.ending in ended and (one.stop or 0) - LOOK_BACK <= event.sample < (one.until or 0)
    ]
    return found[-1] if found else None


def _joined(world: World, event: DriftEvent, known: Incident, found: Hypothesis) -> str:
    """No other sensor moved: what is known already explains the event."""
    explanation = _explanation(found)
    if known.ending is None:
        _join(world, known, events=(event.id,), explanation=explanation)
    else:
        world.ledger.explain_event(event.id, explanation)
        world.ledger.move_event(event.id, EventState.INCIDENT, outcome=f"joins incident {known.id}: {known.title}")
    agenda.drop_event(world, event.process)
    return f"event {event.id} joins incident {known.id}"


def _join(world: World, known: Incident, **more: Any) -> None:
    assert known.cause is not None  # only those with a cause are asked
    over = known.cause in WITHHELD
    into = Diagnosis(known.cause, known.subject or "", known.severity or "warning", 0.0, known.title, over=over, **more)
    world.ledger.open_incident(known.process, into, utc_now())


def _open(
    world: World,
    serving: Serving,
    verdict: Verdict,
    found: Hypothesis,
    remedy: Remedy,
    event: DriftEvent | None,
    alerts: Sequence[AlertRow],
    *,
    first: int | None = None,
) -> Incident:
    """One incident for what was found, told once."""
    name = serving.process.name
    sensor = found.subject if found.subject in serving.process.sensors and found.cause in folding.SENSOR else None
    others = [f"{one.cause} {one.subject} ({one.confidence:.0%})".replace("  ", " ") for one in verdict.hypotheses[1:4]]
    evidence = {
        **({"sensor": sensor, "unit": serving.process.sensors[sensor].unit} if sensor else {}),
        "why": found.why,
        **{key: value for key, value in found.figures.items() if isinstance(value, str | int | float)},
        "confidence": round(found.confidence, 3),
        **({"or": ", ".join(others)} if others else {}),
        **({"first sample": first} if first is not None else {}),
        "found at sample": world.ledger.sample_count(name),
        "what is done": remedy.detail,
        "commands": f"`dq incidents {name}` lists and ends it",
    }
    record = {
        "hypotheses": [asdict(one) for one in verdict.hypotheses],
        "slices": [dict(one) for one in verdict.slices],
        "decided_by": verdict.decided_by,
        "action": remedy.to_json(),
    }
    diagnosis = Diagnosis(
        cause=found.cause,
        subject=found.subject,
        severity=SEVERITY.get(found.cause, "warning"),
        confidence=found.confidence,
        title=f"{name}: {_title(found, sensor, first)}",
        evidence=evidence,
        record=record,
        first=first,
        sensor=sensor,
        events=() if event is None else (event.id,),
        alerts=tuple(row.id for row in alerts),
        explanation=_explanation(found),
        over=found.cause in WITHHELD and first is not None,
    )
    incident = world.ledger.open_incident(name, diagnosis, utc_now())
    announce(world, name)
    return incident


def _title(found: Hypothesis, sensor: str | None, first: int | None) -> str:
    since = "" if first is None else f" since sample {first}"
    if sensor is not None:
        return f"sensor {sensor} is at fault{since}: {found.figures.get('explanation', found.why)}"
    about = f" of {found.subject}" if found.subject else ""
    return f"{str(found.cause).replace('_', ' ')}{about}{since}: {found.why}"


def _explanation(found: Hypothesis) -> dict[str, Any]:
    """What is kept with a drift event."""
    plain = asdict(replace(found, figures={}))
    sensor = found.subject if found.cause in folding.SENSOR else ""
    return {"kind": found.cause, "sensor": sensor, **plain, **found.figures}
