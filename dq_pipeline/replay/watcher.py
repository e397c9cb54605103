"""The drift watch of a replay: a reference, the detector fitted on it, and where that stands."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.drift.detector import DETECTORS, Detector
from dq_pipeline.process import Process
from dq_pipeline.profile.bins import Reference
from dq_pipeline.profile.profile import Profile, profile
from dq_pipeline.samples import SampleBatch
from dq_pipeline.steps.adapt import fit_detector
from dq_pipeline.steps.decide import FULL_REFERENCE

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What the detector said of a window: its statistic (n,), the samples that raised alarms, their leading sensors."""

    statistic: Floats
    alarms: tuple[int, ...]
    sensors: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Watcher:
    """A reference ``first <= number < until`` and the detector on it.

    Attributes
    ----------
    bins
        What samples are profiled against; a reference of fewer than 200 samples keeps those of the one before it.
    starts_at
        The first sample the detector looks at.
    detector, state
        None where the reference is too short for one.
    """

    process: Process
    seed: int
    first: int
    until: int
    starts_at: int
    bins: Reference
    detector: Detector[Any] | None
    state: Any

    @classmethod
    def on(cls, batch: SampleBatch, process: Process, until: int, *, seed: int) -> Watcher:
        """Watch from `until` on, beside the samples before."""
        bins = _bins(process, batch, 0, until)
        return cls(process, seed, 0, until, until, bins, None, None)._fitted(batch)

    def renewed(self, batch: SampleBatch, first: int, until: int) -> Watcher:
        """Watch from `until` on, beside the samples ``first <= number < until``."""
        full = until - first >= FULL_REFERENCE
        bins = _bins(self.process, batch, first, until) if full else self.bins
        return replace(self, first=first, until=until, starts_at=until, bins=bins)._fitted(batch)

    def restarted(self, at: int) -> Watcher:
        """Watch from sample `at` on beside the same reference."""
        return replace(self, starts_at=at, state=None if self.detector is None else self.detector.start())

    @property
    def short(self) -> bool:
        """Whether the reference holds fewer samples than one that can be relied on."""
        return self.until - self.first < FULL_REFERENCE

    @property
    def threshold(self) -> float:
        """Of the detector's statistic; NaN without a detector."""
        return np.nan if self.detector is None else self.detector.threshold

    @property
    def calibrated(self) -> bool:
        """Whether the detector can promise its budget."""
        return self.detector is not None and self.detector.calibrated

    def profile(self, batch: SampleBatch, first: int, until: int) -> Profile:
        """Some samples, profiled against the bins."""
        return profile(batch.take(np.arange(first, until)).head(self.bins.rows), self.bins)

    def see(self, batch: SampleBatch, first: int, until: int) -> tuple[Watcher, Seen]:
        """Test the samples that follow, in stream order."""
        if self.detector is None:
            return self, Seen(np.full(until - first, np.nan), (), ())
        observed = self.detector.update(self.state, self.detector.readings(self.profile(batch, first, until)))
        names = self.process.sensor_names
        raised = tuple(self.starts_at + int(alarm.sample) for alarm in observed.alarms)
        seen = Seen(observed.statistic, raised, tuple(names[alarm.sensor] for alarm in observed.alarms))
        return replace(self, state=observed.state), seen

    def _fitted(self, batch: SampleBatch) -> Watcher:
        key = f"replay/{self.seed}/{self.first}-{self.until}"
        readings = DETECTORS[self.process.drift.detector].readings(self.profile(batch, self.first, self.until))
        detector = fit_detector(self.process, readings, key=key)
        return replace(self, detector=detector, state=None if detector is None else detector.start())


def _bins(process: Process, batch: SampleBatch, first: int, until: int) -> Reference:
    return Reference.fit(batch.take(np.arange(first, until)).head(process.sample.profile_rows), process)
