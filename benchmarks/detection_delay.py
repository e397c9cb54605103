"""Samples from an injected drift to its detection on the simulated pump-down, and the alarms where nothing drifts.

Each seed has 200 reference samples of 1200 x 10, then a stream in which nothing drifts: its alarms are counted against
the budget. At sample 300 of that stream a drift branches off: the pumps wear, air leaks in, one sensor is off, its gain
changes, or the process runs elsewhere. The delay counts the samples of the drift up to and with the one that alarms;
a drift not found within 300 samples counts 300. Earlier alarms do not count as found, and what the detector knew of
the stream before goes on. The window detector is shown at its own tau and at one that raises as few false alarms as
the budget of the sequential one: at 0.06 it finds some drifts early by chance.
"""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.drift.alarm import Alarm
from dq_pipeline.drift.calibration import Worlds
from dq_pipeline.drift.sequential import SequentialDetector
from dq_pipeline.drift.window import WindowDetector
from dq_pipeline.process_file import load
from dq_pipeline.profile.bins import Reference
from dq_pipeline.profile.profile import Profile, profile
from dq_pipeline.recording import assemble, place
from dq_pipeline.samples import SampleBatch
from dq_pipeline.simulate.drifts import DRIFTS, Step
from dq_pipeline.simulate.vacuum import VacuumDrift, simulate

PROCESS = load(Path(__file__).resolve().parents[1] / "dags" / "processes" / "vacuum.yaml")
REFERENCE, BEFORE, LONGEST, CHUNK = 200, 300, 300, 100
SEEDS = 20
BUDGET, SHARE_BAR = 1.0, 1.25
TAU = 0.06
STRICT_TAU = 0.005
"""Of windows every 5 samples: 1 false alarm in 1,000 samples."""
DETECTORS = ("sequential", "window", "window_at_tau_0.005")
Row = dict[str, Any]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Injected:
    """A drift of the plant (`plant`), or a change put on top of one column's readings."""

    name: str
    plant: VacuumDrift | None = None
    kind: str = ""
    column: str = ""
    size: float = 0.0


AT = REFERENCE + BEFORE
INJECTED = (
    Injected("wear", VacuumDrift(AT, "wear", 1.0)),
    Injected("wear_half", VacuumDrift(AT, "wear", 0.5)),
    Injected("wear_over_100_samples", VacuumDrift(AT, "wear", 1.0, over=100)),
    Injected("leak", VacuumDrift(AT, "leak", 1.0)),
    Injected("offset_of_one_sensor", kind="offset", column="cooling_out", size=1.0),
    Injected("gain_of_one_sensor", kind="gain", column="pump_current", size=0.03),
)


@dataclass(frozen=True, slots=True)
class Found:
    """Of one seed, by detector: alarms in so many samples without a drift, and the first alarm in each drift."""

    alarms: tuple[int, ...]
    counted: int
    first: tuple[list[Alarm | None], ...]


def measure(short: bool) -> list[Row]:
    """Rows for every drift and both detectors; `short` takes two seeds, two drifts and few worlds."""
    seeds, quiet = (2, 300) if short else (SEEDS, 2000)
    worlds, drifts = (Worlds(10, 300), INJECTED[::4]) if short else (Worlds(), INJECTED)
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        found = list(pool.map(_seed, range(seeds), [quiet] * seeds, [worlds] * seeds, [drifts] * seeds))
    counted = sum(one.counted for one in found)
    rows: list[Row] = []
    for d, detector in enumerate(DETECTORS):
        alarms = sum(one.alarms[d] for one in found)
        against = f"{alarms} alarms in {counted} samples after {seeds} references"
        bar = SHARE_BAR if detector == "sequential" else None
        rate = 1000.0 * alarms / counted
        rows.append(_row(f"{detector}/alarms_where_nothing_drifts", rate, "per 1,000, budget 1", against, bar))
        for k, drift in enumerate(drifts):
            rows += _of_drift(f"{detector}/{drift.name}", drift, [one.first[d][k] for one in found])
    return rows


