"""Drills: a fault injected into a copy of the stream, and whether it is found, named and told of."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

from dq_pipeline.errors import DataError
from dq_pipeline.ports import World
from dq_pipeline.process import Process
from dq_pipeline.records import Alert, Cause, DrillRow, Notice, runbook
from dq_pipeline.simulate.ladders import befalls, perturbation
from dq_pipeline.simulate.perturbations import Perturbation
from dq_pipeline.steps.clock import utc_now
from dq_pipeline.steps.drill_run import Course, Progress, as_record, run
from dq_pipeline.steps.incidents import in_the_way
from dq_pipeline.steps.serving import in_production

RUNBOOK = runbook("drill")
FAILED = ("missed", "misnamed", "unalerted")


def drill(
    world: World,
    process: str,
    *,
    key: str,
    fault: str | None = None,
    severity: float | None = None,
    sensor: str | None = None,
    samples: int | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Inject a fault into a copy of the newest recordings and run the copy through the release in Production.

    Everything runs as it does live, in a copy of the process' ledger that is thrown away: answers, training data,
    incidents and notices of the process itself are not touched. The same key twice is one drill.

    Parameters
    ----------
    fault, severity
        A perturbation, and how hard; by turns those of the process file, each at its medium severity.
    sensor
        Hit where the fault hits one; chosen by the key unless it is given, here or in the process file.
    samples
        Damaged recordings, as many as the process file says by default.

    Returns
    -------
    dict
        See :func:`told`.

    Raises
    ------
    StateError
        If the process has no release yet, or another drill of it is under way.
    DataError
        If fault or sensor is unknown, the fault cannot be so severe or cannot befall the process, or there are too few
        recordings to copy.
    """
    serving, section = in_production(world, process), world.process(process).drill
    past = world.ledger.drills(process)
    one = perturbation(fault or section.faults[len(past) % len(section.faults)])
    hit = _sensor(serving.process, one, sensor or section.sensor, key)
    hard = one.medium if severity is None else one.checked(severity)
    if not befalls(one, serving.process.target.task):
        raise DataError(f"{process}: another fault than {one.name} expected, its target is a class")
    row = world.ledger.begin_drill(DrillRow(0, process, key, one.name, hit, hard, utc_now(), "running"))
    if row.ended_at is not None:
        return told(row)
    one, busy = perturbation(row.fault), _busy(world, process)
    if busy:
        ended = replace(row, verdict="skipped", record={"why": busy})
    else:
        try:
            ended = _judged(row, one, run(world, serving.process, row, one, samples or section.samples, progress))
        except DataError as error:
            world.ledger.end_drill(replace(row, verdict="skipped", record={"why": str(error)}, ended_at=utc_now()))
            raise
    ended = replace(ended, record={**ended.record, "release": serving.version}, ended_at=utc_now())
    world.ledger.end_drill(ended)
    _tell(world, ended)
    return told(ended)


def drills(world: World, process: str) -> list[dict[str, Any]]:
    """All drills, oldest first."""
    return [told(row) for row in world.ledger.drills(process)]


def told(row: DrillRow) -> dict[str, Any]:
    """A drill as JSON has it."""
    moments = ("began_at", "found_at", "named_at", "alerted_at", "ended_at")
    return {
        **{name: getattr(row, name) for name in ("process", "key", "fault", "sensor", "severity", "verdict")},
        **{name: None if (at := getattr(row, name)) is None else at.isoformat() for name in moments},
        **row.record,
    }


def _judged(row: DrillRow, one: Perturbation, course: Course) -> DrillRow:
    if course.early:
        verdict = "inconclusive"
    elif course.found is None:
        verdict = "missed"
    elif course.named is None:
        verdict = "undetermined" if course.cause == Cause.UNDETERMINED else "misnamed"
    else:
        verdict = "unalerted" if course.told is None else "passed"
    return replace(
        row,
        verdict=verdict,  # type: ignore[arg-type]
        found_at=None if course.found is None else course.found.at,
        named_at=None if course.named is None else course.named.at,
        alerted_at=None if course.told is None else course.told.at,
        record=as_record(course, one),
    )


def _sensor(process: Process, one: Perturbation, wanted: str | None, key: str) -> str:
    if wanted is not None and wanted not in process.measured:
        raise DataError(f"Unknown sensor {wanted!r}. In {process.name}: {', '.join(process.measured)}.")
    if one.hits != "one":
        return ""
    place = int.from_bytes(hashlib.sha256(key.encode()).digest()[4:8])
    return wanted or process.measured[place % len(process.measured)]


def _busy(world: World, process: str) -> str:
    """Why a drill would tell nothing now; empty where it would."""
    if world.ledger.hold(process) is not None:
        return "adaptation is on hold since a rollback"
    event = world.ledger.open_event(process)
    if event is not None:
        return f"drift event {event.id} is open"
    standing = in_the_way(world.ledger.incidents(process, standing=True))
    open_now = ", ".join(f"{one.id} ({one.title})" for one in standing)
    return f"incident {open_now} is open" if open_now else ""


def _tell(world: World, row: DrillRow) -> None:
    """A drill that failed is an alert until one of the same fault passes."""
    key = f"drill:{row.fault}"
    if row.verdict in ("passed", "undetermined"):
        world.ledger.clear_alert(row.process, key, utc_now())
    if row.verdict not in FAILED:
        return
    what = f"{row.fault} on {row.sensor}" if row.sensor else row.fault
    title = f"{row.process}: drill {row.verdict}: {what} at severity {row.severity:g}"
    said = f"put down to {row.record['cause'] or 'nothing'} {row.record['subject']}".strip()
    detail = f"{row.record['damaged']} damaged recordings; expected {' or '.join(row.record['expected'])}, {said}"
    alert = Alert("drill", key, "warning", title, row.sensor, evidence={"drill": row.key, **row.record})
    if world.ledger.raise_alert(row.process, alert, utc_now()):
        told = Notice(row.process, "warning", title, detail, runbook=RUNBOOK, kind="drill", subject=row.fault)
        world.notifier.notify(replace(told, key=f"drill:{row.key}"))
