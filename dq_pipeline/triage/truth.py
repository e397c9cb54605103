"""The truth as one neighbour more: a sensor's fault does not move the target, a change of the process does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from dq_pipeline.drift.cause import HARDLY, find_cause
from dq_pipeline.records import Cause
from dq_pipeline.triage.case import Case
from dq_pipeline.triage.verdict import Verdict

FAR = 2.0
"""So many times as far as without the target, and as they may wander, the others must have moved beside it."""
OF_THE_PROCESS = (Cause.OPERATING_MODE, Cause.PROCESS_DRIFT, Cause.CONCEPT_DRIFT)


def heed_target(case: Case, verdict: Verdict) -> Verdict:
    """The verdict, with the process before a sensor where the target moved as well.

    Nothing is asked of a target that is one of the sensors: it moves with it.
    """
    first = verdict.first
    process = case.process
    if first is None or first.cause is not Cause.CALIBRATION or process.target.column in process.sensor_names:
        return verdict
    moved = _target_moved(case, first.subject)
    rivals = [i for i, one in enumerate(verdict.hypotheses) if one.cause in OF_THE_PROCESS]
    if moved is None or not rivals:
        return verdict
    rival = verdict.hypotheses[rivals[0]]
    why = f"{rival.why}; {first.subject} alone would not move the target, which went {moved:g} times as far as it does"
    ahead = replace(rival, confidence=first.confidence, why=why)
    behind = replace(first, confidence=rival.confidence)
    rest = [one for i, one in enumerate(verdict.hypotheses) if i not in (0, rivals[0])]
    tried: dict[str, Any] = {"tried": "target", "found": f"moved {moved:g} times as far as it does"}
    return replace(verdict, hypotheses=(ahead, behind, *rest), decided_by="target", slices=(*verdict.slices, tried))


def _target_moved(case: Case, sensor: str) -> float | None:
    """How far the other sensors moved given the target, where that is far and without it is not; None otherwise."""
    seen = np.asarray(np.isfinite(case.since.values).any(axis=(0, 1)), dtype=np.bool_)
    names = [name for j, name in enumerate(case.process.sensor_names) if seen[j]]
    chosen = [case.process.sensor_names.index(name) for name in names]
    units = [case.process.sensors[name].unit for name in names]
    far = []
    for target in ((case.before.target, case.since.target), None):
        before, since = case.before.values[:, :, chosen], case.since.values[:, :, chosen]
        found = find_cause(before, since, names, units, begin=case.begin, target=target)
        moved = [one["neighbour_moved"] for one in found.figures.get("candidates", ()) if one["sensor"] == sensor]
        if not moved:
            return None
        far.append(float(moved[0]))
    return far[0] if far[0] > FAR * max(HARDLY, far[1]) else None
