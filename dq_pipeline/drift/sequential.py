"""The sequential detector: a self-starting mixture Shiryaev-Roberts test with a stated false-alarm budget."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.drift.alarm import Alarm, Observation
from dq_pipeline.drift.calibration import Progress, Worlds, resampled_threshold, why_uncalibrated
from dq_pipeline.drift.contrast_model import ContrastModel, contrasts_after, fit_contrast_model
from dq_pipeline.drift.contrasts import LEVEL_SHARE, TYPES, Contrasts, contrast_name, contrast_weights
from dq_pipeline.drift.recursion import Sums, advance, change_point, rebased, reset, start
from dq_pipeline.drift.scores import Scores
from dq_pipeline.drift.whitening import Whitening
from dq_pipeline.errors import DataError
from dq_pipeline.process import Drift
from dq_pipeline.profile.profile import Profile
from dq_pipeline.storage import arrays_of, from_npz, section, to_npz

Floats = NDArray[np.float64]

EQUAL_SHARE = 1.0 / len(TYPES)
"""Of detectors that were fitted before levels had a share of their own."""
SETTLING = 5
"""Innovations that still remember other samples than those at hand."""


@dataclass(frozen=True, slots=True)
class SequentialState:
    """What runs on from sample to sample: the scores of the last five samples (5, 8f) and the recursion's sums."""

    lags: Floats
    sums: Sums


