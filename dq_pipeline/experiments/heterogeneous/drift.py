"""Drifts of what channels show: how soon they are found, and what is named first.

Every detector is tuned to 1 false alarm in 1,000 recordings on the same streams, in which nothing changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.drift.contrast_model import fit_contrast_model
from dq_pipeline.drift.mixes import MixDrift
from dq_pipeline.drift.named import mixes
from dq_pipeline.drift.sequential import SequentialDetector
from dq_pipeline.experiments.data import batch_of
from dq_pipeline.experiments.detection.judge import standard_error
from dq_pipeline.experiments.detection.protocol import Raised, Series, delay, first_after, tuned
from dq_pipeline.experiments.detection.streams import BEFORE, LONGEST, REFERENCE
from dq_pipeline.experiments.experiment import Cell, rounded
from dq_pipeline.experiments.heterogeneous import plant
from dq_pipeline.experiments.heterogeneous.plant import Habits
from dq_pipeline.process import Process
from dq_pipeline.profile.bins import Reference
from dq_pipeline.profile.profile import Profile, profile
from dq_pipeline.samples import SampleBatch

Floats = NDArray[np.float64]

WINDOW, STRIDE = 25, 5
TUNED_ON = 10_000
"""First seed of the streams that thresholds are found on."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One drift.

    Attributes
    ----------
    then
        Habits of the plant from the change on.
    touched
        Channels that come otherwise.
    columns
        Those that may be named for it: of the channel, and of the categories that moved.
    """

    then: Habits
    touched: tuple[str, ...]
    columns: tuple[str, ...]


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "valve: open 31 % -> 45 %": Kind(
            Habits(valve=(0.51, 0.45, 0.04, 0.0)), ("valve", "log"), ("valve_open", "valve_closed")
        ),
        "valve: fault 0 % -> 4 %": Kind(Habits(valve=(0.61, 0.31, 0.04, 0.04)), ("valve", "log"), ("valve_fault",)),
        "recipe: a 50 % -> 30 %": Kind(Habits(recipe=(0.3, 0.3, 0.4)), ("recipe",), ("recipe_a", "recipe_c")),
        "log: errors in 0.5 % -> 1.5 % of the rows": Kind(Habits(errors=0.015), ("log",), ("log_errors",)),
        "camera: brightness 0.50 -> 0.47": Kind(Habits(brightness=0.47), ("camera",), ("camera_brightness",)),
    }
)


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A plant: profiles of its reference, of what follows without a change, and of what follows each change."""

    process: Process
    reference: Reference
    known: Profile
    quiet: Profile
    changed: tuple[Profile, ...]


def case(seed: int, quiet: int, kinds: Mapping[str, Kind] = KINDS) -> Case:
    """The plant of a seed; changes come `BEFORE` recordings after the reference."""
    process, n = plant.process(), REFERENCE + (max(quiet, BEFORE + LONGEST) if kinds else quiet)
    steady = batch_of(process, plant.recordings(plant.simulate(n, np.random.default_rng(seed))))
    reference = Reference.fit(steady.between(0, REFERENCE), process)
    changed = (branch(steady, seed, n, kind) for kind in kinds.values())
    return Case(
        process,
        reference,
        profile(steady.between(0, REFERENCE), reference),
        profile(steady.between(REFERENCE, REFERENCE + quiet), reference),
        tuple(profile(one, reference) for one in changed),
    )