def _of_drift(name: str, drift: Injected, first: list[Alarm | None]) -> list[Row]:
    raised = [alarm for alarm in first if alarm is not None]
    delays = np.array([LONGEST if alarm is None else alarm.sample - BEFORE + 1 for alarm in first])
    against = f"{len(first)} seeds, {len(first) - len(raised)} missed"
    dated = np.mean([abs(alarm.change_point - BEFORE) <= 10 for alarm in raised]) if raised else 0.0
    rows = [
        _row(f"{name}/median_delay", float(np.median(delays)), "samples", against),
        _row(f"{name}/90th_percentile_delay", float(np.quantile(delays, 0.9)), "samples", against),
        _row(f"{name}/change_point_within_10", float(dated), "of the alarms", against),
    ]
    if drift.column:
        named = [PROCESS.sensor_names[alarm.sensor] == drift.column for alarm in raised]
        rows.append(_row(f"{name}/sensor_named", float(np.mean(named)) if named else 0.0, "of the alarms", against))
    return rows


def _seed(seed: int, quiet: int, worlds: Worlds, drifts: tuple[Injected, ...]) -> Found:
    rng = np.random.default_rng([seed, 20])
    reference = Reference.fit(known := recordings(0, REFERENCE, rng), PROCESS)
    first = profile(known, reference)
    scale = dict(zip(known.sensors, reference.drift.sd, strict=True))
    steady = _profiles(reference, REFERENCE, quiet, rng)
    changed = [_profiles(reference, AT, LONGEST, rng, drift, scale) for drift in drifts]
    readings = SequentialDetector.readings(first)
    sequential = SequentialDetector.fit(readings, rng=rng, false_alarms_per_1000=BUDGET, worlds=worlds)
    window = WindowDetector.fit(WindowDetector.readings(first), rng=rng, tau=TAU)
    fitted = (sequential, window, replace(window, tau=STRICT_TAU))
    watched = [_watched(detector, steady, changed) for detector in fitted]
    return Found(tuple(alarms for alarms, _ in watched), quiet, tuple(delays for _, delays in watched))


def _watched(detector: Any, steady: Profile, changed: list[Profile]) -> tuple[int, list[Alarm | None]]:
    """Alarms over the steady stream, and the first one in each drift that branches off from it."""
    before = detector.update(detector.start(), detector.readings(steady.take(slice(0, BEFORE))))
    rest = detector.update(before.state, detector.readings(steady.take(slice(BEFORE, None))))
    raised = [detector.update(before.state, detector.readings(stream)).alarms for stream in changed]
    return len(before.alarms) + len(rest.alarms), [alarms[0] if alarms else None for alarms in raised]


def _profiles(
    reference: Reference,
    first: int,
    n: int,
    rng: np.random.Generator,
    drift: Injected | None = None,
    scale: dict[str, float] | None = None,
) -> Profile:
    """Profiles of n recordings from number `first` on, simulated and forgotten a few at a time."""
    made = []
    for lower in range(first, first + n, CHUNK):
        count = min(CHUNK, first + n - lower)
        batch = recordings(lower, count, rng, drift.plant if drift else None)
        if drift is not None and drift.kind:
            j = batch.sensors.index(drift.column)
            step = Step(drift.size, (scale or {})[drift.column], 0)
            batch.values[:, :, j] = DRIFTS[drift.kind](batch.values[:, :, j], step)
        made.append(profile(batch, reference))
    return Profile.concat(made)


def recordings(first: int, n: int, rng: np.random.Generator, drift: VacuumDrift | None = None) -> SampleBatch:
    """Simulated pump-downs as samples."""
    made = simulate(n, rng, first=first, drift=drift)
    placed = tuple(place(one, PROCESS, "completion", None) for one in made)
    return assemble(placed, PROCESS, "completion").head(PROCESS.sample.profile_rows)


def _row(name: str, value: float, unit: str, against: str, bar: float | None = None) -> Row:
    return {
        "name": f"detection_delay/{name}",
        "value": round(value, 3),
        "unit": unit,
        "against": against,
        "bar": bar,
        "holds": None if bar is None else value <= bar,
    }
