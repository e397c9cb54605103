"""The first cause alone: one sensor at fault, or the process."""

from __future__ import annotations

import numpy as np

from dq_pipeline.drift.cause import find_cause
from dq_pipeline.records import Cause
from dq_pipeline.triage.case import Case
from dq_pipeline.triage.verdict import Hypothesis, Verdict

_CAUSES = {"sensor": Cause.CALIBRATION, "process": Cause.PROCESS_DRIFT, "undecided": Cause.UNDETERMINED}


def rank(case: Case) -> Verdict:
    """What :func:`dq_pipeline.drift.cause.find_cause` says, as a verdict."""
    sensors = case.process.sensors
    usable = np.asarray(np.isfinite(case.since.values).any(axis=(0, 1)), dtype=np.bool_)
    chosen = [name for j, name in enumerate(case.process.sensor_names) if usable[j]]
    found = find_cause(
        case.before.values[:, :, usable],
        case.since.values[:, :, usable],
        chosen,
        [sensors[name].unit for name in chosen],
        begin=case.begin,
        target=(case.before.target, case.since.target),
    )
    if found.kind == "waiting":
        return Verdict(waiting=found.why)
    if found.quiet:
        return Verdict(decided_by=found.why)
    onset = int(case.since.number[min(found.onset, len(case.since) - 1)])
    figures = dict(found.figures)
    if found.explanation is not None:
        explanation = found.explanation
        figures |= {"explanation": explanation.text, "kind of fault": explanation.kind}
        figures |= {"gain": explanation.gain, "offset": explanation.offset}
    confidence = 0.9 if found.kind == "sensor" else 0.6
    one = Hypothesis(_CAUSES[found.kind], found.sensor, confidence, found.why, onset, figures)
    return Verdict((one,), decided_by="the first cause: one sensor against its neighbours")
