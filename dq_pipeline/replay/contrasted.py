"""Two files side by side: every divergence, and what each drift detector makes of the second after the first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.drift.detector import DETECTORS, Detector
from dq_pipeline.drift.divergences import DIVERGENCES
from dq_pipeline.drift.named import mixes, named
from dq_pipeline.drift.report import DriftReport, report
from dq_pipeline.errors import DataError
from dq_pipeline.process import Process
from dq_pipeline.profile.bins import Reference
from dq_pipeline.profile.profile import profile
from dq_pipeline.samples import SampleBatch
from dq_pipeline.steps.adapt import fit_detector
from dq_pipeline.steps.challenger import Progress, rng_of, silent

MOST_WORDS = 20
"""A category of more values than this is no category: ids, file names, free text."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one detector says.

    Attributes
    ----------
    drift
        Whether it raised an alarm; None where it could not be fitted.
    uncalibrated
        Why its promise does not hold on this reference; empty where it does.
    at
        Id of the recording that raised the first alarm, empty without one.
    alarms
        How many were raised.
    sensors
        Those that carry the first alarm, the leading one first.
    named
        The same for people: a categorical sensor once, with the categories that moved.
    highest, threshold
        Of the statistic.
    """

    detector: str
    drift: bool | None
    uncalibrated: str
    at: str = ""
    alarms: int = 0
    sensors: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    highest: float | None = None
    threshold: float | None = None

    @property
    def state(self) -> str:
        """In a word or a few."""
        if self.drift is None:
            return "no verdict"
        return ("drift" if self.drift else "no drift") + (", uncalibrated" if self.uncalibrated else "")


@dataclass(frozen=True, slots=True, eq=False)
class Contrast:
    """The report, the detectors' verdicts, and the statistic of each over the current file."""

    report: DriftReport
    verdicts: tuple[Verdict, ...]
    statistics: Mapping[str, NDArray[np.float64]]

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            **self.report.as_dict(),
            "verdicts": [asdict(verdict) | {"state": verdict.state} for verdict in self.verdicts],
        }


def contrast(
    reference: SampleBatch,
    current: SampleBatch,
    process: Process,
    *,
    detectors: tuple[str, ...] = tuple(DETECTORS),
    progress: Progress = silent,
) -> Contrast:
    """Compare two files of one process; both are profiled against bins of the first.

    Raises
    ------
    DataError
        If either has no recordings.
    """
    if not len(reference) or not len(current):
        raise DataError(f"recordings in both files expected, found {len(reference)} and {len(current)}")
    rows = process.sample.profile_rows
    bins = Reference.fit(reference.head(rows), process)
    usual, now = profile(reference.head(rows), bins), profile(current.head(rows), bins)
    key = f"{process.name}/drift"
    told = report(
        usual,
        now,
        sensors=process.sensor_names,
        rng=rng_of(key),
        draws=process.drift.draws,
        categories=_categories(reference, current),
        mixes=mixes(process.categories, bins, usual.drift_histogram, now.drift_histogram),
    )
    verdicts, statistics = [], {}
    for name in detectors:
        settings = process.model_copy(update={"drift": process.drift.model_copy(update={"detector": name})})
        kind = DETECTORS[name]
        fitted = fit_detector(settings, kind.readings(usual), key=f"{key}/{name}", progress=progress)
        if fitted is None:
            verdicts.append(Verdict(name, None, f"too few recordings in the reference ({len(reference)})"))
            continue
        verdict, statistics[name] = _verdict(name, fitted, kind.readings(now), current, process)
        moved = {mix.name: mix.told() for mix in told.mixes if mix.moved}
        verdicts.append(replace(verdict, named=named(verdict.sensors, process.categories, moved)))
    return Contrast(told, tuple(verdicts), statistics)


def _verdict(
    name: str, fitted: Detector[Any], readings: NDArray[np.float64], current: SampleBatch, process: Process
) -> tuple[Verdict, NDArray[np.float64]]:
    observed = fitted.update(fitted.start(), readings)
    first = observed.alarms[0] if observed.alarms else None
    seen = observed.statistic[np.isfinite(observed.statistic)]
    verdict = Verdict(
        detector=name,
        drift=first is not None,
        uncalibrated=fitted.uncalibrated,
        at="" if first is None else current.ids[first.sample],
        alarms=len(observed.alarms),
        sensors=() if first is None else tuple(process.sensor_names[j] for j in first.ranked_sensors()),
        highest=float(seen.max()) if len(seen) else None,
        threshold=float(fitted.threshold),
    )
    return verdict, observed.statistic


def _categories(reference: SampleBatch, current: SampleBatch) -> dict[str, tuple[list[str], list[str]]]:
    names = sorted({name for batch in (reference, current) for words in batch.metadata for name in words})
    found = {}
    for name in names:
        sides = tuple([words[name] for words in batch.metadata if name in words] for batch in (reference, current))
        if all(sides) and len({*sides[0], *sides[1]}) <= MOST_WORDS:
            found[name] = (sides[0], sides[1])
    return found


def plots(found: Contrast) -> list[dict[str, Any]]:
    """Divergences by sensor, and each detector's statistic over the current file beside its threshold."""
    names = [row.sensor for row in found.report.ranked()]
    bars = [
        {
            "type": "bar",
            "name": divergence,
            "x": names,
            "y": [row.divergences[divergence] for row in found.report.ranked()],
        }
        for divergence in DIVERGENCES
    ]
    drawn: list[dict[str, Any]] = [{"data": bars, "layout": {"title": {"text": "Divergences by sensor"}}}]
    for verdict in found.verdicts:
        if verdict.drift is None:
            continue
        values = [None if value != value else float(value) for value in found.statistics[verdict.detector]]
        at = list(range(len(values)))
        line = {"type": "scatter", "mode": "lines"}
        limit = {"name": "threshold", "x": [0, len(at) - 1], "y": [verdict.threshold] * 2}
        data = [line | {"name": "statistic", "x": at, "y": values}, line | limit]
        title = f"{verdict.detector} detector: {verdict.state}"
        layout = {"title": {"text": title}, "xaxis": {"title": {"text": "recording"}}}
        drawn.append({"data": data, "layout": layout})
    return drawn