@dataclass(frozen=True, slots=True)
class SequentialDetector:
    """A fitted detector; it holds no running state.

    Attributes
    ----------
    model
        From features to contrasts.
    reference_samples
        Samples it was fitted on.
    threshold
        Alarm when the statistic is greater.
    false_alarms_per_1000
        The budget the threshold was found for.
    uncalibrated
        Why the budget cannot be promised; empty where it can.
    level_share
        Prior share of drifts that move a mean; the threshold was found with it.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> detector = SequentialDetector.fit(rng.normal(size=(200, 7, 2)), rng=rng, worlds=Worlds(4, 100))
    >>> stream = rng.normal(size=(60, 7, 2))
    >>> stream[30:, 0, 1] += 3.0
    >>> alarm = detector.update(detector.start(), stream).alarms[0]
    >>> alarm.sensor, alarm.feature, 30 <= alarm.sample < 40
    (1, 'mean', True)
    """

    model: ContrastModel
    reference_samples: int
    threshold: float
    false_alarms_per_1000: float
    uncalibrated: str
    level_share: float = LEVEL_SHARE

    @staticmethod
    def readings(profile: Profile) -> Floats:
        """What it looks at: the features (n, 7, f)."""
        return profile.drift_features

    @classmethod
    def fit(
        cls,
        reference: Floats,
        *,
        rng: np.random.Generator,
        false_alarms_per_1000: float = 1.0,
        worlds: Worlds | None = None,
        progress: Progress | None = None,
    ) -> SequentialDetector:
        """Fit on the features (N, 7, f) of consecutive samples and find the threshold in resampled worlds.

        Raises
        ------
        DataError
            If the shape is another, there are fewer than 20 samples, or the budget is impossible.
        """
        model, residuals = fit_contrast_model(reference)
        samples = reference.shape[0]
        threshold = resampled_threshold(
            model,
            residuals,
            samples,
            budget=false_alarms_per_1000,
            rng=rng,
            worlds=worlds or Worlds(),
            progress=progress,
        )
        return cls(model, samples, threshold, false_alarms_per_1000, why_uncalibrated(model, samples))

    @classmethod
    def fit_as(
        cls, settings: Drift, reference: Floats, *, rng: np.random.Generator, progress: Progress | None = None
    ) -> SequentialDetector:
        """Fit as a process file asks for."""
        return cls.fit(
            reference,
            rng=rng,
            false_alarms_per_1000=settings.false_alarms_per_1000,
            worlds=Worlds(settings.worlds, settings.world_length),
            progress=progress,
        )

    @property
    def calibrated(self) -> bool:
        """Whether the budget can be promised."""
        return not self.uncalibrated

    @property
    def sensors(self) -> int:
        """Number of sensors."""
        return self.model.sensors

    def start(self, *, seen: int = 0) -> SequentialState:
        """The state right after the reference, or after `seen` samples more that could not be looked at."""
        sums = start(self.reference_samples, self.model.contrasts.mean.shape[0], seen)
        return SequentialState(self.model.lags, sums)

    def rebase(self, features: Floats, *, seen: int) -> SequentialState:
        """The state that takes the level of some samples (n, 7, f), n > 0, for its baseline and searches anew.

        For a change that is known and left alone: what is looked for from here on is the next one. The level is
        estimated, and the recursion allows for it, as it does for that of the reference.

        Parameters
        ----------
        seen
            Samples after the reference, up to the last of `features`.
        """
        contrasts, lags = contrasts_after(self.model, self.model.lags, features)
        settled = contrasts[min(SETTLING, len(contrasts) - 1) :]
        return SequentialState(lags, rebased(settled, seen))

    def update(self, state: SequentialState, features: Floats) -> Observation[SequentialState]:
        """Take in the features (n, 7, f) of the samples that follow, in stream order; how they are cut is no matter."""
        contrasts, lags = contrasts_after(self.model, state.lags, features)
        weights = contrast_weights(self.sensors, self.level_share)
        sums = state.sums
        statistics: list[Floats] = []
        alarms: list[Alarm] = []
        while contrasts.shape[0] > 0:
            sums, statistic, taken = advance(sums, contrasts, weights, self.threshold)
            statistics.append(statistic)
            contrasts = contrasts[taken:]
            if statistic[-1] > self.threshold:
                alarms.append(self._alarm(sums, weights, float(statistic[-1])))
                sums = reset(sums)
        return Observation(
            SequentialState(lags, sums), np.concatenate(statistics) if statistics else np.empty(0), tuple(alarms)
        )

    def _alarm(self, sums: Sums, weights: Floats, statistic: float) -> Alarm:
        mass = weights * sums.likelihood.sum(axis=1)
        top = int(np.argmax(mass))
        by_sensor = mass[: -len(TYPES)].reshape(-1, self.sensors).sum(axis=0)
        share = by_sensor / by_sensor.sum()
        kind, feature, _ = contrast_name(top, self.sensors)
        return Alarm(
            sample=int(sums.seen) - 1,
            statistic=statistic,
            threshold=self.threshold,
            change_point=change_point(sums, top),
            sensor=int(np.argmax(share)),
            kind=kind,
            feature=feature,
            contrast=top,
            evidence=tuple(float(x) for x in share),
        )

    def to_bytes(self) -> bytes:
        """The fitted detector as an npz archive, the same bytes for the same detector."""
        return to_npz(arrays_of(self))

    @classmethod
    def from_bytes(cls, data: bytes) -> SequentialDetector:
        """The detector of :meth:`to_bytes`.

        Raises
        ------
        DataError
            If the bytes are not a fitted detector.
        """
        arrays = from_npz(data, "a fitted sequential detector")
        try:
            model = ContrastModel(
                scores=Scores(**section(arrays, "model.scores")),
                whitening=Whitening(**section(arrays, "model.whitening")),
                omega=arrays["model.omega"],
                correlation_scores=Scores(**section(arrays, "model.correlation_scores")),
                correlation_whitening=Whitening(**section(arrays, "model.correlation_whitening")),
                contrasts=Contrasts(**section(arrays, "model.contrasts")),
                lags=arrays["model.lags"],
            )
            return cls(
                model=model,
                reference_samples=int(arrays["reference_samples"]),
                threshold=float(arrays["threshold"]),
                false_alarms_per_1000=float(arrays["false_alarms_per_1000"]),
                uncalibrated=str(arrays["uncalibrated"]),
                level_share=float(arrays.get("level_share", EQUAL_SHARE)),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"Expected a fitted sequential detector, found arrays {sorted(arrays)}") from error

    def state_to_bytes(self, state: SequentialState) -> bytes:
        """A running state as an npz archive; about 27 KB with 10 sensors."""
        return to_npz(arrays_of(state))

    def state_from_bytes(self, data: bytes) -> SequentialState:
        """The running state of :meth:`state_to_bytes`.

        Raises
        ------
        DataError
            If the bytes are no state, or the state of a detector of other sensors.
        """
        arrays = from_npz(data, "a running state of the sequential detector")
        expected = {name: array.shape for name, array in arrays_of(self.start()).items()}
        found = {name: array.shape for name, array in arrays.items()}
        if found != expected:
            raise DataError(f"Expected a running state of {self.sensors} sensors, {expected}; found {found}")
        return SequentialState(arrays["lags"], Sums(**section(arrays, "sums")))
