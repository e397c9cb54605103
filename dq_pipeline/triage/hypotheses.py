"""What each kind of cause makes of the evidence: one function a cause, each empty where nothing speaks for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from dq_pipeline.audit import Finding
from dq_pipeline.records import Cause
from dq_pipeline.triage.answers import taken_away
from dq_pipeline.triage.channels import resting
from dq_pipeline.triage.evidence import Evidence
from dq_pipeline.triage.inputs import BESIDE, BROKEN, INFORMED, MISREAD, STRONG, silent_of
from dq_pipeline.triage.verdict import Hypothesis

SHORTLY, SOON = 60, 30
"""Samples before a change, and after it, within which what was done on purpose may be its cause."""
SPARED, SURE, SURELY = 0.85, 2.0, 4.0
"""Another release is spared where it makes at most this share of the error, by so many standard errors (by more where
the error by itself did not surely change), and takes as much of the rise away as a refit must: where the plant changed,
both are worse."""
MENDED, BIASED = 0.5, 5.0
"""Share of the rise that a refit must take away; standard errors of a shift that wrong labels do not make."""
CONFIDENCE: Mapping[str, float] = MappingProxyType(
    {
        "parity": 0.97,
        "delivery": 0.99,
        "own channel": 0.95,
        "exact": 0.96,
        "audit": 0.94,
        "contradicted": 0.42,
        "nothing contradicts": 0.99,
        "announced": 0.98,
        "known regime": 0.97,
        "together": 0.8,
        "shadow": 0.98,
        "wild labels": 0.93,
        "unrelated labels": 0.33,
        "missing labels": 0.97,
        "coherent errors": 0.92,
        "errors alone": 0.6,
        "possible": 0.4,
    }
)
"""Share of like cases in which what decided is right, by what decided: (right + 1) / (named + 2) over a thousand trials
of both processes on the plants that it was developed on; of `errors alone` and `possible`, which decided nothing there,
a guess. The page of triage has the same shares of plants that nobody had looked at."""
ALTERING = frozenset({"lost rows", "late rows"})
"""Defects of delivery that change what a recording shows."""
EXACT = frozenset({"unit", "sign", "swapped"})
FREE = frozenset({"gain", "offset", "gain_offset", "lag"})


@dataclass(frozen=True, slots=True)
class Found:
    """A hypothesis, what it rests on, and its rank: what has a lower one explains what has a higher one."""

    hypothesis: Hypothesis
    by: str
    rank: float


def delivery(told: Evidence) -> list[Found]:
    """Rows or samples are lost, late or doubled.

    A sample that did not come, or came late, changed nothing in those that did: where sensors moved, that is another
    cause.
    """
    if not told.defects:
        return []
    explains = not told.inputs.strong or any(one.what in ALTERING for one in told.defects)
    figures = {one.what: {"usual": round(one.usual, 4), "now": round(one.now, 4)} for one in told.defects}
    why = "; ".join(one.text for one in told.defects[:3])
    return [_found(told, Cause.LATE_DATA, "", "delivery", why, 1 if explains else 8.7, figures)]


def broken(told: Evidence) -> list[Found]:
    """A sensor's own channel shows that it is stuck, dead, clipped or noisy."""
    names = told.case.process.sensor_names
    rests = resting(names, told.case.before) - silent_of(names, told.after)
    found = tuple(one for one in told.inputs.of(BROKEN) if one.sensor not in rests)
    silent = [one for one in found if one.fault in {"missing", "dead"}]
    if told.defects and len(silent) * 2 >= len(told.case.process.sensor_names):
        found = tuple(one for one in found if one not in silent)
    # an exact conversion explains noise elsewhere, and not the other way round: a plant is noisier at times
    return [
        _found(
            told, Cause.DEAD_SENSOR, one.sensor, "own channel", f"{one.sensor}: {one.text}",
            3.2 if one.fault == "noisy" else 2, _of(one),
        )
        for one in found
    ]  # fmt: skip


