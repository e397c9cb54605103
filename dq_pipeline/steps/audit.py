"""Audit a process' sensors: the newest samples, as they were read, against the reference of its release."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.audit import Finding, examine
from dq_pipeline.audit.inventory import SHORTLY, Anomaly, anomalies, changes, facts_of
from dq_pipeline.drift.cause import LEAST_AFTER, LEAST_BEFORE
from dq_pipeline.ports import World
from dq_pipeline.records import Alert, Audited, runbook
from dq_pipeline.samples import SampleBatch
from dq_pipeline.steps.clock import utc_now
from dq_pipeline.steps.serving import Serving, in_production
from dq_pipeline.steps.stretch import known_before, recorded

RUNBOOK = runbook("calibration")
CERTAIN = frozenset({"none", "undetermined"})
"""Verdicts that raise no alert."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What an audit found over the samples numbered first <= number < stop; `numbers` are theirs."""

    findings: tuple[Finding, ...]
    anomalies: tuple[Anomaly, ...]
    numbers: NDArray[np.int64]
    known: int

    @property
    def enough(self) -> bool:
        """Whether there was enough to say that a sensor is well."""
        return len(self.numbers) >= LEAST_AFTER and self.known >= LEAST_BEFORE

    def start(self, finding: Finding) -> int | None:
        """Number of the sample from which a sensor reads otherwise."""
        return int(self.numbers[finding.first]) if len(self.numbers) else None


def audit(world: World, process: str, *, window: int | None = None) -> dict[str, Any]:
    """Audit every sensor over the newest samples; keep it in the ledger, raise and clear alerts.

    Readings are taken as they came: a correction hides nothing. The same samples twice are one audit.

    Parameters
    ----------
    window
        Newest samples; `audit.window` of the process file without.

    Raises
    ------
    StateError
        If there is no release in Production.
    """
    serving = in_production(world, process)
    seen = world.ledger.sample_count(process)
    first = max(seen - (window or world.process(process).audit.window), serving.bundle.stream_starts_at, 0)
    looked = look(world, serving, first, seen)
    now = utc_now()
    rows = [_row(serving, looked, one, first, seen) for one in looked.findings] if seen > first else []
    world.ledger.add_audits(process, rows, now)
    raised, cleared = [], []
    for one in looked.findings:
        if one.fault not in CERTAIN and world.ledger.raise_alert(process, _alert(process, looked, one, first), now):
            raised.append(one.sensor)
        elif one.fault == "none" and looked.enough and world.ledger.clear_alert(process, f"audit:{one.sensor}", now):
            cleared.append(one.sensor)
    return {
        "process": process,
        "release": serving.version,
        "first": first,
        "stop": seen,
        "before": looked.known,
        "findings": [{**asdict(one), "start": looked.start(one)} for one in looked.findings],
        "anomalies": [asdict(one) for one in looked.anomalies],
        "faults": sum(one.fault not in CERTAIN for one in looked.findings),
        "undetermined": sum(one.fault == "undetermined" for one in looked.findings),
        "raised": raised,
        "cleared": cleared,
    }


def look(world: World, serving: Serving, first: int, stop: int) -> Looked:
    """Audit the samples numbered first <= number < stop against the release's reference; changes nothing."""
    process = serving.process
    known = known_before(world, serving, min(serving.bundle.stream_starts_at, first))
    found = recorded(world, serving, max(first - SHORTLY, 0), stop, raw=True)
    nothing = np.empty((0, process.sample.profile_rows, len(process.sensor_names)))
    before, before_target = (nothing, np.empty(0)) if known is None else (known.values, known.batch.target)
    earlier, numbers = (None, np.empty(0, np.int64)) if found is None else (found.batch, found.number)
    newest = numbers >= first
    after = None if found is None else found.take(newest)
    columns = [j for j, name in enumerate(process.sensor_names) if name in process.measured]
    names = [process.sensor_names[j] for j in columns]
    sensors = [process.sensors[name] for name in names]
    values = np.empty((0, *before.shape[1:])) if after is None else after.values
    findings = examine(
        before[:, :, columns],
        values[:, :, columns],
        names,
        [one.unit for one in sensors],
        {name: one.trusted for name, one in zip(names, sensors, strict=True) if one.trusted in names},
        [one.range for one in sensors],
        (before_target, np.empty(0) if after is None else after.batch.target),
    )
    looked = Looked(findings, (), numbers[newest], len(before))
    return Looked(findings, _odd(world, process.name, names, earlier, numbers, looked), looked.numbers, len(before))


def _odd(
    world: World,
    process: str,
    names: list[str],
    batch: SampleBatch | None,
    numbers: NDArray[np.int64],
    looked: Looked,
) -> tuple[Anomaly, ...]:
    noted, stated = world.ledger.inventory(process), world.process(process).sensors
    known = {name: facts_of(stated[name].facts if name in stated else {}, noted, name) for name in names}
    metadata = () if batch is None else batch.metadata
    starts = {one.sensor: start for one in looked.findings if (start := looked.start(one)) is not None}
    changed = changes(metadata, numbers.tolist(), names)
    newest = metadata[-1] if metadata else {}
    return anomalies(known, newest, changed, looked.findings, starts, utc_now().date())


def _evidence(looked: Looked, one: Finding) -> dict[str, Any]:
    return {
        **asdict(one),
        "start": looked.start(one),
        "anomalies": [asdict(odd) for odd in looked.anomalies if odd.sensor == one.sensor],
    }


def _row(serving: Serving, looked: Looked, one: Finding, first: int, stop: int) -> Audited:
    return Audited(
        one.sensor, serving.version, first, stop, one.fault, one.gain, one.offset, one.lag, _evidence(looked, one)
    )


def _alert(process: str, looked: Looked, one: Finding, first: int) -> Alert:
    return Alert(
        kind="audit",
        key=f"audit:{one.sensor}",
        severity="critical",
        title=f"{process}: sensor {one.sensor}: {one.text}",
        subject=one.sensor,
        sample=looked.start(one) if looked.start(one) is not None else first,
        evidence={**_evidence(looked, one), "runbook": RUNBOOK},
    )
