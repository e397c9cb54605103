"""The first cause check: how often one sensor's fault is named, and a change of the process taken for one.

Each seed draws a place in the recordings and puts changes there: on one sensor a gain, an offset or another unit; on
two to four sensors together a gain or a shift, and on the pump-down worn pumps and a leak. Twenty changed recordings
follow, the detector's estimate of the change is off by up to five. A change that moves a sensor by less than its usual
standard deviation from recording to recording is none, and is drawn again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.protocols import available, pump_downs, recorded
from dq_pipeline.drift import relations
from dq_pipeline.drift.cause import INFORMATIVE, find_cause
from dq_pipeline.process import Process
from dq_pipeline.simulate.drifts import DRIFTS, Step
from dq_pipeline.simulate.faults import robust_scale
from dq_pipeline.simulate.vacuum import VacuumDrift

WRONG_BAR = 0.05
BARRED = ("hydraulic", "vacuum")
SEEDS, BEFORE, LEAD, AFTER, OFF = 20, 280, 20, 20, 5
SINGLE = (("gain", 0.1), ("gain", 0.3), ("offset", 2.0), ("offset", 4.0), ("unit", 10.0), ("unit", 0.01))
SEVERAL = (("gain", 0.1), ("gain", 0.3), ("process_change", 1.0), ("process_change", 2.0), ("process_change", 3.0))
WORN = (("wear", 0.5), ("wear", 1.0), ("leak", 1.0), ("leak", 2.0))

Floats = NDArray[np.float64]


def measure(short: bool) -> list[dict[str, Any]]:
    """Shares over all seeds, a row each; skab's sensors are few and loosely tied, and hold no bar."""
    return [row for name in available() for row in _rows(name, 2 if short else SEEDS)]


def _rows(name: str, seeds: int) -> Iterator[dict[str, Any]]:
    single, several, informed = Counter[str](), Counter[str](), Counter[str]()
    whole = None if name == "vacuum" else recorded(name)
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        process, values, target = whole or pump_downs(BEFORE + LEAD + AFTER + OFF, seed)
        for kind, size in SINGLE:
            place, (sensor,) = _changed(process, values, target, rng, kind, size, 1)
            found = place.asked()
            said = found.kind if found.kind != "sensor" else ("right" if found.sensor == sensor else "wrong")
            single[said] += 1
            if place.informed(sensor):
                informed[said] += 1
        for kind, size in SEVERAL:
            place, _ = _changed(process, values, target, rng, kind, size, int(rng.integers(2, 5)))
            several[place.asked().kind] += 1
        for what, magnitude in WORN[seed % 4 :: 4] if name == "vacuum" else ():
            first = BEFORE + LEAD + OFF
            worn = pump_downs(first + AFTER, seed, VacuumDrift(first, what, magnitude))  # type: ignore[arg-type]
            several[_Place(*worn, rng, at=first).asked().kind] += 1
    barred = name in BARRED
    for label, count, what, bar in (
        ("fault_named", single, "right", None),
        ("fault_named_where_neighbours_know", informed, "right", None),
        ("fault_named_at_another_sensor", single, "wrong", WRONG_BAR if barred else None),
        ("process_change_called_a_fault", several, "sensor", WRONG_BAR if barred else None),
    ):
        share = count[what] / max(count.total(), 1)
        yield {
            "name": f"causes/{name}/{label}",
            "value": round(share, 3),
            "unit": f"of {count.total()}",
            "against": None,
            "bar": bar,
            "holds": None if bar is None else share <= bar,
        }


class _Place:
    """Recordings around a moment, to be changed from there on."""

    def __init__(
        self, process: Process, values: Floats, target: Floats, rng: np.random.Generator, at: int | None = None
    ) -> None:
        self.process, self.rng = process, rng
        earliest = BEFORE + LEAD + OFF
        at = int(rng.integers(earliest, len(values) - AFTER + 1)) if at is None else at
        self.begin = at + int(rng.integers(-OFF, OFF + 1))  # where the detector says it is
        start = self.begin - LEAD
        self.before, self.around = values[start - BEFORE : start], values[start : at + AFTER].copy()
        self.target = target[start - BEFORE : start], target[start : at + AFTER]
        self.first = at - start

    def change(self, kind: str, size: float, count: int) -> list[str]:
        """Change so many sensors; returns their names."""
        scale = robust_scale(self.before)
        usual = relations.levels_of(self.before).mean(axis=1)
        sd = np.nanstd(usual, axis=0)
        after = self.around[self.first :]
        movable: list[int] = []
        for j in self.rng.permutation(len(scale)):
            position = len(movable)
            made = DRIFTS[kind](after[:, :, j], Step(size, float(scale[j]), position))
            if np.nanmean(np.abs(made - after[:, :, j])) >= max(sd[j], 1e-9):
                after[:, :, j] = made
                movable.append(int(j))
            if len(movable) == count:
                break
        return [self.process.sensor_names[j] for j in movable]

    def asked(self) -> Any:
        """What the change is put down to."""
        units = [sensor.unit for sensor in self.process.sensors.values()]
        names = self.process.sensor_names
        return find_cause(self.before, self.around, names, units, begin=LEAD, target=self.target)

    def informed(self, sensor: str) -> bool:
        """Whether the sensor's neighbours explain enough of it."""
        levels = relations.levels_of(self.before)
        z = relations.Levels.fit(levels).standardise(levels)
        share = relations.explained(z, relations.cross_residuals(z))
        return bool(share[self.process.sensor_names.index(sensor)] >= INFORMATIVE)


def _changed(
    process: Process, values: Floats, target: Floats, rng: np.random.Generator, kind: str, size: float, count: int
) -> tuple[_Place, list[str]]:
    """A place where so many sensors could be changed, and these."""
    while True:
        place = _Place(process, values, target, rng)
        sensors = place.change(kind, size, count)
        if len(sensors) == count:
            return place, sensors
