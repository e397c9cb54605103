"""Rank the causes of a case: what was delivered, each sensor, the plant, the release, the labels, the concept.

The order is that of what could explain the rest: a lost row moves a sensor, a sensor moves the error, and only where
delivery, sensors and release are cleared does a change of the error mean a change of the concept. Each step says what
it tried; the first that explains what was seen decides, the others stay as hypotheses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dq_pipeline.audit import Finding
from dq_pipeline.records import Cause
from dq_pipeline.triage import inputs as looks
from dq_pipeline.triage import slices
from dq_pipeline.triage.answers import Errors, compare
from dq_pipeline.triage.case import Case, Stretch
from dq_pipeline.triage.delivery import Defect, defects
from dq_pipeline.triage.inputs import BROKEN, MISREAD, Inputs, look
from dq_pipeline.triage.onset import begin_of
from dq_pipeline.triage.verdict import Hypothesis, Verdict

LEAST_AFTER, LEAST_BEFORE = 10, 60
"""Samples since a change, and before it, that a verdict takes."""
SHORTLY = 60
"""Samples before a change within which what was done on purpose may be its cause."""
MANY = 3
"""So many sensors that move at once are no longer sensors at fault."""
CONFIDENCE: Mapping[str, float] = {
    "parity": 0.98,
    "delivery": 0.95,
    "own channel": 0.95,
    "audit": 0.93,
    "nothing contradicts": 0.9,
    "announced": 0.9,
    "known regime": 0.9,
    "together": 0.9,
    "shadow": 0.95,
    "wild labels": 0.85,
    "unrelated labels": 0.8,
    "missing labels": 0.95,
    "coherent residuals": 0.9,
    "residuals alone": 0.6,
}
"""Share of like cases in which what decided was right, by what decided: from the benchmark's development streams."""


@dataclass(frozen=True, slots=True, eq=False)
class _Evidence:
    case: Case
    after: Stretch
    defects: tuple[Defect, ...]
    inputs: Inputs
    errors: Errors
    announced: slices.Announced | None

    @property
    def onset(self) -> int:
        return int(self.after.number[0])


def rank(case: Case) -> Verdict:
    """Causes of a case in the order of how well they explain it.

    A verdict without hypotheses and without `waiting` says that nothing changed.
    """
    parity = _parity(case)
    if parity is not None:
        return Verdict((parity,), decided_by="parity", slices=({"tried": "parity", "found": parity.why},))
    if len(case.before) < LEAST_BEFORE:
        return Verdict(waiting=f"{LEAST_BEFORE} samples before the change expected, found {len(case.before)}")
    if len(case.since) - case.begin < LEAST_AFTER:
        left = LEAST_AFTER - len(case.since) + case.begin
        return Verdict(waiting=f"{left} more samples since the change")
    begin = begin_of(case)
    after = case.since.part(slice(begin, None))
    told = _Evidence(
        case,
        after,
        defects(case.before, after, case.missing),
        look(case.process, case.before, after, case.regimes),
        compare(case.before, after),
        slices.announced(case.before, after),
    )
    tried = _tried(told)
    found: list[tuple[Hypothesis, str]] = []
    for step in (_delivery, _sensors, _release, _plant, _labels, _concept):
        found += step(told)
    return _verdict(found, tried)


def _verdict(found: list[tuple[Hypothesis, str]], tried: tuple[Mapping[str, Any], ...]) -> Verdict:
    """The first decides; what remains of certainty is shared among the others."""
    if not found:
        return Verdict(decided_by="nothing changed", slices=tried)
    seen: set[tuple[Cause, str]] = set()
    ranked: list[Hypothesis] = []
    left = 1.0
    for one, _ in found:
        if (one.cause, one.subject) in seen:
            continue
        seen.add((one.cause, one.subject))
        confidence = round(min(one.confidence, left if not ranked else 0.7 * left), 3)
        left -= confidence
        ranked.append(Hypothesis(one.cause, one.subject, confidence, one.why, one.onset, one.figures))
    return Verdict(tuple(ranked), decided_by=found[0][1], slices=tried)


def _told(
    told: _Evidence, cause: Cause, subject: str, by: str, why: str, figures: Mapping[str, Any] | None = None
) -> tuple[Hypothesis, str]:
    return Hypothesis(cause, subject, CONFIDENCE[by], why, told.onset, figures or {}), by


