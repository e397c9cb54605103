"""Evidence of the inputs: which sensors moved, alone or together, at once or by degrees, and where to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.audit import Finding, examine
from dq_pipeline.audit.virtual import Fit
from dq_pipeline.drift import relations
from dq_pipeline.process import Process
from dq_pipeline.triage import channels
from dq_pipeline.triage.case import Stretch

Floats = NDArray[np.float64]

CLEARLY = 5.0
"""How far a sensor's level must go, in units of how far it usually does."""
BROKEN = frozenset({"stuck", "dead", "missing", "clipped", "noisy"})
MISREAD = frozenset({"unit", "gain", "offset", "gain_offset", "sign", "swapped", "lag"})
INFORMED = 0.3
"""Share of a sensor's variance that the others must explain before they contradict a bias of it.

At this share a bias of twice the sensor's standard deviation lies 2.4 of what the others leave open off, in every
sample; and the others stay where they were, which they would not were it the plant."""
BESIDE = 0.5
"""A sensor goes alone where every other goes less than this share of its way."""
NEAR, NEARER = 2.0, 0.5
"""How near a past regime's mean levels must be: in its standard deviations, and as a share of the way from before."""
GONE = 0.2
"""Share of its readings that must be missing before a sensor is silent."""
STRONG = 8.0
"""How far a sensor must go before it can be no chance."""
NEWEST = 30
"""Samples since a change on which it is measured how far sensors went."""
_LEAST = 8


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """What became of the inputs since a moment.

    Attributes
    ----------
    findings
        What the audit says of the sensors that do not measure as before.
    moved
        Sensor -> how far its level, slope or noise went, in units of how far it usually goes; those that went clearly.
    furthest
        The largest of all.
    gradual
        Of what moved, share of the way that was gone within the stretch: 0 at once, 1 by degrees.
    back
        Name of the past regime that the levels are those of, empty if of none.
    """

    findings: tuple[Finding, ...]
    moved: Mapping[str, float]
    furthest: float
    gradual: float
    back: str

    def of(self, faults: frozenset[str]) -> tuple[Finding, ...]:
        """Findings of these faults, those that moved furthest first."""
        return tuple(sorted((f for f in self.findings if f.fault in faults), key=lambda f: -f.moved))

    @property
    def unsure(self) -> tuple[Finding, ...]:
        """Sensors that left the others by themselves, and nothing tells why."""
        found = (f for f in self.findings if f.fault == "undetermined" and "explained_share" in f.figures)
        return tuple(sorted(found, key=lambda f: -f.moved))

    @property
    def strong(self) -> bool:
        """Whether more than the usual wandering of one sensor's relation to the others is seen."""
        return len(self.moved) > 1 or self.furthest >= STRONG or any(one.moved >= STRONG for one in self.findings)

    @property
    def quiet(self) -> bool:
        """Whether nothing that the sensors show changed."""
        return not self.findings and not self.moved


def look(process: Process, before: Stretch, after: Stretch, regimes: Mapping[str, Floats]) -> Inputs:
    """Audit the sensors and measure how far each went."""
    names = process.sensor_names
    units = [process.sensors[name].unit for name in names]
    ranges = [process.sensors[name].range for name in names]
    trusted = {name: one.trusted for name, one in process.sensors.items() if one.trusted is not None}
    found = [one for one in examine(before.values, after.values, names, units, trusted, ranges) if one.fault != "none"]
    found = channels.reread(process, before.values, after.values, found)
    gone, gradual = _gone(before.values, after.values)
    moved = {name: round(float(gone[j]), 1) for j, name in enumerate(names) if gone[j] >= CLEARLY}
    if len(moved) == 1 and all(one.fault == "undetermined" for one in found):
        found = _lone(before.values, after.values, names, gone) or found
    return Inputs(
        findings=tuple(found),
        moved=dict(sorted(moved.items(), key=lambda one: -one[1])),
        furthest=float(gone.max(initial=0.0)),
        gradual=gradual,
        back=_back(before.values, after.values, regimes),
    )


def silent_of(names: tuple[str, ...], after: Stretch) -> frozenset[str]:
    """Sensors of which a good part of the readings is missing."""
    gone = np.isnan(after.values).mean(axis=(0, 1))
    return frozenset(name for j, name in enumerate(names) if gone[j] >= GONE)