def branch(steady: SampleBatch, seed: int, n: int, kind: Kind) -> SampleBatch:
    """The recordings from the change on: encoded anew where the change touches them, as they were elsewhere."""
    first = REFERENCE + BEFORE
    run = plant.simulate(n, np.random.default_rng(seed), at=first, then=kind.then).between(first, first + LONGEST)
    part = plant.process(kind.touched)
    came = batch_of(part, plant.recordings(run, kind.touched, first=first))
    values = steady.values[first : first + LONGEST].copy()
    values[:, :, [steady.sensors.index(name) for name in part.sensor_names]] = came.values
    return replace(came, sensors=steady.sensors, values=values)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a detector made of one case: alarms where nothing changes, and of each change the first alarm's delay and
    the column named first; an empty one where none was named."""

    alarms: int
    delays: tuple[int, ...]
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sequential:
    """The sequential detector, at a threshold handed in or, by itself, at its own and what is added.

    Attributes
    ----------
    columns
        How many it is shown, from the first: the sensors come before the channels.
    """

    name: str = "sequential"
    thresholds: tuple[float, ...] = tuple(np.arange(3.0, 14.1, 0.5).tolist())
    by_itself: bool = False
    columns: int | None = None

    def watch(self, made: Case, thresholds: Sequence[float], seed: int) -> list[Answer]:
        """One answer a threshold."""
        known, features, *changed = (
            np.ascontiguousarray(one.drift_features[:, :, : self.columns])
            for one in (made.known, made.quiet, *made.changed)
        )
        if self.by_itself:
            fitted = SequentialDetector.fit(known, rng=np.random.default_rng([seed, 2]))
        else:
            fitted = SequentialDetector(fit_contrast_model(known)[0], REFERENCE, 0.0, 1.0, "")
        answers = []
        for threshold in thresholds:
            detector = replace(fitted, threshold=fitted.threshold + threshold)
            before = detector.update(detector.start(), features[:BEFORE])
            rest = detector.update(before.state, features[BEFORE:])
            found = [detector.update(before.state, one).alarms for one in changed]
            first = [Raised(one[0].sample, one[0].sensor) if one else None for one in found]
            answers.append(_answer(len(before.alarms) + len(rest.alarms), first, made.process.sensor_names))
        return answers


@dataclass(frozen=True, slots=True)
class ChiSquared:
    """Chi-squared of the categorical sensors over the newest 25 recordings, every 5.

    The statistic of a sensor is brought to a normal one (Wilson & Hilferty 1931), so that degrees of freedom compare;
    the largest counts, and names the category that moved furthest.
    """

    name: str
    corrected: bool
    thresholds: tuple[float, ...] = tuple(np.arange(0.5, 45.1, 0.25).tolist())

    def watch(self, made: Case, thresholds: Sequence[float], seed: int) -> list[Answer]:  # noqa: ARG002 - no chance
        """One answer a threshold."""
        quiet, *changed = _windows(made)
        before = {sample: found for sample, found in quiet.items() if sample < BEFORE}
        steady, *followed = (self._series(made, one) for one in (quiet, *({**before, **one} for one in changed)))
        answers = []
        for threshold in thresholds:
            first = [first_after(one.alarms(threshold, WINDOW)) for one in followed]
            answers.append(_answer(len(steady.alarms(threshold, WINDOW)), first, made.process.sensor_names))
        return answers

    def _series(self, made: Case, found: dict[int, tuple[MixDrift, ...]]) -> Series:
        names, statistic, column = made.process.sensor_names, [], []
        for of_sensors in found.values():
            z = [self.normal(one) for one in of_sensors]
            top = of_sensors[int(np.argmax(z))]
            statistic.append(max(z))
            categorical = made.process.categories[top.name]
            column.append(names.index(categorical.columns.get(top.shares[0].category, categorical.other)))
        return Series(np.array(list(found)), np.array(statistic), np.array(column), np.full(len(found), np.nan))

    def normal(self, found: MixDrift) -> float:
        """The statistic as a normal one; 0 where there is nothing to compare."""
        if not found.degrees or found.design_effect is None:
            return 0.0
        statistic = found.statistic / found.design_effect if self.corrected else found.statistic
        width = 2.0 / (9.0 * found.degrees)
        return float(((statistic / found.degrees) ** (1.0 / 3.0) - 1.0 + width) / np.sqrt(width))


@lru_cache(maxsize=1)
def _windows(made: Case) -> tuple[dict[int, tuple[MixDrift, ...]], ...]:
    """What the categorical sensors show in the windows that end with a recording: where nothing changes, and for each
    change from `BEFORE` on. Kept for the next detector."""
    usual, cells = made.known.drift_histogram, made.quiet.drift_histogram
    tail = BEFORE - WINDOW + STRIDE
    streams = [(0, cells), *((tail, np.concatenate([cells[tail:BEFORE], one.drift_histogram])) for one in made.changed)]
    return tuple(
        {
            start + end - 1: mixes(made.process.categories, made.reference, usual, stream[end - WINDOW : end])
            for end in range(WINDOW, len(stream) + 1, STRIDE)
        }
        for start, stream in streams
    )


def _answer(alarms: int, first: Sequence[Raised | None], names: Sequence[str]) -> Answer:
    columns = tuple("" if one is None or one.sensor is None else names[one.sensor] for one in first)
    return Answer(alarms, tuple(delay(one) for one in first), columns)


Contender = Sequential | ChiSquared
CONTENDERS: tuple[Contender, ...] = (
    Sequential(),
    ChiSquared("chi-squared, Rao-Scott", True),
    ChiSquared("chi-squared, Pearson", False),
    Sequential("sequential, own threshold", (0.0,), by_itself=True),
    Sequential("the same, the sensors alone", (0.0,), by_itself=True, columns=len(plant.SENSORS)),
    ChiSquared("chi-squared, Rao-Scott, p < 0.001", True, (3.0902,)),
    ChiSquared("chi-squared, Pearson, p < 0.001", False, (3.0902,)),
)
"""Those of one threshold are not tuned."""


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """One detector: its threshold, and its answer to each of the runs."""

    contender: Contender
    threshold: float
    answers: tuple[Answer, ...]


def judge(tuning: int, runs: int, tuned_over: int, quiet: int, report: Callable[[int, int], None]) -> list[Judged]:
    """Tune each on plants of their own, then watch others."""
    counts = np.zeros((len(CONTENDERS), max(len(one.thresholds) for one in CONTENDERS)))
    for k in range(tuning):
        report(k, tuning + runs)
        made = case(TUNED_ON + k, tuned_over, {})
        for c, one in enumerate(CONTENDERS):
            if len(one.thresholds) > 1:
                found = one.watch(made, one.thresholds, TUNED_ON + k)
                counts[c, : len(found)] += [answer.alarms for answer in found]
    thresholds = [
        tuned(one.thresholds, counts[c, : len(one.thresholds)].tolist(), tuning * tuned_over)
        for c, one in enumerate(CONTENDERS)
    ]
    answers: list[list[Answer]] = [[] for _ in CONTENDERS]
    for seed in range(runs):
        report(tuning + seed, tuning + runs)
        made = case(seed, quiet)
        for c, one in enumerate(CONTENDERS):
            answers[c] += one.watch(made, [thresholds[c]], seed)
    return [Judged(one, thresholds[c], tuple(answers[c])) for c, one in enumerate(CONTENDERS)]


def delays(found: Sequence[Judged]) -> list[dict[str, Cell]]:
    """Of the table: a row for each drift and tuned detector."""
    told: list[dict[str, Cell]] = []
    for k, (title, kind) in enumerate(KINDS.items()):
        for one in found:
            if len(one.contender.thresholds) == 1:
                continue
            of_kind = np.array([answer.delays[k] for answer in one.answers])
            named = [answer.columns[k] for answer in one.answers if answer.columns[k]]
            channel = kind.columns[0].partition("_")[0] + "_"
            of_channel = [float(name.startswith(channel)) for name in named] or [np.nan]
            of_columns = [float(name in kind.columns) for name in named] or [np.nan]
            told.append(
                {
                    "drift": title,
                    "detector": one.contender.name,
                    "mean delay, recordings": rounded(float(of_kind.mean()), 3),
                    "error": rounded(standard_error(of_kind), 2),
                    "missed": int((of_kind >= LONGEST).sum()),
                    "channel named first": rounded(float(np.mean(of_channel)), 3),
                    "category or column named first": rounded(float(np.mean(of_columns)), 3),
                }
            )
    return told


def in_control(found: Sequence[Judged], quiet: int) -> list[dict[str, Cell]]:
    """Of the table: false alarms of every detector."""
    told: list[dict[str, Cell]] = []
    for one in found:
        alarms = np.array([answer.alarms for answer in one.answers])
        told.append(
            {
                "detector": one.contender.name,
                "threshold": rounded(one.threshold, 3),
                "tuned": len(one.contender.thresholds) > 1,
                "false alarms per 1,000": rounded(1000.0 * float(alarms.mean()) / quiet, 3),
                "error": rounded(1000.0 * standard_error(alarms) / quiet, 2),
            }
        )
    return told
