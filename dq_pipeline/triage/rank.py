"""Rank the causes of a case: what was delivered, each sensor, the release, the plant, the labels, the concept.

The order is that of what could explain the rest: a lost row moves a sensor, a sensor moves the error, and only where
delivery, sensors and release are cleared does a change of the error mean a change of the concept. What ranks first
decides, the others stay as hypotheses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from dq_pipeline.records import Cause
from dq_pipeline.triage.case import Case
from dq_pipeline.triage.evidence import Evidence
from dq_pipeline.triage.hypotheses import CONFIDENCE, STEPS, Found
from dq_pipeline.triage.inputs import NEWEST
from dq_pipeline.triage.verdict import Hypothesis, Verdict

LEAST_AFTER, LEAST_BEFORE = 10, 60
"""Samples since a change, and before it, that a verdict takes."""
LEAST_ERRORS = 16
"""Errors since a change from which a concept is told from labels."""
FAINT = 8.0
"""Rank from which a cause rests on less than what cannot be chance: it waits for all the samples that are looked at."""
_SHARED = 0.7


def rank(case: Case) -> Verdict:
    """Causes of a case in the order of how well they explain it.

    A verdict without hypotheses and without `waiting` says that nothing changed.
    """
    if any(case.parity.values()) and len(case.since):
        return _parity(case)
    if len(case.before) < LEAST_BEFORE:
        return Verdict(waiting=f"{LEAST_BEFORE} samples before the change expected, found {len(case.before)}")
    since = len(case.since) - case.begin
    if since < LEAST_AFTER:
        return Verdict(waiting=f"{LEAST_AFTER} samples since the change expected, found {since}")
    told = Evidence.of(case)
    found = sorted((one for step in STEPS for one in step(told)), key=lambda one: one.rank)
    if found and found[0].rank >= FAINT and since < NEWEST:
        return Verdict(waiting=f"{NEWEST} samples since the change expected where it is faint, found {since}")
    if found and found[0].rank >= 7 and 0 < told.errors.count < LEAST_ERRORS:
        return Verdict(waiting=f"{LEAST_ERRORS} errors since the change expected, found {told.errors.count}")
    return _verdict(found, told.tried())


def _parity(case: Case) -> Verdict:
    """Numbers that differ need no samples."""
    place = min(case.begin, len(case.since) - 1)
    release = case.since.release[-1]
    version = release if case.parity.get(release) else next(v for v, steps in case.parity.items() if steps)
    steps = case.parity[version]
    why = f"release {version} computes other numbers than when it was made, from the step {steps[0]!r} on"
    figures = {"steps": list(steps), "first": steps[0]}
    found = Hypothesis(
        Cause.MODEL_REGRESSION, version, CONFIDENCE["parity"], why, int(case.since.number[place]), figures
    )
    return Verdict((found,), decided_by="parity", slices=({"tried": "parity", "found": why},))


def _verdict(found: Sequence[Found], tried: tuple[Mapping[str, Any], ...]) -> Verdict:
    """The first decides; what remains of certainty is shared among the others."""
    if not found:
        return Verdict(decided_by="nothing changed", slices=tried)
    ranked: list[Hypothesis] = []
    seen: set[tuple[Cause, str]] = set()
    left = 1.0
    for one in found:
        said = one.hypothesis
        if (said.cause, said.subject) not in seen:
            seen.add((said.cause, said.subject))
            confidence = round(min(said.confidence, _SHARED * left if ranked else left), 3)
            left -= confidence
            ranked.append(replace(said, confidence=confidence))
    return Verdict(tuple(ranked), decided_by=found[0].by, slices=tried)
