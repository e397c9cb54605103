"""Streams in which nothing happens, and the same with one trouble from a known moment on: what triage is shown.

The pump-down is simulated anew for each. The hydraulic rig is its recorded cycles of one cooler without a pump leak,
in blocks of five in random order: stationary, with the rig's own noise, relations and persistence. No cycle is both in
what a release learns from and in what it is shown. Its cycles with a leak are the wear, those of another cooler setting
the other operating mode.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.protocols import data_dir, gated, recordings
from dq_pipeline.drift import relations
from dq_pipeline.drift.calibration import Worlds
from dq_pipeline.drift.sequential import SequentialDetector
from dq_pipeline.model.features import Features
from dq_pipeline.model.inference import Model
from dq_pipeline.model.training import train
from dq_pipeline.process import Process
from dq_pipeline.profile.bins import Reference
from dq_pipeline.profile.profile import profile
from dq_pipeline.samples import SampleBatch
from dq_pipeline.simulate.troubles import Usual
from dq_pipeline.simulate.vacuum import RECIPES, VacuumDrift, simulate

HISTORY, LEAD, AFTER = 240, 100, 100
"""Samples a release is made of, undisturbed ones after it, and samples from the trouble on."""
EVERY = 5
"""The pump-down is read every so many seconds: a fifth of the rows shows the same, and takes a fifth of the time."""
USUAL_LATE_S = 4.0
COOLERS = ((3, 20), (20, 100), (3, 100))
"""Settings that a stream takes turns in, two of the three; the third is another operating mode."""
BLOCK, SETTLING = 5, 60
"""Cycles in a row that stay together, and those after a change of the cooler until its temperatures stand."""

Floats = NDArray[np.float64]
Meta = tuple[Mapping[str, str], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Recorded:
    """Recordings in stream order: values (n, T, f), target (n,), metadata."""

    values: Floats
    target: Floats
    metadata: Meta

    def __len__(self) -> int:
        return len(self.target)

    def part(self, first: int, stop: int) -> Recorded:
        """Those numbered first <= i < stop."""
        return Recorded(self.values[first:stop], self.target[first:stop], self.metadata[first:stop])


@dataclass(frozen=True, slots=True, eq=False)
class Plant:
    """A process with a release, its detector, and an undisturbed stream after it.

    Attributes
    ----------
    past
        What the release was made of.
    stream
        What follows: `LEAD` samples and `AFTER` at least.
    model, previous
        Of the release in Production and of the one before it, which learned from the older half.
    wrong
        A model that learned from permuted labels: what a spoiled retraining makes.
    usual
        What the sizes of troubles are given in.
    error : (m,)
        Errors of models that had not seen the sample, of its newer half at most.
    share : (f,)
        Of each sensor's variance that the others explain.
    """

    process: Process
    past: Recorded
    stream: Recorded
    features: Features
    model: Model
    previous: Model
    wrong: Model
    reference: Reference
    detector: SequentialDetector
    usual: Usual
    error: Floats
    share: Floats

    def features_of(self, values: Floats) -> Floats:
        """Of the drift detector, (n, 7, f)."""
        return SequentialDetector.readings(profile(as_batch(self.process, values), self.reference))

    def answers(self, values: Floats) -> tuple[Floats, Floats, Floats]:
        """Of the release in Production, the one before and the spoiled one, (n,) each."""
        seen = self.features.matrix(values)
        found = [one.predict(seen).value for one in (self.model, self.previous, self.wrong)]
        return found[0], found[1], found[2]


def as_batch(process: Process, values: Floats) -> SampleBatch:
    """Bare values as samples."""
    n, rows, _ = values.shape
    whole = np.full(n, rows, np.int64)
    ids = tuple(str(i) for i in range(n))
    start = np.datetime64("2026-01-01", "us") + np.arange(n) * np.timedelta64(1, "h")
    return SampleBatch(
        process.sensor_names, ids, ("",) * n, start, values, whole, np.zeros(n, np.int64), np.full(n, np.nan)
    )


@cache
def plant(
    name: str, number: int, worlds: Worlds | None = None, history: int = HISTORY, follow: int = LEAD + 2 * AFTER
) -> Plant:
    """The plant of this number, other recordings or another order of them for each: `history` samples make its release.

    At least `LEAD` + `AFTER` follow; of the pump-down so many.
    """
    process = _slower(recordings("vacuum", 1)[0]) if name == "vacuum" else _cycles()[0]
    n = history + follow
    rng = np.random.default_rng([number, 70])
    whole = pump_downs(n, [number, 71]) if name == "vacuum" else _shuffled(COOLERS[number % 3], 0, rng)
    past, stream = whole.part(0, history), whole.part(history, len(whole))
    shown = as_batch(process, past.values)
    features = Features.fit(shown, process.sample.horizon_rows)
    seen = features.transform(shown)
    model, error = _fitted(process, features, seen, past.target)
    half = slice(0, history // 2)
    previous, _ = _fitted(process, features, seen[half], past.target[half])
    wrong, _ = _fitted(process, features, seen, rng.permutation(past.target))
    reference = Reference.fit(shown, process)
    readings = SequentialDetector.readings(profile(shown, reference))
    detector = SequentialDetector.fit(
        readings,
        rng=rng,
        false_alarms_per_1000=process.drift.false_alarms_per_1000,
        **({} if worlds is None else {"worlds": worlds}),
    )
    spread = 1.2533 * float(np.mean(np.abs(error[len(error) // 2 :])))
    units = tuple(sensor.unit for sensor in process.sensors.values())
    usual = Usual.of(past.values, spread, units)
    levels = relations.levels_of(past.values)
    z = relations.Levels.fit(levels).standardise(levels)
    share = relations.explained(z, relations.cross_residuals(z))
    return Plant(process, past, stream, features, model, previous, wrong, reference, detector, usual, error, share)


def _fitted(process: Process, features: Features, seen: Floats, target: Floats) -> tuple[Model, Floats]:
    rng = np.random.default_rng(0)
    training = train(seen, target, process, feature_names=features.names, rng=rng, candidate={})
    return training.model, target[training.calibrated] - training.forward


def _slower(process: Process) -> Process:
    sample = process.sample
    rows = {name: getattr(sample, name) // EVERY for name in ("rows", "horizon_rows", "profile_rows")}
    slower = sample.model_copy(update={**rows, "period_s": sample.period_s * EVERY})
    return process.model_copy(update={"sample": slower})


def pump_downs(
    n: int, seed: list[int], drift: VacuumDrift | None = None, set_points: Mapping[str, float] = RECIPES, first: int = 0
) -> Recorded:
    """Simulated pump-downs."""
    runs = simulate(n, np.random.default_rng(seed), first=first, drift=drift, set_points=set_points)
    values = np.stack([run.values[::EVERY] for run in runs])
    target = np.array([float(np.min(run.target)) for run in runs if run.target is not None])
    return Recorded(values, target, tuple(dict(run.metadata) for run in runs))


def cycles(coolers: tuple[int, ...], leak: int, seed: list[int]) -> Recorded:
    """Recorded cycles of the rig with these cooler settings and this pump leak, in blocks in random order."""
    return _shuffled(coolers, leak, np.random.default_rng(seed))


def _shuffled(coolers: tuple[int, ...], leak: int, rng: np.random.Generator) -> Recorded:
    _, batch, conditions = _cycles()
    begun = np.flatnonzero(np.diff(conditions[:, 0], prepend=-1))
    settled = np.arange(len(batch)) - begun[np.searchsorted(begun, np.arange(len(batch)), side="right") - 1]
    chosen = np.flatnonzero(np.isin(conditions[:, 0], coolers) & (conditions[:, 2] == leak) & (settled >= SETTLING))
    blocks = [chosen[i : i + BLOCK] for i in range(0, len(chosen) - BLOCK + 1, BLOCK)]
    order = np.concatenate([blocks[i] for i in rng.permutation(len(blocks))])
    shifts = ("early", "late", "night")
    recipe = {3: "hot", 20: "warm", 100: "cold"}
    metadata = tuple(
        {"recipe": recipe[int(conditions[k, 0])], "shift": shifts[(i // 8) % 3]} for i, k in enumerate(order)
    )
    return Recorded(batch.values[order], batch.target[order], metadata)


@cache
def _cycles() -> tuple[Process, SampleBatch, NDArray[np.int64]]:
    process, found = recordings("hydraulic")
    batch = gated(process, found).in_order().head(process.sample.profile_rows)
    path = Path(str(data_dir())) / "hydraulic" / "profile.csv"
    with path.open() as file:
        rows = [[int(x) for x in row[1:5]] for row in list(csv.reader(file))[1:]]
    return process, batch, np.array(rows)
