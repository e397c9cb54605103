"""The platform's own detectors behind the protocol of the fault-injection benchmark."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.drift.alarm import Alarm
from dq_pipeline.drift.contrast_model import fit_contrast_model
from dq_pipeline.drift.sequential import SequentialDetector
from dq_pipeline.drift.window import WindowDetector
from dq_pipeline.experiments.detection.protocol import Raised, Series, Watched, first_after
from dq_pipeline.experiments.detection.streams import BEFORE, LIMIT, LONGEST, ROWS, SENSORS, Case
from dq_pipeline.experiments.made_up import made_batch, made_process
from dq_pipeline.profile.bins import Reference
from dq_pipeline.profile.profile import Profile, profile

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sequential:
    """The sequential detector, either at a threshold that is handed in or at the one it finds for itself."""

    name: str = "sequential"
    thresholds: tuple[float, ...] = tuple(np.arange(3.0, 14.1, 0.5).tolist())
    by_itself: bool = False
    """Whether the thresholds asked for are added to its own."""

    def watch(self, case: Case, thresholds: Sequence[float]) -> list[Watched]:
        """See :class:`dq_pipeline.experiments.detection.protocol.Contender`."""
        known, reference = _reference(case)
        if self.by_itself:
            fitted = SequentialDetector.fit(known.drift_features, rng=np.random.default_rng(case.seed))
        else:
            model, _ = fit_contrast_model(known.drift_features)
            fitted = SequentialDetector(model, len(case.reference), 0.0, 1.0, "")
        began = time.process_time()
        quiet, *changed = (_profile(values, reference).drift_features for values in (case.quiet, *case.changed))
        profiled = time.process_time() - began
        answers = []
        for threshold in thresholds:
            began = time.process_time()
            detector = replace(fitted, threshold=fitted.threshold + threshold)
            before = detector.update(detector.start(), quiet[:BEFORE])
            rest = detector.update(before.state, quiet[BEFORE:])
            first = tuple(_first(detector.update(before.state, features).alarms) for features in changed)
            seconds = time.process_time() - began + profiled
            answers.append(Watched(len(before.alarms) + len(rest.alarms), first, 1000.0 * seconds / _watched(case)))
        return answers


@dataclass(frozen=True, slots=True)
class Window:
    """The window detector; its threshold is ``-log tau``."""

    name: str = "window"
    thresholds: tuple[float, ...] = tuple(np.arange(0.75, 6.01, 0.25).tolist())
    draws: int = 500

    def watch(self, case: Case, thresholds: Sequence[float]) -> list[Watched]:
        """See :class:`dq_pipeline.experiments.detection.protocol.Contender`."""
        known, reference = _reference(case)
        rng = np.random.default_rng(case.seed)
        detector = WindowDetector.fit(WindowDetector.readings(known), rng=rng, tau=0.49, draws=self.draws)
        began = time.process_time()
        quiet, *changed = (detector.readings(_profile(values, reference)) for values in (case.quiet, *case.changed))
        before = detector.update(detector.start(), quiet[:BEFORE])
        rest = detector.update(before.state, quiet[BEFORE:])
        followed = [detector.update(before.state, readings) for readings in changed]
        seconds = 1000.0 * (time.process_time() - began) / _watched(case)
        series = [_series((*before.alarms, *one.alarms)) for one in (rest, *followed)]
        width = detector.null.window
        answers = []
        for threshold in thresholds:
            alarms, *firsts = (one.alarms(threshold, width) for one in series)
            answers.append(Watched(len(alarms), tuple(first_after(raised) for raised in firsts), seconds))
        return answers


def _first(alarms: Sequence[Alarm]) -> Raised | None:
    return Raised(alarms[0].sample, alarms[0].sensor, alarms[0].change_point) if alarms else None


def _series(alarms: Sequence[Alarm]) -> Series:
    """Of all windows whose p-value is below 0.49: the others alarm at no threshold that is tried."""
    columns = [(one.sample, one.statistic, one.sensor, one.change_point) for one in alarms]
    sample, statistic, sensor, at = np.array(columns, dtype=np.float64).reshape(-1, 4).T
    return Series(sample.astype(np.int64), statistic, sensor.astype(np.int64), at)


def _watched(case: Case) -> int:
    return len(case.quiet) + LONGEST * len(case.changed)


def _reference(case: Case) -> tuple[Profile, Reference]:
    reference = Reference.fit(made_batch(case.reference), made_process(ROWS, SENSORS, LIMIT))
    return _profile(case.reference, reference), reference


def _profile(values: Floats, reference: Reference) -> Profile:
    return profile(made_batch(values), reference)
