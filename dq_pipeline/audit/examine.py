"""An audit: one finding for each sensor, from its recordings while all was well and the newest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.audit import direct, others, own
from dq_pipeline.audit.finding import Finding
from dq_pipeline.audit.material import Material

Floats = NDArray[np.float64]

MANY = 5
"""One in so many sensors is noisy at once, and it is the process; two that lag are one channel's or the process'."""


def examine(
    before: Floats,
    after: Floats,
    sensors: Sequence[str],
    units: Sequence[str],
    trusted: Mapping[str, str] | None = None,
    ranges: Sequence[tuple[float, float]] | None = None,
    target: tuple[Floats, Floats] | None = None,
) -> tuple[Finding, ...]:
    """Audit every sensor.

    What a sensor shows by itself comes first; what is exactly wrong is turned back, and what is useless left out,
    before the others are asked about the rest.

    Parameters
    ----------
    before : (N, T, f)
        Recordings in time order while all was well, NaN where nothing was read.
    after : (n, T, f)
        The newest; the fault may begin within them.
    sensors, units, ranges
        Of each column: name, unit, what it can physically show.
    trusted
        Sensor -> the one that is trusted to tell what it should read.
    target
        Of the recordings before and after (N,), (n,), NaN where unknown: one neighbour more.

    Returns
    -------
    One finding for each sensor, in their order.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> values = 20.0 + rng.normal(size=(220, 1, 1)) + 0.1 * rng.normal(size=(220, 30, 4))
    >>> values[200:, :, 1] *= 14.5037738
    >>> [(found.sensor, found.fault, found.text) for found in examine(values[:200], values[200:], "abcd", ["bar"] * 4)]
    ... # doctest: +NORMALIZE_WHITESPACE
    [('a', 'none', 'measures as before'), ('b', 'unit', 'reads psi for bar'), ('c', 'none', 'measures as before'),
     ('d', 'none', 'measures as before')]
    """
    material = Material(before, after, sensors, units, trusted or {}, ranges, target)
    found: dict[str, Finding] = {}
    for stage in (_useless, _exchanged, _converted, _spoilt, _compared):
        found |= {one.sensor: one for one in stage(material, found)}
    _in_company(found)
    few = f"{len(before)} recordings before, {len(after)} now: too few to say more"
    well = "measures as before" if material.enough else few
    every = (found.get(name) or Finding(name, "none", well) for name in sensors)
    return tuple(replace(one, first=max(min(one.first, len(after) - 1), 0)) for one in every)


def _left(material: Material, found: Mapping[str, Finding]) -> Iterator[tuple[int, str]]:
    for j, name in enumerate(material.sensors):
        if name not in found and np.isfinite(material.before[:, :, j]).any():
            yield j, name


def _useless(material: Material, found: Mapping[str, Finding]) -> Iterator[Finding]:
    """Silent, zero, or one reading over and over."""
    for j, name in _left(material, found):
        yield from _shown(name, direct.silent_or_stuck(material.before[:, :, j], material.after[:, :, j]))


def _exchanged(material: Material, found: Mapping[str, Finding]) -> Iterator[Finding]:
    """Two that each show what the other used to."""
    if material.enough:
        columns = [j for j, _ in _left(material, found)]
        pair, moved = own.exchanged(material, columns)
        if pair is not None:
            yield from others.swap(material, pair, moved)


def _converted(material: Material, found: Mapping[str, Finding]) -> Iterator[Finding]:
    """Another unit, or the sign turned."""
    for j, name in _left(material, found) if material.enough else ():
        exact = own.exact(*material.column(j), material.units[j], material.ranges[j]) if material.varies(j) else None
        if exact is not None:
            material.turn_back(j, exact.gain, exact.offset)
            yield Finding(
                name, exact.fault, exact.text, exact.gain, exact.offset, against="itself", moved=exact.moved,
                determined=1.0, first=int(material.onset[j]), figures={"moved_once_corrected": round(exact.left, 2)},
            )  # fmt: skip


def _spoilt(material: Material, found: Mapping[str, Finding]) -> Iterator[Finding]:
    """Clipped, noisy or late; not where several are at once."""
    noisy, late = list[Finding](), list[Finding]()
    for j, name in _left(material, found):
        before, after = material.before[:, :, j], material.after[:, :, j]
        cut = list(_shown(name, direct.clipped(before, after)))
        yield from cut
        if cut or not material.enough or not material.varies(j):
            continue
        loud = list(_shown(name, direct.noisy(before, after, own.gain_of(*material.column(j)))))
        noisy += loud
        shift = None if loud else own.shift(*material.column(j))
        if shift is not None:
            text = f"{abs(shift.rows)} rows {'behind' if shift.rows > 0 else 'ahead of'} its usual course"
            late.append(
                Finding(
                    name,
                    "lag",
                    text,
                    lag=float(shift.rows),
                    against="itself",
                    determined=shift.explained,
                    moved=shift.moved,
                    first=int(material.onset[j]),
                )
            )
    if len(noisy) <= max(len(material.sensors) // MANY, 1):
        yield from noisy
    if len(late) == 1:
        yield from late


def _compared(material: Material, found: Mapping[str, Finding]) -> Iterator[Finding]:
    """What the others say of those in which nothing was seen."""
    if material.enough:
        judged = [j for j, _ in _left(material, found)]
        exact = [
            j for j, name in enumerate(material.sensors) if name in found and found[name].fault in {"unit", "sign"}
        ]
        yield from others.by_the_others(material, sorted([*judged, *exact]), judged)


def _in_company(found: dict[str, Finding]) -> None:
    """A sensor that is late while others left their relations is no sensor's fault that anybody could tell."""
    moved = [name for name, one in found.items() if one.against == "virtual" and one.fault != "swapped"]
    for name, one in found.items():
        if one.fault == "lag" and moved:
            text = f"{one.text}, but {', '.join(moved[:3])} changed with it: a change of the process does that"
            found[name] = replace(one, fault="undetermined", text=text)


def _shown(name: str, seen: direct.Symptom | None) -> Iterator[Finding]:
    if seen is not None:
        yield Finding(name, seen.fault, seen.text, against="itself", determined=seen.share, first=seen.first)
