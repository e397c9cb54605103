"""The first cause check: is it the process that changed, or one sensor?

A sensor's fault shows in one place: given the others, only this sensor reads otherwise than before, the others still
agree among each other without it, and a change of unit, gain or offset turns what it shows back into what they say it
should read. A change of the process moves several sensors, or their relations, or comes gradually. Where the others say
nothing about a sensor, nothing can be told apart: that is said, and taken for a change of the process.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.drift import relations
from dq_pipeline.drift.explanations import Explanation, explain
from dq_pipeline.drift.relations import Levels

Floats = NDArray[np.float64]

LEAST_BEFORE, LEAST_AFTER, MOST_AFTER = 60, 8, 30
"""Samples before a change, and after it, that a verdict takes; more after it only let the process wander."""
INFORMATIVE = 0.5
"""Share of a sensor's variance that its neighbours must explain before they can disagree with it."""
CLEARLY, HARDLY = 6.0, 3.5
"""How far the sensor must have moved, and its neighbours at most, in units of how far they usually go."""
LEEWAY, MOST_LEEWAY = 0.01, 2.0
"""What its neighbours may wander more where the sensor moved very far: a share of that, and at most."""
BETTER = 1.0
"""By how much an explanation must be more likely than none, per sample (twice the log likelihood)."""
SURELY_BEFORE = 10
"""The detector's estimate of an abrupt change is hardly ever off by more samples."""
_CANDIDATES = 3


@dataclass(frozen=True, slots=True)
class Cause:
    """What a change is put down to.

    Attributes
    ----------
    kind
        "sensor": a fault of `sensor`; "process"; "undecided": nobody can tell, taken for the process; "waiting": too
        few samples have come.
    sensor
        The one at fault; empty otherwise.
    onset
        Number of the first changed sample, counted from the first of `around`.
    why
        For people.
    quiet
        No sensor's relation to the others moved at all.
    figures
        What was compared, ready for JSON.
    """

    kind: Literal["sensor", "process", "undecided", "waiting"]
    why: str
    sensor: str = ""
    onset: int = 0
    explanation: Explanation | None = None
    quiet: bool = False
    figures: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Candidate:
    sensor: int
    onset: int
    own: float
    informative: float
    neighbour: int
    neighbours: float
    left: float
    explanation: Explanation
    unexplained: Explanation
    as_good: tuple[str, ...]

    @property
    def alone(self) -> bool:
        return self.own >= CLEARLY and self.neighbours <= HARDLY + min(LEEWAY * self.own, MOST_LEEWAY)

    @property
    def explained(self) -> bool:
        gained = self.unexplained.loss - self.explanation.loss
        possible = self.explanation.kind != "none" and self.explanation.gain > 0.0
        return possible and gained >= BETTER and self.left <= HARDLY


def find_cause(
    before: Floats,
    around: Floats,
    sensors: Sequence[str],
    units: Sequence[str],
    *,
    begin: int,
    target: tuple[Floats, Floats] | None = None,
) -> Cause:
    """Put a change down to one sensor, or to the process.

    Parameters
    ----------
    before : (N, T, f)
        Samples in time order while all was well, the newest before `around`.
    around : (n, T, f)
        Samples from somewhat before the estimated change on.
    begin
        Number of the estimated first changed sample within `around`.
    target
        Of the samples before and around (N,), (n,), where they are known: one neighbour more.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> level = rng.normal(size=(220, 1, 1))
    >>> values = 20.0 + level + 0.1 * rng.normal(size=(220, 30, 4))
    >>> values[200:, :, 1] *= 1.2
    >>> found = find_cause(values[:190], values[190:], "abcd", ["bar"] * 4, begin=10)
    >>> found.kind, found.sensor, found.onset
    ('sensor', 'b', 10)
    """
    if len(before) < LEAST_BEFORE:
        return Cause("undecided", f"{len(before)} samples before the change; {LEAST_BEFORE} expected")
    if len(around) - begin < LEAST_AFTER:
        return Cause("waiting", f"{len(around) - begin} samples since the change; {LEAST_AFTER} expected")
    if before.shape[2] < 3:
        return Cause("undecided", "too few sensors to tell one at fault from the others")
    levels = relations.levels_of(before), relations.levels_of(around)
    usual = Levels.fit(levels[0])
    usual_target = None if target is None else relations.as_neighbour(*target, phases=usual.mean.shape[0])
    known, new = usual.standardise(levels[0]), usual.standardise(levels[1])
    if usual_target is not None:
        known, new = (np.concatenate([a, b], axis=2) for a, b in zip((known, new), usual_target, strict=True))
    names = (*sensors, "target")
    residual = relations.cross_residuals(known), relations.residuals(relations.precision(known), new)
    share = relations.explained(known, residual[0])
    onset = relations.onsets(*residual, begin, LEAST_AFTER)
    gone = [float(np.abs(_moved(residual, j, int(onset[j]))).max()) for j in range(len(sensors))]
    order = [int(j) for j in np.argsort(gone)[::-1][:_CANDIDATES]]
    tried = [_try(j, int(onset[j]), gone[j], known, new, residual, share, levels, usual, units[j]) for j in order]
    return _verdict(tried, names, begin)


