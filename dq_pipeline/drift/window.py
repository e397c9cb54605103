"""The window detector: a divergence of the newest samples against an adaptive threshold, at a significance level."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.drift.alarm import Alarm, Observation
from dq_pipeline.drift.calibration import CALIBRATED_SAMPLES, Progress
from dq_pipeline.drift.divergences import DIVERGENCES
from dq_pipeline.drift.level import CHANNELS, Level, change_within, measure
from dq_pipeline.drift.null import COMBINED, MOMENTS, Null, fit_null, moments_of
from dq_pipeline.errors import DataError
from dq_pipeline.process import Drift
from dq_pipeline.profile.profile import Profile
from dq_pipeline.storage import arrays_of, from_npz, section, to_npz

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class WindowState:
    """What runs on from sample to sample.

    Attributes
    ----------
    seen
        Samples after the reference.
    taken
        Of them, those taken in since the window was last emptied.
    statistic
        Of the newest window; 0 while none was full.
    newest : (at most W, 37, f) float32
        The samples that the next window may hold.
    level
        What windows are measured against: the reference, or what was taken for known since.
    """

    seen: NDArray[np.int64]
    taken: NDArray[np.int64]
    statistic: Floats
    newest: NDArray[np.float32]
    level: Level


@dataclass(frozen=True, slots=True, eq=False)
class WindowDetector:
    """A fitted detector; it holds no running state.

    Every `stride` samples the newest W are measured against the reference. The statistic is ``-log p`` of that
    window, held until the next one, and the threshold ``-log tau``: so `tau` is a significance level for each window
    that is looked at, not a budget of false alarms per sample, and a larger one alarms more often.

    Attributes
    ----------
    null
        The reference, and what windows of it look like.
    statistic
        "combined", or the divergence to look at.
    tau
        Alarm when the p-value is lower.
    stride
        Samples between one window and the next.
    uncalibrated
        Why the level cannot be promised; empty where it can.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> def samples(n, shift):
    ...     readings = rng.normal(size=(n, 40, 2)) + shift
    ...     counts = [[np.histogram(readings[i, :, j], 33, (-4, 4))[0] for j in range(2)] for i in range(n)]
    ...     moments = np.stack([readings.mean(axis=1), readings.std(axis=1)] * 2, axis=1)
    ...     return np.concatenate([moments, np.swapaxes(counts, 1, 2)], axis=1)
    >>> detector = WindowDetector.fit(samples(200, 0.0), rng=rng)
    >>> stream = np.concatenate([samples(50, 0.0), samples(50, np.array([0.0, 0.5]))])
    >>> alarm = detector.update(detector.start(), stream).alarms[-1]
    >>> alarm.sensor, alarm.sample
    (1, 99)
    """

    null: Null
    statistic: str
    tau: float
    stride: int
    uncalibrated: str

    @staticmethod
    def readings(profile: Profile) -> Floats:
        """What it looks at (n, 37, f): mean, spread, roughness, slope, and the cells in each bin."""
        return np.concatenate([moments_of(profile), np.swapaxes(profile.drift_histogram, 1, 2)], axis=1)

    @classmethod
    def fit(
        cls,
        reference: Floats,
        *,
        rng: np.random.Generator,
        statistic: str = "combined",
        tau: float = 0.06,
        window: int = 25,
        stride: int = 5,
        draws: int = 500,
    ) -> WindowDetector:
        """Fit on the readings (N, 37, f) of consecutive samples.

        Raises
        ------
        DataError
            If the shape or the statistic is another, or there are fewer than 20 samples or draws.
        """
        if reference.ndim != 3 or reference.shape[1] != CHANNELS:
            raise DataError(f"Expected readings of shape (N, {CHANNELS}, f), found {reference.shape}")
        if statistic not in ("combined", *DIVERGENCES):
            raise DataError(f"Unknown statistic {statistic!r}. Registered: combined, {', '.join(DIVERGENCES)}.")
        moments, histogram = np.split(_rounded(reference), [len(MOMENTS)], axis=1)
        null = fit_null(np.swapaxes(histogram, 1, 2), moments, window=window, draws=draws, rng=rng)
        return cls(null, statistic, tau, stride, _why_uncalibrated(null))

    @classmethod
    def fit_as(
        cls, settings: Drift, reference: Floats, *, rng: np.random.Generator, progress: Progress | None = None
    ) -> WindowDetector:
        """Fit as a process file asks for."""
        fitted = cls.fit(
            reference,
            rng=rng,
            statistic=settings.statistic,
            tau=settings.tau,
            window=settings.window,
            stride=settings.stride,
            draws=settings.draws,
        )
        if progress is not None:
            progress(1, 1)
        return fitted

    @property
    def calibrated(self) -> bool:
        """Whether the level can be promised."""
        return not self.uncalibrated

    @property
    def threshold(self) -> float:
        """Alarm when the statistic is greater: ``-log tau``."""
        return -float(np.log(self.tau))

    @property
    def sensors(self) -> int:
        """Number of sensors."""
        return self.null.sensors

    def start(self, *, seen: int = 0) -> WindowState:
        """The state right after the reference, or after `seen` samples more that could not be looked at."""
        return self._empty(Level.of_reference(self.null), seen)

    def rebase(self, readings: Floats, *, seen: int) -> WindowState:
        """The state that measures windows against some samples (n, 37, f), n > 0, instead of the reference.

        Parameters
        ----------
        seen
            Samples after the reference, up to the last of `readings`.
        """
        return self._empty(Level.of(_rounded(readings), self.null), seen)

    def update(self, state: WindowState, readings: Floats) -> Observation[WindowState]:
        """Take in the readings (n, 37, f) of the samples that follow, in stream order; however they are cut."""
        if readings.ndim != 3 or readings.shape[1:] != (CHANNELS, self.sensors):
            raise DataError(f"Expected readings of shape (n, {CHANNELS}, {self.sensors}), found {readings.shape}")
        width, held, first = self.null.window, len(state.newest), int(state.taken)
        joined = np.concatenate([state.newest, readings.astype(np.float32)])
        statistics = np.empty(len(readings))
        latest = float(state.statistic)
        alarms: list[Alarm] = []
        for i in range(len(readings)):
            over = first + i + 1 - width
            if over >= 0 and over % self.stride == 0:
                window = joined[held + i + 1 - width : held + i + 1].astype(np.float64)
                latest, alarm = self._judge(state, window, int(state.seen) + i)
                alarms += alarm
            statistics[i] = latest
        after = WindowState(
            seen=state.seen + len(readings),
            taken=state.taken + len(readings),
            statistic=np.asarray(latest),
            newest=joined[-(width - 1) :] if width > 1 else joined[:0],
            level=state.level,
        )
        return Observation(after, statistics, tuple(alarms))

    def _judge(self, state: WindowState, window: Floats, sample: int) -> tuple[float, list[Alarm]]:
        divergences, z = measure(self.null, state.level, window)
        width = np.abs(z).max(axis=0)
        p = self.null.p_value(self.statistic, divergences, width)
        if p >= self.tau:
            return -np.log(p), []
        names = COMBINED if self.statistic == "combined" else (self.statistic,)
        rows = [width if name == "moments" else divergences[tuple(DIVERGENCES).index(name)] for name in names]
        excess = np.stack([self.null.excess(name, row) for name, row in zip(names, rows, strict=True)])
        share = excess.max(axis=0) ** 2
        share = share / share.sum() if share.sum() > 0 else np.full(self.sensors, 1 / self.sensors)
        sensor = int(np.argmax(share))
        part = int(np.argmax(excess[:, sensor]))
        moment = int(np.argmax(np.abs(z[:, sensor])))
        by_moment = names[part] == "moments"
        began = change_within(window, state.level, sensor, moment if by_moment else None)
        return -np.log(p), [
            Alarm(
                sample=sample,
                statistic=-float(np.log(p)),
                threshold=self.threshold,
                change_point=float(sample + 1 - len(window) + began),
                sensor=sensor,
                kind="moment" if by_moment else names[part],
                feature=MOMENTS[moment] if by_moment else "histogram",
                contrast=part * self.sensors + sensor,
                evidence=tuple(float(x) for x in share),
            )
        ]

    def _empty(self, level: Level, seen: int) -> WindowState:
        newest = np.empty((0, CHANNELS, self.sensors), np.float32)
        return WindowState(np.asarray(seen), np.asarray(0), np.asarray(0.0), newest, level)

    def to_bytes(self) -> bytes:
        """The fitted detector as an npz archive, the same bytes for the same detector."""
        return to_npz(arrays_of(self))

    @classmethod
    def from_bytes(cls, data: bytes) -> WindowDetector:
        """The detector of :meth:`to_bytes`.

        Raises
        ------
        DataError
            If the bytes are not a fitted detector.
        """
        arrays = from_npz(data, "a fitted window detector")
        try:
            return cls(
                null=Null.from_arrays(section(arrays, "null")),
                statistic=str(arrays["statistic"]),
                tau=float(arrays["tau"]),
                stride=int(arrays["stride"]),
                uncalibrated=str(arrays["uncalibrated"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"Expected a fitted window detector, found arrays {sorted(arrays)}") from error

    def state_to_bytes(self, state: WindowState) -> bytes:
        """A running state as an npz archive; about 40 KB with 10 sensors and 25 samples in a window."""
        return to_npz(arrays_of(state))

    def state_from_bytes(self, data: bytes) -> WindowState:
        """The running state of :meth:`state_to_bytes`.

        Raises
        ------
        DataError
            If the bytes are no state, or the state of a detector of other sensors.
        """
        arrays = from_npz(data, "a running state of the window detector")
        shapes: dict[str, Any] = {name: array.shape for name, array in arrays.items()}
        expected = {name: array.shape for name, array in arrays_of(self.start()).items()}
        if {**shapes, "newest": shapes.get("newest", ())[1:]} != {**expected, "newest": expected["newest"][1:]}:
            raise DataError(f"Expected a running state of {self.sensors} sensors, {expected}; found {shapes}")
        plain = {name: array for name, array in arrays.items() if "." not in name}
        return WindowState(**plain, level=Level(**section(arrays, "level")))


def _rounded(readings: Floats) -> Floats:
    """As a running state keeps them."""
    return readings.astype(np.float32).astype(np.float64)


def _why_uncalibrated(null: Null) -> str:
    if null.samples < CALIBRATED_SAMPLES:
        return f"the reference holds {null.samples} samples, the level needs {CALIBRATED_SAMPLES}"
    if 2 * null.persistent > null.sensors:
        return (
            f"the means of {null.persistent} of {null.sensors} sensors wander too slowly for a reference of this length"
        )
    return ""