def corrected(process: Process, after: Stretch, findings: tuple[Finding, ...]) -> Stretch:
    """The same samples as the sensors should have read, by what the audit says of them."""
    values = after.values.copy()
    for one in findings:
        j = process.sensor_names.index(one.sensor)
        if one.fault == "swapped" and one.other in process.sensor_names:
            values[:, :, j] = after.values[:, :, process.sensor_names.index(one.other)]
        elif one.gain:
            values[one.first :, :, j] = (values[one.first :, :, j] - one.offset) / one.gain
    return replace(after, values=values)


def _lone(before: Floats, after: Floats, names: tuple[str, ...], gone: Floats) -> list[Finding]:
    """The one sensor that went clearly and at least twice as far as any other, where the others cannot follow it.

    Next to it a relation that wanders by chance tells nothing: what it stands for reads as before. Where the others
    left each other further than chance goes, asked without this one, more changed than this sensor.
    """
    first, second = np.argsort(gone)[::-1][:2]
    if gone[second] > BESIDE * gone[first]:
        return []
    levels = relations.levels_of(before)
    usual = relations.Levels.fit(levels)
    known, new = usual.standardise(levels), usual.standardise(relations.levels_of(after[-NEWEST:]))
    rest = [j for j in range(len(names)) if j != first]
    if float(Fit(known, rest).gone(new).max(initial=0.0)) >= STRONG:
        return []
    share = float(np.clip(relations.explained(known, relations.cross_residuals(known))[first], 0.0, 1.0))
    if share >= INFORMED:
        return []
    text = "its level went elsewhere, and no other sensor with it"
    far = float(gone[first])
    figures = {"explained_share": round(share, 3)}
    return [
        Finding(names[first], "undetermined", text, against="virtual", determined=share, moved=far, figures=figures)
    ]


def _gone(before: Floats, after: Floats) -> tuple[Floats, float]:
    """How far each sensor's mean level and slope went (f,), and how gradually what moved most did."""
    if len(after) < _LEAST or len(before) < 2 * NEWEST:
        return np.zeros(before.shape[2]), 0.0
    levels = relations.levels_of(before), relations.levels_of(after)
    usual = relations.Levels.fit(levels[0])
    known, new = (np.clip(relations.shapes(usual.standardise(one)), -20.0, 20.0) for one in levels)
    n = min(len(new), NEWEST)
    newest = new[-n:]
    base = known.mean(axis=0)
    windows = [known[t : t + n].mean(axis=0) - base for t in range(0, len(known) - n + 1, max(n // 3, 1))]
    usual_way = np.maximum(np.sqrt(np.mean(np.square(windows), axis=0)), 0.6 * np.max(np.abs(windows), axis=0))
    error = np.maximum(usual_way, known.std(axis=0) / np.sqrt(n)) + 1e-3
    way = newest.mean(axis=0) - base
    gone = np.abs(way) / error
    kind, j = np.unravel_index(int(np.argmax(gone)), gone.shape)
    third = max(len(new) // 3, 1)
    early = float(new[:third, kind, j].mean() - base[kind, j])
    gradual = float(np.clip(1.0 - early / way[kind, j], 0.0, 1.0)) if way[kind, j] else 0.0
    return np.asarray(gone.max(axis=0)), gradual


def _back(before: Floats, after: Floats, regimes: Mapping[str, Floats]) -> str:
    """The past regime whose levels the newest samples have, empty if none."""
    if len(after) < _LEAST:
        return ""
    with relations.no_complaints():
        known, now = np.nanmean(before, axis=1), np.nanmean(after[-NEWEST:], axis=1)
        here, old = np.nanmean(now, axis=0), np.nanmean(known, axis=0)
    best, least = "", np.inf
    for name, levels in regimes.items():
        if levels.ndim != 2 or levels.shape[1] != len(here) or len(levels) < _LEAST:
            continue
        with relations.no_complaints():
            there = np.nanmean(levels, axis=0)
            sd = np.maximum(np.maximum(np.nanstd(levels, axis=0), 0.2 * np.nanstd(known, axis=0)), 1e-9)
        apart, way = np.abs(here - there) / sd, np.abs(old - there) / sd
        distance = float(np.sqrt(np.nanmean(np.square(apart))))
        near = np.nanmax(apart) <= 3.0 * NEAR and distance <= NEAR
        if near and distance <= NEARER * float(np.sqrt(np.nanmean(np.square(way)))) and distance < least:
            best, least = name, distance
    return best
