"""An audit: one finding for each sensor, from its recordings while all was well and the newest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.audit import direct, own, virtual
from dq_pipeline.audit.finding import Fault, Finding
from dq_pipeline.drift import relations
from dq_pipeline.drift.cause import BETTER, CLEARLY, HARDLY, LEAST_AFTER, LEAST_BEFORE, LEEWAY, MOST_LEEWAY
from dq_pipeline.drift.explanations import explain
from dq_pipeline.drift.relations import Levels

Floats = NDArray[np.float64]

NEWEST = 30
"""Samples that a sensor is measured on; more only let the process wander."""
TOGETHER = 5
"""Faults that begin further apart than so many samples have not one cause."""
_PAIRED = 6


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
    return _Audit(before, after, sensors, units, trusted or {}, ranges, target).findings()


class _Audit:
    def __init__(
        self,
        before: Floats,
        after: Floats,
        sensors: Sequence[str],
        units: Sequence[str],
        trusted: Mapping[str, str],
        ranges: Sequence[tuple[float, float]] | None,
        target: tuple[Floats, Floats] | None,
    ) -> None:
        self.sensors, self.units, self.trusted = list(sensors), list(units), trusted
        self.ranges = ranges or [(-np.inf, np.inf)] * len(self.sensors)
        self.before, self.after = before, after.copy()
        self.found: dict[int, Finding] = {}
        self.enough = len(before) >= LEAST_BEFORE and len(after) >= LEAST_AFTER
        if self.enough:
            levels = relations.levels_of(before)
            self.usual = Levels.fit(levels)
            self.known = self.usual.standardise(levels)
            phases = self.usual.mean.shape[0]
            self.target = None if target is None else relations.as_neighbour(*target, phases=phases)
            new = self.usual.standardise(relations.levels_of(after))
            self.onset = relations.onsets(self.known, new, 0, LEAST_AFTER)

    def findings(self) -> tuple[Finding, ...]:
        self._directly()
        if self.enough:
            self._by_itself()
            self._by_the_others()
        return tuple(self._finding(j) for j in range(len(self.sensors)))

    def _finding(self, j: int) -> Finding:
        found = self.found.get(j)
        if found is None:
            text = (
                "measures as before" if self.enough else f"{len(self.before)} and {len(self.after)} recordings: too few"
            )
            return Finding(self.sensors[j], "none", text)
        return replace(found, first=min(found.first, len(self.after) - 1))

    def _directly(self) -> None:
        for j, name in enumerate(self.sensors):
            seen = direct.symptom(self.before[:, :, j], self.after[:, :, j])
            if seen is not None:
                self.found[j] = Finding(
                    name, seen.fault, seen.text, against="itself", determined=seen.share, first=seen.first
                )

    def _by_itself(self) -> None:
        lags: dict[int, own.Shift] = {}
        for j, name in enumerate(self.sensors):
            if j in self.found or not np.isfinite(self.before[:, :, j]).any():
                continue
            first = int(self.onset[j])
            before, after = self.before[:, :, j], self.after[first:, :, j][-NEWEST:]
            exact = own.exact(before, after, self.units[j], self.ranges[j])
            if exact is not None:
                self.found[j] = Finding(
                    name, exact.fault, exact.text, exact.gain, exact.offset, against="itself", moved=exact.moved,
                    determined=1.0, first=first, figures={"moved_once_corrected": round(exact.left, 2)},
                )  # fmt: skip
                self.after[first:, :, j] = (self.after[first:, :, j] - exact.offset) / exact.gain
                continue
            seen = direct.noisy(before, self.after[:, :, j], own.gain_of(before, after))
            if seen is not None:
                self.found[j] = Finding(
                    name, "noisy", seen.text, against="itself", determined=seen.share, first=seen.first
                )
                continue
            lag = own.shift(before, after)
            if lag is not None:
                lags[j] = lag
        if len(lags) <= max(len(self.sensors) // 4, 1):  # a process that is late has many sensors that are
            for j, lag in lags.items():
                text = f"{abs(lag.rows)} rows {'behind' if lag.rows > 0 else 'ahead of'} its usual course"
                self.found[j] = Finding(
                    self.sensors[j], "lag", text, lag=float(lag.rows), against="itself", determined=lag.explained,
                    moved=lag.moved, first=int(self.onset[j]),
                )  # fmt: skip

    def _by_the_others(self) -> None:
        corrected = {j for j, one in self.found.items() if one.fault in {"unit", "sign"}}
        well = [j for j in range(len(self.sensors)) if j not in self.found or j in corrected]
        judged = [j for j in well if j not in self.found]
        known, new = self.known, self._standardised(self.after)
        asked = list(well)
        if self.target is not None:
            asked.append(known.shape[2])
            known, new = (np.concatenate([a, b], axis=2) for a, b in zip((known, new), self.target, strict=True))
        if len(asked) < 2 or not judged:
            return
        new = new[-NEWEST:]
        apart = virtual.split(known, new, asked, judged)
        for pair in self._swapped(known, apart, asked, judged):
            for j, other in (pair, pair[::-1]):
                name = self.sensors[other]
                self.found[j] = Finding(
                    self.sensors[j], "swapped", f"shows what {name} should", against="virtual", other=name,
                    moved=float(apart.moved[j]), determined=1.0, first=int(self.onset[j]),
                )  # fmt: skip
            judged = [j for j in judged if j not in pair]
            asked = [j for j in asked if j not in pair]
            apart = virtual.split(known, new, asked, judged)
        for one in self._named(known, new, apart, judged):
            self.found[self.sensors.index(one.sensor)] = one

    def _standardised(self, values: Floats) -> Floats:
        return self.usual.standardise(relations.levels_of(values))

    def _swapped(
        self, known: Floats, apart: virtual.Split, asked: Sequence[int], judged: Sequence[int]
    ) -> Iterator[tuple[int, int]]:
        """The pair that, exchanged, agrees with the others again."""
        far = sorted((j for j in judged if apart.moved[j] >= CLEARLY), key=lambda j: -apart.moved[j])[:_PAIRED]
        best, least = None, np.inf
        for pair in combinations(far, 2):
            values = self.after[-NEWEST:].copy()
            values[:, :, pair] = values[:, :, pair[::-1]]
            new = self._standardised(values)
            if known.shape[2] > new.shape[2] and self.target is not None:
                new = np.concatenate([new, self.target[1][-NEWEST:]], axis=2)
            left = virtual.swapped(known, new, asked, pair)
            allowed = HARDLY + min(LEEWAY * float(min(apart.moved[list(pair)])), MOST_LEEWAY)
            if left <= allowed and left < least:
                best, least = pair, left
        if best is not None:
            yield best

    def _named(self, known: Floats, new: Floats, apart: virtual.Split, judged: Sequence[int]) -> Iterator[Finding]:
        if not apart.settled:
            far = [j for j in judged if apart.moved[j] >= CLEARLY]
            for j in far:
                others = [self.sensors[k] for k in far if k != j][:3]
                why = f"changed with {', '.join(others) or self._name(apart.worst)}: a change of the process does that"
                yield self._undetermined(j, float(apart.moved[j]), 0.0, why)
            return
        found = [self._measured(j, known, new, apart.agree) for j in apart.left]
        free = [one for one in found if one.fault in {"gain", "offset", "gain_offset"}]
        starts = sorted(one.first for one in free)
        together = len(free) > 1 and min(np.diff(starts)) <= TOGETHER
        for one in found:
            if together and one in free:
                with_it = ", ".join(other.sensor for other in free if other is not one)
                why = f"{one.text}, but {with_it} changed with it: a change of the process does that"
                yield self._undetermined(self.sensors.index(one.sensor), one.moved, one.determined, why, one.figures)
            else:
                yield one

    def _measured(self, j: int, known: Floats, new: Floats, agree: Sequence[int]) -> Finding:
        """What became of a sensor, by its trusted reference or by all others."""
        name, unit = self.sensors[j], self.units[j]
        first = int(self.onset[j])
        last = min(len(self.after) - first, NEWEST)
        new = new[-last:]
        by, against = virtual.measure(known, new, j, agree), "virtual"
        reference = self.trusted.get(name)
        if reference in self.sensors and self.sensors.index(reference) in agree:
            trusted = virtual.measure(known, new, j, [self.sensors.index(reference)])
            if trusted.share >= max(virtual.TRUSTED_SHARE, by.share - 0.05) or not by.knows:
                by, against = trusted, f"trusted:{reference}"
        if by.moved < HARDLY and against != "virtual":
            by, against = virtual.measure(known, new, j, agree), "virtual"
        mean, sd = self.usual.mean[:, j], self.usual.sd[:, j]
        shown = relations.levels_of(self.after[-last:, :, [j]])[:, :, 0]
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
            return self._undetermined(j, by.moved, by.share, why, figures)
        fits = best.kind != "none" and best.gain > 0 and none.loss - best.loss >= BETTER and left <= HARDLY
        if not fits:
            why = "moved alone, but no unit, gain or offset explains it"
            return self._undetermined(j, by.moved, by.share, why, figures)
        kind: Fault = "gain_offset" if best.kind == "gain and offset" else best.kind
        return Finding(
            name, kind, best.text, best.gain, best.offset, against=against, determined=by.share, moved=by.moved,
            first=first, figures=figures,
        )  # fmt: skip

    def _undetermined(
        self, j: int, moved: float, share: float, why: str, figures: Mapping[str, Any] | None = None
    ) -> Finding:
        return Finding(
            self.sensors[j], "undetermined", why, against="virtual", determined=share, moved=moved,
            first=int(self.onset[j]), figures=figures or {},
        )  # fmt: skip

    def _name(self, column: int) -> str:
        return self.sensors[column] if 0 <= column < len(self.sensors) else "the target"