def misread(told: Evidence) -> list[Found]:
    """A unit, gain, offset, sign or place is wrong; or might be, where nothing contradicts the sensor.

    A gain or an offset that came with another recipe, or with other sensors, is what a change of the plant does. One
    that left alone what the others know well is misread, even if no unit, gain or offset says how.
    """
    inputs = told.inputs
    away = told.announced is not None or bool(inputs.back)
    rests = resting(told.case.process.sensor_names, told.case.before) if told.errors.asked else frozenset()
    found = []
    for one in inputs.of(MISREAD):
        alone = _alone(told, one) and one.sensor not in rests
        if one.fault in EXACT:
            found.append(_of_sensor(told, one, "exact", 3))
        elif _contradicted(one) and not (one.fault == "lag" and one.sensor in inputs.moved):
            found.append(_of_sensor(told, one, "audit", 4 if alone and not away else 8))
        elif alone and not away:
            found += _undetermined(told, one)
    for one in inputs.unsure:
        if not _alone(told, one) or away:
            continue
        if _contradicted(one):
            found.append(_of_sensor(told, one, "contradicted", 4 if one.moved >= STRONG else 8))
        else:
            found += _undetermined(told, one)
    return found


def release(told: Evidence) -> list[Found]:
    """The error changed with the release, and another release does not share it."""
    errors = told.errors
    kinds = {"promote", "rollback", "settings", "code"}
    near = [
        one
        for one in told.case.changes
        if one.get("kind") in kinds and -SHORTLY <= int(one.get("sample", 0)) - told.onset <= SOON
    ]
    spared = {
        v: one
        for v, one in errors.shadows.items()
        if one[0] < SPARED and one[1] >= SURE and taken_away(errors.ratio, one[0] * errors.ratio) >= MENDED
    }
    if not near or not spared:
        return []
    version, (share, sure) = min(spared.items(), key=lambda one: one[1][0])
    if not errors.moved and sure < SURELY:
        return []
    done = near[-1]
    why = (
        f"{done['kind']} at sample {done.get('sample')}, and release {version} makes {share:.0%} of the error on the "
        f"same samples ({sure:.1f} standard errors)"
    )
    figures = {"change": dict(done), "shadow": version, "error_share": round(share, 3), "ratio": round(errors.ratio, 3)}
    rank = 6.5 if told.inputs.strong else 3.5
    return [_found(told, Cause.MODEL_REGRESSION, told.after.release[-1], "shadow", why, rank, figures)]


def plant(told: Evidence) -> list[Found]:
    """Several sensors moved: to a set point that was announced, to where they have been before, or elsewhere."""
    inputs = told.inputs
    if inputs.quiet:
        return []
    names = [*inputs.moved, *(one.sensor for one in inputs.findings if one.sensor not in inputs.moved)]
    which = ", ".join(names[:4])
    figures = {"moved": dict(inputs.moved), "gradual": round(inputs.gradual, 2)}
    # what asks is the error, and one sensor alone is off: that is as often chance
    found, rank = [], 9.0 if not inputs.strong or (told.errors.asked and len(names) < 2) else 6.0
    if told.announced is not None:
        one = told.announced
        why = f"{which} moved, and {one.key} is {one.value!r} since: {one.apart:.0%} of the samples carry another value"
        found.append(_found(told, Cause.OPERATING_MODE, "", "announced", why, rank - 0.5, {**figures, "key": one.key}))
    elif inputs.back:
        why = f"{which} moved, to where they were when release {inputs.back} was made"
        by = "known regime"
        found.append(_found(told, Cause.OPERATING_MODE, "", by, why, rank - 0.5, {**figures, "regime": inputs.back}))
    how = "by degrees" if inputs.gradual > 0.5 else "at once"
    why = f"{len(names)} sensors moved {how} ({which}), no metadata with them"
    return [*found, _found(told, Cause.PROCESS_DRIFT, "", "together", why, rank, figures)]


