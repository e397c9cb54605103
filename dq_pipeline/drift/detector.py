"""The protocol that drift detectors keep, and their registry."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.drift.alarm import Observation
from dq_pipeline.drift.calibration import Progress
from dq_pipeline.drift.sequential import SequentialDetector
from dq_pipeline.drift.window import WindowDetector
from dq_pipeline.process import Drift
from dq_pipeline.profile.profile import Profile

State = TypeVar("State")


class Detector(Protocol[State]):
    """Fitted on a reference, it takes samples in and raises alarms.

    Each detector reads what it needs from the profiles of single samples: c numbers per sample and sensor. The fitted
    part belongs to a release; the running state is handed in and out, so that whoever stores it decides when an update
    has happened.
    """

    @staticmethod
    def readings(profile: Profile) -> NDArray[np.float64]:
        """What it looks at (n, c, f)."""
        ...

    @classmethod
    def fit_as(
        cls,
        settings: Drift,
        reference: NDArray[np.float64],
        *,
        rng: np.random.Generator,
        progress: Progress | None = None,
    ) -> Self:
        """Fit on the readings (N, c, f) of consecutive samples, as a process file asks for."""
        ...

    @property
    def threshold(self) -> float:
        """Alarm when the statistic is greater."""
        ...

    @property
    def calibrated(self) -> bool:
        """Whether the rate of false alarms that was asked for can be promised."""
        ...

    @property
    def uncalibrated(self) -> str:
        """Why it cannot; empty where it can."""
        ...

    def start(self, *, seen: int = 0) -> State:
        """The state right after the reference, or after `seen` samples more that could not be looked at."""
        ...

    def rebase(self, readings: NDArray[np.float64], *, seen: int) -> State:
        """The state that takes the level of some samples (n, c, f) as known and looks for the next change."""
        ...

    def update(self, state: State, readings: NDArray[np.float64]) -> Observation[State]:
        """Take in the readings (n, c, f) of the samples that follow."""
        ...

    def to_bytes(self) -> bytes:
        """The fitted detector."""
        ...

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The detector of :meth:`to_bytes`."""
        ...

    def state_to_bytes(self, state: State) -> bytes:
        """A running state."""
        ...

    def state_from_bytes(self, data: bytes) -> State:
        """The running state of :meth:`state_to_bytes`."""
        ...


DETECTORS: MappingProxyType[str, type[Detector[Any]]] = MappingProxyType(
    {"sequential": SequentialDetector, "window": WindowDetector}
)
"""Detectors by the name that a process file gives them."""