def _verdict(tried: list[_Candidate], names: Sequence[str], begin: int) -> Cause:
    figures = {"candidates": [_figures(one, names) for one in tried]}
    alone = [one for one in tried if one.alone]
    if not alone:
        top = tried[0]
        if top.own < CLEARLY:
            why = "no sensor's relation to the others changed clearly"
            return Cause("process", why, onset=top.onset, quiet=True, figures=figures)
        why = f"{names[top.neighbour]} changed with {names[top.sensor]}"
        return Cause("process", f"several sensors changed: {why}", onset=top.onset, figures=figures)
    informed = [one for one in alone if one.informative >= INFORMATIVE]
    if not informed:
        name = names[alone[0].sensor]
        why = f"{name} changed alone, but its neighbours explain only {max(alone[0].informative, 0.0):.0%} of it"
        return Cause("undecided", why, onset=alone[0].onset, figures=figures)
    best = max(informed, key=lambda one: one.own)
    name = names[best.sensor]
    if len(alone) > 1:
        why = f"{' or '.join(names[one.sensor] for one in alone)} changed: cannot tell which"
        return Cause("undecided", why, onset=best.onset, figures=figures)
    if best.onset == 0 and begin >= SURELY_BEFORE:
        why = f"{name} changed alone, but gradually: before the change was seen"
        return Cause("process", why, onset=best.onset, figures=figures)
    if not best.explained:
        why = f"{name} changed alone, but no unit, gain or offset explains it"
        return Cause("process", why, onset=best.onset, figures=figures)
    why = f"{name} alone disagrees with its neighbours; explained by {best.explanation.text}"
    return Cause("sensor", why, name, best.onset, best.explanation, figures=figures)


def _figures(one: _Candidate, names: Sequence[str]) -> dict[str, Any]:
    return {
        "sensor": names[one.sensor],
        "moved": round(one.own, 2),
        "neighbour": names[one.neighbour],
        "neighbour_moved": round(one.neighbours, 2),
        "explained_by_neighbours": round(one.informative, 3),
        "explanation": one.explanation.text,
        "or": list(one.as_good),
        "gain": float(f"{one.explanation.gain:.6g}"),
        "offset": float(f"{one.explanation.offset:.6g}"),
        "loss": round(float(one.explanation.loss), 3),
        "loss_unexplained": round(float(one.unexplained.loss), 3),
        "moved_once_corrected": round(one.left, 2),
    }


def _moved(residual: tuple[Floats, Floats], j: int, onset: int) -> Floats:
    """How far level and slope of one sensor's residual moved, (2, 1)."""
    before, after = (relations.shapes(one[:, :, [j]]) for one in residual)
    return relations.moved(before, after[onset : onset + MOST_AFTER])


def _try(
    j: int,
    onset: int,
    own: float,
    known: Floats,
    new: Floats,
    residual: tuple[Floats, Floats],
    share: Floats,
    levels: tuple[Floats, Floats],
    usual: Levels,
    unit: str,
) -> _Candidate:
    after = slice(onset, onset + MOST_AFTER)
    others = [k for k in range(known.shape[2]) if k != j]
    rest = relations.residuals(relations.precision(known[:, :, others]), new[after][:, :, others])
    usually = relations.shapes(relations.cross_residuals(known[:, :, others]))
    neighbours = np.abs(relations.moved(usually, relations.shapes(rest))).max(axis=0)
    expected = usual.mean[:, j] + usual.sd[:, j] * (new - residual[1])[after][:, :, j]
    sd = usual.sd[:, j] * relations.spread(residual[0][:, :, j])
    found = explain(levels[1][after][:, :, j], expected, sd, unit)
    none = next(one for one in found if one.kind == "none")
    best = found[0]
    corrected = (levels[1][after][:, :, j] - best.offset) / (best.gain or 1e-12)
    left = np.nan_to_num((corrected - expected) / usual.sd[:, j])[:, :, None]
    moved = relations.moved(relations.shapes(residual[0][:, :, [j]]), relations.shapes(left))
    worst = int(np.argmax(neighbours))
    return _Candidate(
        sensor=j,
        onset=onset,
        own=own,
        informative=float(share[j]),
        neighbour=others[worst],
        neighbours=float(neighbours[worst]),
        left=float(np.abs(moved).max()),
        explanation=best,
        unexplained=none,
        as_good=tuple(one.text for one in found[1:] if one.kind != "none" and one.loss - best.loss < BETTER),
    )
