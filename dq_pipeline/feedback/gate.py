"""The gate before training: which samples a model may learn from. What is refused is named with figure and limit.

A sample is asked in the order of :data:`GATES` and named by the first that refuses it. What a person has looked at
cannot be refused for what its label is, unless it lies outside the stated range.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.feedback.consistency import LIMIT, doubt_of_class, inconsistent, robust_z, suspects
from dq_pipeline.feedback.duplicates import Neighbours, exact, neighbours
from dq_pipeline.sections.feedback import Gate

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
CrossFit = Callable[[Mask, Mask], Floats]
"""Given which of n samples may be learned from, and which are asked about: predictions (n,) of each by a model that had
not seen it."""

GATES = ("range", "completeness", "quality", "conflict", "duplicate", "near_duplicate", "relevance", "consistency")
LEAST = 40
"""Labels below which nobody can say which of them contradicts the others."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one sample is not learned from: what `gate` found of it, and what it would have needed."""

    sample_id: str
    gate: str
    figure: float | None
    limit: float | None
    why: str


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Labelled samples in time order.

    Attributes
    ----------
    values : (n, T, f)
        Horizon rows.
    features : (n, k)
        As a model sees them.
    sensor : (k,)
        Which sensor each feature is of.
    target : (n,)
        Values, or indices of classes.
    classes
        How many there are; 0 for a regression.
    accepted, unified : (n,)
        Whether the recording is good enough, and its score; NaN where not known.
    threshold
        The score from which it is.
    reviewed, conflicting, new : (n,)
        A person gave the label; labels contradict each other; the release in Production was not offered it.
    """

    ids: Sequence[str]
    values: Floats
    features: Floats
    sensor: NDArray[np.int64]
    target: Floats
    classes: int
    accepted: Mask
    unified: Floats
    threshold: float
    reviewed: Mask
    conflicting: Mask
    new: Mask


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """What the gate says of n candidates.

    Attributes
    ----------
    passed : (n,)
    refusals
        One for each that did not pass, in the order of the candidates.
    figures
        By gate what it measured over all, as plain JSON values.
    """

    passed: Mask
    refusals: tuple[Refusal, ...]
    figures: dict[str, Any]

    @property
    def counts(self) -> dict[str, int]:
        """Refused samples by gate, those that refused any."""
        found = [one.gate for one in self.refusals]
        return {gate: found.count(gate) for gate in GATES if gate in found}


@dataclass(slots=True)
class _Asked:
    """The candidates on their way from gate to gate."""

    ids: Sequence[str]
    left: Mask
    refused: dict[int, Refusal] = field(default_factory=dict)

    def refuse(self, gate: str, where: Mask, figure: Floats | None, limit: float | None, why: str) -> None:
        for i in np.flatnonzero(where & self.left).tolist():
            found = None if figure is None or not np.isfinite(figure[i]) else float(figure[i])
            self.refused[i] = Refusal(self.ids[i], gate, found, limit, why)
        self.left &= ~where


def judge(candidates: Candidates, settings: Gate, cross_fit: CrossFit) -> Verdict:
    """Ask every gate about every candidate."""
    asked = _Asked(candidates.ids, np.ones(len(candidates.ids), np.bool_))
    _form(candidates, settings, asked)
    figures: dict[str, Any] = {}
    figures["relevance"] = _relevance(candidates, settings, asked)
    figures["consistency"] = _consistency(candidates, settings, asked, cross_fit)
    return Verdict(asked.left, tuple(asked.refused[i] for i in sorted(asked.refused)), figures)


def too_few(passed: int, new: int | None, settings: Gate, least: int) -> str | None:
    """Why there is no training with so many samples; None if there are enough.

    Parameters
    ----------
    new
        How many of them the release in Production has not learned from; None where that is not known.
    least
        Samples that any training needs.

    Examples
    --------
    >>> too_few(100, 2, Gate(), 30)
    'at least 5 new samples expected (feedback.gate.min_new), found 2'
    >>> too_few(100, None, Gate(), 30) is None
    True
    """
    if passed < least:
        return f"at least {least} labelled samples of good quality expected (model.min_samples), found {passed}"
    if new is not None and new < settings.min_new:
        return f"at least {settings.min_new} new samples expected (feedback.gate.min_new), found {new}"
    return None


def _form(candidates: Candidates, settings: Gate, asked: _Asked) -> None:
    """What needs no other sample."""
    target, classes = candidates.target, candidates.classes
    if classes:
        low, high = 0.0, classes - 1.0
        foreign = (target < low) | (target > high) | (target != np.round(target))
        asked.refuse("range", foreign, target, high, f"no index of one of the {classes} classes")
    elif settings.range is not None:
        low, high = settings.range
        asked.refuse("range", target < low, target, low, "the label lies below feedback.gate.range")
        asked.refuse("range", target > high, target, high, "the label lies above feedback.gate.range")
    cells = max(candidates.values[0].size, 1) if len(target) else 1
    gone = np.isnan(candidates.values).sum(axis=(1, 2)) / cells
    asked.refuse("completeness", gone > settings.missing, gone, settings.missing, "too many horizon readings missing")
    low_score = ~candidates.accepted & (candidates.unified < candidates.threshold)
    why = "the unified score is below the threshold"
    asked.refuse("quality", low_score, candidates.unified, candidates.threshold, why)
    why = "rejected by a person, or answered by a fallback"
    asked.refuse("quality", ~candidates.accepted, candidates.unified, None, why)
    contradicting = candidates.conflicting & ~candidates.reviewed
    asked.refuse("conflict", contradicting, target, None, "labels contradict each other, and nobody has reviewed them")


def _relevance(candidates: Candidates, settings: Gate, asked: _Asked) -> dict[str, Any]:
    """Samples that are there already, or like no other; and how far the new ones lie from the others."""
    left = np.flatnonzero(asked.left)
    first = exact(candidates.values[left])
    again = _spread(len(asked.left), left, first != np.arange(len(left)))
    asked.refuse("duplicate", again, None, None, "the same readings as an earlier sample")
    left = np.flatnonzero(asked.left)
    found = neighbours(candidates.features[left], candidates.sensor, settings.near)
    if found is None:
        return {"new": int(candidates.new[left].sum())}
    close = found.before_distance < found.same
    distance = _spread(len(asked.left), left, found.before_distance, np.nan)
    why = "nearly the readings of an earlier sample"
    asked.refuse("near_duplicate", _spread(len(asked.left), left, close), distance, found.same, why)
    apart = _spread(len(asked.left), left, found.distance, np.nan)
    far = _spread(len(asked.left), left, found.distance > found.alone)
    asked.refuse("relevance", far, apart, found.alone, "no other sample is like it")
    return {"new": int(candidates.new[left].sum()), **_drift(found, candidates.new[left])}


def _drift(found: Neighbours, new: Mask) -> dict[str, Any]:
    """Share of the new samples whose nearest known one is farther than 95 % of the known ones lie from each other."""
    if not new.any() or (~new).sum() < 2:
        return {}
    limit = float(np.quantile(found.to(~new, ~new), 0.95))
    return {"beyond_known": float(np.mean(found.to(new, ~new) > limit)), "usual": 0.05, "distance": limit}


def _consistency(candidates: Candidates, settings: Gate, asked: _Asked, cross_fit: CrossFit) -> dict[str, Any]:
    """Labels that contradict those of their neighbours: measured twice, the second time without what did."""
    left = np.flatnonzero(asked.left)
    if len(left) < LEAST or not settings.labels_per_100:
        return {"checked": 0}
    learn, doubt = asked.left.copy(), np.zeros(0)
    for _ in range(2):
        said = cross_fit(learn, asked.left)[left]
        doubt = doubt_of_class(said) if candidates.classes else robust_z(candidates.target[left] - said)
        suspect = suspects(doubt, candidates.reviewed[left])
        learn = asked.left & ~_spread(len(learn), left, suspect)
    wrong = inconsistent(doubt, candidates.reviewed[left], settings.labels_per_100)
    figure = _spread(len(asked.left), left, doubt, np.nan)
    why = "the label contradicts those of samples like it (figure in robust standard deviations)"
    asked.refuse("consistency", _spread(len(asked.left), left, wrong), figure, LIMIT, why)
    beyond = int(((doubt > LIMIT) & ~candidates.reviewed[left]).sum())
    return {"checked": len(left), "in_doubt": beyond, "limit": LIMIT, "per_100": settings.labels_per_100}


def _spread(n: int, index: NDArray[np.int64], values: NDArray[Any], otherwise: Any = False) -> NDArray[Any]:
    """Values at these positions of n."""
    found = np.full(n, otherwise, dtype=values.dtype)
    found[index] = values
    return found