def _parity(case: Case) -> Hypothesis | None:
    release = case.since.release[-1] if len(case.since) else ""
    steps = case.parity.get(release) or next((steps for steps in case.parity.values() if steps), ())
    if not steps:
        return None
    named = release if case.parity.get(release) else next(v for v, s in case.parity.items() if s)
    why = f"release {named} computes other numbers than when it was made, from the step {steps[0]!r} on"
    place = min(case.begin, len(case.since) - 1)
    onset = int(case.since.number[place]) if len(case.since) else 0
    return Hypothesis(
        Cause.MODEL_REGRESSION, named, CONFIDENCE["parity"], why, onset, {"steps": list(steps), "first": steps[0]}
    )


def _delivery(told: _Evidence) -> list[tuple[Hypothesis, str]]:
    if not told.defects:
        return []
    figures = {one.what: {"usual": round(one.usual, 4), "now": round(one.now, 4)} for one in told.defects}
    return [_told(told, Cause.LATE_DATA, "", "delivery", "; ".join(one.text for one in told.defects[:3]), figures)]


def _sensors(told: _Evidence) -> list[tuple[Hypothesis, str]]:
    inputs = told.inputs
    found: list[tuple[Hypothesis, str]] = []
    broken = inputs.of(BROKEN)
    silent = {one.sensor for one in broken if one.fault == "missing"}
    if told.defects and len(silent) * 2 >= len(told.case.process.sensor_names):
        broken = tuple(one for one in broken if one.sensor not in silent)
    found += [
        _told(told, Cause.DEAD_SENSOR, one.sensor, "own channel", f"{one.sensor}: {one.text}", _of(one))
        for one in broken[:MANY]
    ]
    misread = inputs.of(MISREAD)
    if misread and len({one.sensor for one in misread}) <= MANY - 1:
        found += [
            _told(told, Cause.CALIBRATION, one.sensor, "audit", f"{one.sensor}: {one.text}", _of(one))
            for one in misread
        ]
    alone = _alone(inputs)
    if alone is not None and not found and told.announced is None and not inputs.back:
        why = (
            f"{alone.sensor} moved alone, and the others say too little of it ({alone.determined:.0%}) to tell a bias "
            "from a change of the process; a reading of a trusted reference, or a calibration, would settle it"
        )
        found.append(_told(told, Cause.UNDETERMINED, alone.sensor, "nothing contradicts", why, _of(alone)))
        found.append(_told(told, Cause.CALIBRATION, alone.sensor, "residuals alone", "an offset or a gain would do it"))
        found.append(_told(told, Cause.PROCESS_DRIFT, alone.sensor, "residuals alone", "the plant may run elsewhere"))
    return found


def _alone(inputs: Inputs) -> Finding | None:
    unsure = inputs.unsure
    return unsure[0] if len(unsure) == 1 and set(inputs.moved) <= {unsure[0].sensor} else None


def _of(one: Finding) -> dict[str, Any]:
    return {
        "fault": one.fault,
        "gain": float(f"{one.gain:.6g}"),
        "offset": float(f"{one.offset:.6g}"),
        "lag": one.lag,
        "against": one.against,
        "determined": round(one.determined, 3),
        "moved": round(one.moved, 2),
        **({"other": one.other} if one.other else {}),
    }


def _release(told: _Evidence) -> list[tuple[Hypothesis, str]]:
    errors, case = told.errors, told.case
    if not errors.moved:
        return []
    near = [one for one in case.changes if one.get("kind") in {"promote", "rollback", "settings", "code"}]
    near = [one for one in near if -SHORTLY <= int(one.get("sample", 0)) - told.onset <= LEAST_AFTER]
    spared = {v: one for v, one in errors.shadows.items() if one[0] < 0.85 and one[1] >= 3.0}
    if not near or not spared:
        return []
    version, (share, sure) = min(spared.items(), key=lambda one: one[1][0])
    done = near[-1]
    why = (
        f"{done['kind']} at sample {done.get('sample')}, and release {version} makes {share:.0%} of the error on the "
        f"same samples ({sure:.1f} standard errors)"
    )
    subject = told.after.release[-1]
    figures = {"change": dict(done), "shadow": version, "error_share": round(share, 3), "ratio": round(errors.ratio, 3)}
    return [_told(told, Cause.MODEL_REGRESSION, subject, "shadow", why, figures)]