def labels(told: Evidence) -> list[Found]:
    """Labels are missing; or far off for some samples only; or unrelated to what the sensors show."""
    errors, found = told.errors, []
    more = errors.unlabelled - errors.unlabelled_before
    if more >= 0.15 and more * len(told.after) >= 4:
        why = f"{errors.unlabelled:.0%} of the samples have no label, {errors.unlabelled_before:.0%} before"
        found.append(_found(told, Cause.LABELS, "", "missing labels", why, 5))
    if not errors.moved:
        return found
    if errors.strays and errors.mended < MENDED and abs(errors.biased) < BIASED:
        why = f"{errors.wild:.0%} of the labels are far off their samples, the others are not; no refit mends it"
        found.append(_found(told, Cause.LABELS, "", "wild labels", why, 7, _errors(told)))
    elif errors.mended < MENDED and abs(errors.biased) < BIASED:
        why = f"errors are {errors.ratio:.2g} times as large, and nothing that the sensors show predicts them"
        found.append(_found(told, Cause.LABELS, "", "unrelated labels", why, 7, _errors(told)))
    return found


def concept(told: Evidence) -> list[Found]:
    """The error moved as a whole, a refit would mend it, and the inputs are what they were."""
    errors = told.errors
    if not errors.moved:
        return []
    why = (
        f"the error moved by {errors.bias:+.2g} of its usual spread and is {errors.ratio:.2g} times as large while the "
        f"sensors read as before; a refit takes away {max(errors.mended, 0.0):.0%} of that on samples it has not seen"
    )
    coherent = errors.mended >= MENDED or abs(errors.biased) >= BIASED
    return [
        _found(
            told, Cause.CONCEPT_DRIFT, "", "coherent errors" if coherent else "errors alone", why, 7.5, _errors(told)
        )
    ]


STEPS: tuple[Callable[[Evidence], list[Found]], ...] = (
    delivery, broken, misread, release, plant, labels, concept,
)  # fmt: skip


def _found(
    told: Evidence, cause: Cause, subject: str, by: str, why: str, rank: float, figures: Mapping[str, Any] | None = None
) -> Found:
    return Found(Hypothesis(cause, subject, CONFIDENCE[by], why, told.onset, figures or {}), by, rank)


def _of_sensor(told: Evidence, one: Finding, by: str, rank: float) -> Found:
    return _found(told, Cause.CALIBRATION, one.sensor, by, f"{one.sensor}: {one.text}", rank, _of(one))


def _undetermined(told: Evidence, one: Finding) -> list[Found]:
    why = (
        f"{one.sensor} moved alone, and the others say too little of it ({one.determined:.0%}) to tell a bias from a "
        "change of the process; a reading of a trusted reference, or a calibration, would settle it"
    )
    own = max(one.moved, told.inputs.moved.get(one.sensor, 0.0))
    rank, figures = (5.0 if own >= STRONG else 8.5), _of(one)
    found = _found(told, Cause.UNDETERMINED, one.sensor, "nothing contradicts", why, rank, figures)
    may = "an offset or a gain would do it"
    bias = _found(told, Cause.CALIBRATION, one.sensor, "possible", may, rank + 0.1, figures)
    may = "the plant may run elsewhere"
    drift = _found(told, Cause.PROCESS_DRIFT, one.sensor, "possible", may, rank + 0.2, figures)
    return [found, bias, drift]


def _contradicted(one: Finding) -> bool:
    return one.against != "virtual" or one.determined >= INFORMED


def _alone(told: Evidence, one: Finding) -> bool:
    """Whether no other sensor left the others, nor went half as far as this one did."""
    others = [f for f in told.inputs.findings if f.sensor not in {one.sensor, one.other}]
    own = told.inputs.moved.get(one.sensor, one.moved)
    moved = [n for n, far in told.inputs.moved.items() if n not in {one.sensor, one.other} and far >= BESIDE * own]
    return not others and (not moved or _contradicted(one))


def _of(one: Finding) -> dict[str, Any]:
    return {
        "fault": one.fault,
        "gain": float(f"{one.gain:.12g}"),
        "offset": float(f"{one.offset:.12g}"),
        "lag": one.lag,
        "against": one.against,
        "determined": round(one.determined, 3),
        "moved": round(one.moved, 2),
        **({"other": one.other} if one.other else {}),
    }


def _errors(told: Evidence) -> dict[str, float]:
    return {name: round(getattr(told.errors, name), 3) for name in ("bias", "ratio", "wild", "mended", "left")}
