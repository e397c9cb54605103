"""What the others say of each sensor: exchanged, another unit, gain or offset, or that nobody can tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.audit import own, virtual
from dq_pipeline.audit.finding import Fault, Finding
from dq_pipeline.audit.material import NEWEST, Material
from dq_pipeline.drift import relations
from dq_pipeline.drift.cause import BETTER, CLEARLY, HARDLY
from dq_pipeline.drift.explanations import explain

Floats = NDArray[np.float64]

TOGETHER = 10
"""Faults that begin further apart than so many samples have not one cause."""
_PAIRED = 6
_EXACT = frozenset({"unit", "sign", "swapped"})
_FREE = frozenset({"gain", "offset", "gain_offset"})


def by_the_others(material: Material, asked: Sequence[int], judged: Sequence[int]) -> Iterator[Finding]:
    """Findings of the sensors that left the others.

    Parameters
    ----------
    asked, judged
        Columns that may speak, and those of them that may be at fault.
    """
    known, new, asked, judged = material.known, material.standardised(material.after), list(asked), list(judged)
    if material.beside is not None:
        asked.append(known.shape[2])
        known, new = (np.concatenate([a, b], axis=2) for a, b in zip((known, new), material.beside, strict=True))
    if len(asked) < 2 or not judged:
        return
    new = new[-NEWEST:]
    apart = virtual.split(known, new, asked, judged)
    pair = _swapped(material, apart, judged)
    if pair is not None:
        yield from swap(material, pair, apart.moved)
        judged, asked = ([j for j in some if j not in pair] for some in (judged, asked))
        if len(asked) < 2 or not judged:
            return
        apart = virtual.split(known, new, asked, judged)
    yield from _named(material, known, new, apart, judged)


def swap(material: Material, pair: tuple[int, int], moved: Floats) -> Iterator[Finding]:
    """The findings of two exchanged channels; `moved` (f,) is how far each lay out."""
    for j, other in (pair, pair[::-1]):
        name = material.sensors[other]
        yield Finding(
            material.sensors[j], "swapped", f"shows what {name} should", against="virtual", other=name,
            moved=float(moved[j]), determined=1.0, first=int(material.onset[j]),
        )  # fmt: skip


def _swapped(material: Material, apart: virtual.Split, judged: Sequence[int]) -> tuple[int, int] | None:
    """The pair that, exchanged, agrees with the others again."""
    far = sorted((j for j in judged if apart.moved[j] >= CLEARLY), key=lambda j: -apart.moved[j])[:_PAIRED]
    best, least, asked = None, np.inf, apart.every.columns
    for pair in combinations(far, 2):
        values = material.after[-NEWEST:].copy()
        values[:, :, pair] = values[:, :, pair[::-1]]
        new = material.standardised(values)
        if material.beside is not None:
            new = np.concatenate([new, material.beside[1][-NEWEST:]], axis=2)
        gone = apart.every.gone(new)
        left = float(max(gone[asked.index(j)] for j in pair))
        if left <= virtual.allowed(float(min(apart.moved[list(pair)]))) and left < least:
            best, least = pair, left
    return best


def _named(
    material: Material, known: Floats, new: Floats, apart: virtual.Split, judged: Sequence[int]
) -> Iterator[Finding]:
    names = material.sensors
    if not apart.settled:
        far = [j for j in judged if apart.moved[j] >= CLEARLY]
        rest = names[apart.worst] if 0 <= apart.worst < len(names) else "the target"
        for j in far:
            others = [names[k] for k in far if k != j][:3]
            why = f"changed with {', '.join(others) or rest}: a change of the process does that"
            yield _undetermined(material, j, float(apart.moved[j]), 0.0, why, {"rest_moved": round(apart.rest, 2)})
        return
    found = [_measured(material, j, known, new, apart.agree) for j in apart.left]
    for one in found:
        with_it = [
            other.sensor for other in found
            if other is not one and other.fault not in _EXACT and abs(other.first - one.first) <= TOGETHER
        ]  # fmt: skip
        if with_it and one.fault in _FREE:
            why = f"{one.text}, but {', '.join(with_it)} changed with it: a change of the process does that"
            yield _undetermined(material, names.index(one.sensor), one.moved, one.determined, why, one.figures)
        else:
            yield one


def _measured(material: Material, j: int, known: Floats, new: Floats, agree: Sequence[int]) -> Finding:
    """What became of a sensor, by its trusted reference or by all others."""
    name, unit = material.sensors[j], material.units[j]
    first = int(material.onset[j])
    last = min(len(material.after) - first, NEWEST)
    by, against = virtual.measure(known, new[-last:], j, agree), "virtual"
    reference = material.trusted.get(name)
    if reference in material.sensors and material.sensors.index(reference) in agree:
        alone = virtual.measure(known, new[-last:], j, [material.sensors.index(reference)])
        if alone.moved >= HARDLY and alone.share >= min(virtual.TRUSTED_SHARE, max(by.share, 0.5)):
            by, against = alone, f"trusted:{reference}"
    mean, sd = material.usual.mean[:, j], material.usual.sd[:, j]
    shown = relations.levels_of(material.after[-last:, :, [j]])[:, :, 0]
    tried = explain(shown, mean + sd * by.expected, sd * by.sd, unit)
    best, none = tried[0], next(one for one in tried if one.kind == "none")
    left = virtual.left_over(by, ((shown - best.offset) / (best.gain or 1e-12) - mean) / sd)
    figures: dict[str, Any] = {
        "explained_share": round(by.share, 3),
        "contradicted": round(by.contradicted, 2),
        "moved_once_corrected": round(left, 2),
        "loss": round(best.loss, 3),
        "loss_unexplained": round(none.loss, 3),
        "explanation": best.text,
        "or": [one.text for one in tried[1:] if one.kind != "none" and one.loss - best.loss < BETTER],
    }
    if not by.knows:
        why = f"moved alone, but the others explain only {by.share:.0%} of it: a fault or a change of the process"
        return _undetermined(material, j, by.moved, by.share, why, figures)
    possible = best.kind == "sign" or (best.kind != "none" and best.gain > 0)
    exact = best.kind in {"unit", "sign"}
    back = left <= (own.near(by.moved) if exact else virtual.allowed(by.moved))
    if not (possible and back and none.loss - best.loss >= BETTER):
        why = "moved alone, but no unit, gain or offset explains it"
        return _undetermined(material, j, by.moved, by.share, why, figures)
    kind: Fault = "gain_offset" if best.kind == "gain and offset" else best.kind
    return Finding(
        name, kind, best.text, best.gain, best.offset, against=against, determined=by.share, moved=by.moved,
        first=first, figures=figures,
    )  # fmt: skip


def _undetermined(
    material: Material, j: int, moved: float, share: float, why: str, figures: Mapping[str, Any]
) -> Finding:
    return Finding(
        material.sensors[j], "undetermined", why, against="virtual", determined=share, moved=moved,
        first=int(material.onset[j]), figures=figures,
    )  # fmt: skip