def _plant(told: _Evidence) -> list[tuple[Hypothesis, str]]:
    inputs, found = told.inputs, []
    if inputs.quiet:
        return []
    moved = ", ".join(list(inputs.moved)[:4]) or ", ".join(one.sensor for one in inputs.findings[:4])
    figures = {"moved": dict(inputs.moved), "gradual": round(inputs.gradual, 2)}
    if told.announced is not None:
        one = told.announced
        why = f"{moved} moved, and {one.key} is {one.value!r} since: {one.apart:.0%} of the samples carry another value"
        found.append(_told(told, Cause.OPERATING_MODE, "", "announced", why, {**figures, "key": one.key}))
    elif inputs.back:
        why = f"{moved} moved, to where they were when release {inputs.back} was made"
        found.append(_told(told, Cause.OPERATING_MODE, "", "known regime", why, {**figures, "regime": inputs.back}))
    several = len(inputs.moved) + len([one for one in inputs.findings if one.sensor not in inputs.moved])
    how = "by degrees" if inputs.gradual > 0.5 else "at once"
    why = f"{several} sensors moved {how} ({moved}), no metadata with them"
    found.append(_told(told, Cause.PROCESS_DRIFT, "", "together", why, figures))
    return found


def _labels(told: _Evidence) -> list[tuple[Hypothesis, str]]:
    errors, found = told.errors, []
    more = errors.unlabelled - errors.unlabelled_before
    if more >= 0.15 and more * len(told.after) >= 4:
        why = f"{errors.unlabelled:.0%} of the samples have no label, {errors.unlabelled_before:.0%} before"
        found.append(_told(told, Cause.LABELS, "", "missing labels", why))
    if not errors.moved or not told.inputs.quiet:
        return found
    figures = {name: round(getattr(errors, name), 3) for name in ("bias", "ratio", "wild", "mended", "left")}
    if (errors.wild - errors.wild_before) * errors.count >= 2.5 and errors.mended < 0.5:
        why = f"{errors.wild:.0%} of the labels are far off their samples, the others are not; no refit mends it"
        found.append(_told(told, Cause.LABELS, "", "wild labels", why, figures))
    elif errors.mended < 0.3:
        why = f"errors are {errors.ratio:.2g} times as large, and nothing that the sensors show predicts them"
        found.append(_told(told, Cause.LABELS, "", "unrelated labels", why, figures))
    return found


def _concept(told: _Evidence) -> list[tuple[Hypothesis, str]]:
    errors = told.errors
    if not errors.moved or not told.inputs.quiet:
        return []
    figures = {name: round(getattr(errors, name), 3) for name in ("bias", "ratio", "wild", "mended", "left")}
    why = (
        f"the error moved by {errors.bias:+.2g} of its usual spread and is {errors.ratio:.2g} times as large while no "
        f"sensor moved; a refit takes away {max(errors.mended, 0.0):.0%} of the rise on samples it has not seen"
    )
    by = "coherent residuals" if errors.mended >= 0.3 or abs(errors.biased) >= 5.0 else "residuals alone"
    return [_told(told, Cause.CONCEPT_DRIFT, "", by, why, figures)]


def _tried(told: _Evidence) -> tuple[Mapping[str, Any], ...]:
    """What was tried, for the record: the same window through other releases, through corrected sensors, in parts."""
    errors, inputs = told.errors, told.inputs
    rows: list[Mapping[str, Any]] = [
        {"tried": "delivery", "found": "; ".join(one.text for one in told.defects) or "as before"},
        {"tried": "sensors", "found": "; ".join(f"{f.sensor}: {f.text}" for f in inputs.findings) or "as before"},
        {"tried": "levels", "found": dict(inputs.moved)},
        {"tried": "errors", **{name: round(getattr(errors, name), 3) for name in ("ratio", "bias", "mended")}},
    ]
    for version, (share, sure) in errors.shadows.items():
        rows.append({"tried": f"release {version}", "error_share": round(share, 3), "sure": round(sure, 1)})
    misread = inputs.of(MISREAD)
    if misread:
        again = look(told.case.process, told.case.before, looks.corrected(told.case.process, told.after, misread), {})
        rows.append({"tried": "corrected sensors", "found": "; ".join(f.sensor for f in again.findings) or "as before"})
    if told.announced is not None:
        rows.append({"tried": "metadata", "key": told.announced.key, "value": told.announced.value})
    return (*rows, *slices.by_slice(told.case.before, told.after))
