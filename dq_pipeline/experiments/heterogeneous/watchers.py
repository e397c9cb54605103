"""Detectors that watch the plant: the sequential one, and chi-squared of the categorical sensors, corrected or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from dq_pipeline.drift.contrast_model import fit_contrast_model
from dq_pipeline.drift.mixes import MixDrift
from dq_pipeline.drift.named import mixes
from dq_pipeline.drift.sequential import SequentialDetector
from dq_pipeline.experiments.detection.protocol import Raised, Series, delay, first_after
from dq_pipeline.experiments.detection.streams import BEFORE, REFERENCE
from dq_pipeline.experiments.heterogeneous import plant
from dq_pipeline.experiments.heterogeneous.changes import Case

WINDOW, STRIDE = 25, 5


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
    shown
        The channels that it is shown beside the sensors.
    runs
        At most so many.
    """

    name: str = "sequential"
    thresholds: tuple[float, ...] = (*np.arange(3.0, 14.1, 0.5).tolist(), 16.0, 18.0, 20.0, 24.0, 28.0, 34.0, 40.0)
    by_itself: bool = False
    shown: tuple[str, ...] = plant.CHANNELS
    runs: int = 1000

    def watch(self, made: Case, thresholds: Sequence[float], seed: int) -> list[Answer]:
        """One answer a threshold."""
        names = plant.process(self.shown).sensor_names
        place = [made.process.sensor_names.index(name) for name in names]
        known, features, *changed = (
            np.ascontiguousarray(one.drift_features[:, :, place]) for one in (made.known, made.quiet, *made.changed)
        )
        if self.by_itself:
            fitted = SequentialDetector.fit(known, rng=np.random.default_rng([seed, 2]), worlds=made.worlds)
        else:
            fitted = SequentialDetector(fit_contrast_model(known)[0], REFERENCE, 0.0, 1.0, "")
        answers = []
        for threshold in thresholds:
            detector = replace(fitted, threshold=fitted.threshold + threshold)
            before = detector.update(detector.start(), features[:BEFORE])
            rest = detector.update(before.state, features[BEFORE:])
            found = [detector.update(before.state, one).alarms for one in changed]
            first = [Raised(one[0].sample, one[0].sensor) if one else None for one in found]
            answers.append(_answer(len(before.alarms) + len(rest.alarms), first, names))
        return answers


@dataclass(frozen=True, slots=True)
class ChiSquared:
    """Chi-squared of the categorical sensors over the newest 25 recordings, every 5.

    The statistic of a sensor is brought to a normal one (Wilson & Hilferty 1931), so that degrees of freedom compare;
    the largest counts, and names the category that moved furthest.
    """

    name: str
    corrected: bool
    runs: int = 1000
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
    Sequential("the same, the sensors alone", (0.0,), by_itself=True, shown=(), runs=8),
    *(Sequential(f"the same, and the {one}", (0.0,), by_itself=True, shown=(one,), runs=8) for one in plant.CHANNELS),
    ChiSquared("chi-squared, Rao-Scott, p < 0.001", True, thresholds=(3.0902,)),
    ChiSquared("chi-squared, Pearson, p < 0.001", False, thresholds=(3.0902,)),
)
"""Those of one threshold are not tuned."""
