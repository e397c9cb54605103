"""The audit of sensors: how often each fault is named right, by severity, and what is named where nothing is wrong.

Each seed draws a place in the recordings. From there on one sensor carries a fault for thirty recordings, the 280
before it are what the audit compares with; it begins up to five recordings into the window. A gain or an offset that
moves a sensor by less than its usual standard deviation from recording to recording is none, and another sensor is
drawn. Where nothing is wrong the window is as it was recorded, next to the 280 before it or 300 recordings later; a
change of the process is on two to four sensors together, or the simulated pumps wear or leak. A sensor that was not at
fault counts as named wrongly if any fault but "undetermined" is said of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.protocols import available, pump_downs, recorded
from dq_pipeline.audit import Finding, examine
from dq_pipeline.drift import relations
from dq_pipeline.drift.explanations import conversions
from dq_pipeline.process import Process
from dq_pipeline.simulate.drifts import DRIFTS, Step
from dq_pipeline.simulate.faults import robust_scale
from dq_pipeline.simulate.vacuum import VacuumDrift

WRONG_BAR = 0.05
BARRED = ("hydraulic", "vacuum")
SEEDS, LONG_SEEDS = 8, 4
BEFORE, AFTER, LATE, APART = 280, 30, 5, 300
SEVERITIES = ("low", "medium", "high")
SIZES: dict[str, tuple[float, float, float]] = {
    "gain": (0.05, 0.15, 0.4),
    "offset": (1.0, 2.0, 4.0),  # robust standard deviations
    "lag": (0.05, 0.1, 0.2),  # of the rows
    "stuck": (0.3, 0.6, 1.0),  # of the rows
    "clipped": (0.95, 0.8, 0.6),  # quantile of what it read
    "noisy": (0.5, 1.0, 3.0),  # robust standard deviations
}
SIZELESS = ("unit", "sign", "swapped", "dead")
SEVERAL = (("gain", 0.1), ("gain", 0.3), ("process_change", 1.0), ("process_change", 2.0), ("process_change", 3.0))
WORN = (("wear", 0.5), ("wear", 1.0), ("leak", 1.0), ("leak", 2.0))
RIGHT = {
    "gain": {"gain", "gain_offset", "offset", "unit"},  # over a narrow range a gain is an offset
    "offset": {"gain", "gain_offset", "offset"},
    "stuck": {"stuck", "dead"},
    "clipped": {"clipped", "stuck"},
}

Floats = NDArray[np.float64]


def measure(short: bool) -> list[dict[str, Any]]:
    """Shares over all seeds, a row each; skab's sensors are few and loosely tied, and hold no bar.

    `short` takes each fault once, of one severity, on the pump-down, and fewer changes of the process.
    """
    if short:
        return list(_rows("vacuum", 1, ("medium",), SEVERAL[::4]))
    return [row for name in available() for row in _rows(name, LONG_SEEDS if name == "vacuum" else SEEDS)]


def _rows(
    name: str,
    seeds: int,
    severities: Sequence[str] = SEVERITIES,
    several: Sequence[tuple[str, float]] = SEVERAL,
) -> Iterator[dict[str, Any]]:
    told: dict[tuple[str, str], Counter[str]] = {}
    wrong = {what: Counter[str]() for what in ("nothing", "nothing_long_after", "several", "worn", "random_factor")}
    whole = None if name == "vacuum" else recorded(name)
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        process, values, target = whole or pump_downs(BEFORE + AFTER + 60, seed)
        for fault in (*SIZES, *SIZELESS):
            for severity, size in zip(SEVERITIES, SIZES.get(fault, (1.0,)), strict=False):
                if fault in SIZES and severity not in severities:
                    continue
                place = _Place(process, values, target, rng)
                sensors = place.break_one(fault, size)
                if sensors:
                    told.setdefault((fault, severity), Counter())[_said(place.audit(), fault, sensors)] += 1
        wrong["nothing"][_called(_Place(process, values, target, rng).audit())] += 1
        long = whole or pump_downs(BEFORE + APART + AFTER, seed)
        place = _Place(*long, np.random.default_rng([seed, 1]), APART)
        wrong["nothing_long_after"][_called(place.audit())] += 1
        for kind, size in several:
            place = _Place(process, values, target, rng)
            place.change(kind, size, int(rng.integers(2, 5)))
            wrong["several"][_called(place.audit())] += 1
        place = _Place(process, values, target, rng)
        place.random_factor()
        wrong["random_factor"][_called(place.audit(), "unit")] += 1
        for what, magnitude in WORN[seed % 4 :: 4] if name == "vacuum" else ():
            worn = pump_downs(BEFORE + AFTER, seed, VacuumDrift(BEFORE + LATE, what, magnitude))  # type: ignore[arg-type]
            wrong["worn"][_called(_Place(*worn, rng).audit())] += 1
    barred = name in BARRED
    for (fault, severity), count in told.items():
        for what in ("right", "undetermined", "missed", "wrong"):
            yield _row(f"audit/{name}/{fault}/{severity}/{what}", count[what], count.total(), None)
    for what, count in wrong.items():
        if count:
            yield _row(f"audit/{name}/named_under/{what}", count["named"], count.total(), WRONG_BAR if barred else None)


def _row(name: str, found: int, of: int, bar: float | None) -> dict[str, Any]:
    share = found / of
    holds = None if bar is None else share <= bar
    return {"name": name, "value": round(share, 3), "unit": f"of {of}", "against": None, "bar": bar, "holds": holds}


def _said(findings: tuple[Finding, ...], fault: str, sensors: list[str]) -> str:
    named = {one.sensor: one.fault for one in findings if one.fault not in {"none", "undetermined"}}
    if set(named) - set(sensors):
        return "wrong"
    if set(named) == set(sensors):
        return "right" if set(named.values()) <= RIGHT.get(fault, {fault}) else "wrong"
    return "undetermined" if any(one.fault == "undetermined" for one in findings) else "missed"


def _called(findings: tuple[Finding, ...], fault: str = "") -> str:
    named = [one for one in findings if one.fault not in {"none", "undetermined"} and fault in {"", one.fault}]
    return "named" if named else "not"


class _Place:
    """Recordings around a moment, to be changed from there on."""

    def __init__(
        self, process: Process, values: Floats, target: Floats, rng: np.random.Generator, apart: int = 0
    ) -> None:
        self.process, self.rng = process, rng
        at = int(rng.integers(BEFORE + apart, len(values) - AFTER + 1))
        known = slice(at - apart - BEFORE, at - apart)
        self.before, self.after = values[known], values[at : at + AFTER].copy()
        self.target = target[known], target[at : at + AFTER]
        self.first = int(rng.integers(0, LATE + 1))
        self.scale = robust_scale(self.before)
        self.usual = np.nanstd(relations.levels_of(self.before).mean(axis=1), axis=0)

    @property
    def _faulty(self) -> Floats:
        return self.after[self.first :]

    def audit(self) -> tuple[Finding, ...]:
        """What is said of every sensor."""
        sensors = self.process.sensors
        trusted = {name: one.trusted for name, one in sensors.items() if one.trusted is not None}
        units, ranges = [one.unit for one in sensors.values()], [one.range for one in sensors.values()]
        return examine(self.before, self.after, list(sensors), units, trusted, ranges, self.target)

    def break_one(self, fault: str, size: float) -> list[str]:
        """Put a fault on one sensor, two if they are swapped; none where no sensor can have it."""
        names = self.process.sensor_names
        for j in self.rng.permutation(len(names)).tolist():
            if self.usual[j] <= 0:
                continue
            if fault == "swapped":
                other = int(self.rng.choice([k for k in range(len(names)) if k != j]))
                apart = np.abs(np.nanmedian(self.before[:, :, j]) - np.nanmedian(self.before[:, :, other]))
                if apart >= max(self.usual[j], self.usual[other]):
                    self._faulty[:, :, [j, other]] = self._faulty[:, :, [other, j]]
                    return [names[j], names[other]]
                continue
            made = _BROKEN[fault](self, j, size)
            if fault in {"gain", "offset", "unit", "sign"}:
                if np.nanmean(np.abs(made - self._faulty[:, :, j])) < self.usual[j]:
                    continue
            elif np.nanmean(made != self._faulty[:, :, j]) < 0.02:
                continue
            self._faulty[:, :, j] = made
            return [names[j]]
        return []

    def change(self, kind: str, size: float, count: int) -> None:
        """The process moves so many sensors."""
        moved = 0
        for j in self.rng.permutation(len(self.scale)):
            made = DRIFTS[kind](self._faulty[:, :, j], Step(size, float(self.scale[j]), moved))
            if np.nanmean(np.abs(made - self._faulty[:, :, j])) >= max(self.usual[j], 1e-9):
                self._faulty[:, :, j] = made
                moved += 1
            if moved == count:
                return

    def random_factor(self) -> None:
        """The process takes one sensor to some multiple, noise and all, that is no conversion."""
        j = int(self.rng.integers(len(self.scale)))
        self._faulty[:, :, j] *= float(np.exp(self.rng.choice([-1, 1]) * self.rng.uniform(np.log(2.0), np.log(200.0))))

    def unit(self, j: int, _: float) -> Floats:
        """In another unit, decimal points where there is none."""
        options = conversions(self.process.sensors[self.process.sensor_names[j]].unit)
        exact = [one for one in options if "factor" not in one[2]] or options
        gain, offset, _ = exact[int(self.rng.integers(len(exact)))]
        return np.asarray(self._faulty[:, :, j] * gain + offset)

    def silent(self, _: int, __: float) -> Floats:
        """Nothing, or nothing but 0."""
        return np.full(self._faulty.shape[:2], 0.0 if self.rng.random() < 0.5 else np.nan)

    def held(self, j: int, size: float) -> Floats:
        """One reading repeated for a share of the rows, or for good."""
        made = self._faulty[:, :, j].copy()
        rows = made.shape[1]
        length = max(round(size * rows), 2)
        start = int(self.rng.integers(0, rows - length + 1))
        made[:, start : start + length] = made[0 if size == 1.0 else slice(None), start][..., None]
        return made

    def lagging(self, j: int, size: float) -> Floats:
        """Behind by a share of the rows; what was before the first is its mirror."""
        made, rows = self._faulty[:, :, j], self.after.shape[1]
        late = max(round(size * rows), 1)
        return np.concatenate([made[:, late:0:-1], made[:, :-late]], axis=1)


_BROKEN: dict[str, Callable[[_Place, int, float], Floats]] = {
    "gain": lambda place, j, size: DRIFTS["gain"](place._faulty[:, :, j], Step(size, float(place.scale[j]), 0)),
    "offset": lambda place, j, size: DRIFTS["offset"](place._faulty[:, :, j], Step(size, float(place.scale[j]), 0)),
    "unit": _Place.unit,
    "sign": lambda place, j, _: -place._faulty[:, :, j],
    "dead": _Place.silent,
    "stuck": _Place.held,
    "lag": _Place.lagging,
    "clipped": lambda place, j, size: np.minimum(
        place._faulty[:, :, j], np.nanquantile(place.before[-100:, :, j], size)
    ),
    "noisy": lambda place, j, size: (
        place._faulty[:, :, j] + size * place.scale[j] * place.rng.standard_normal(place._faulty.shape[:2])
    ),
}
