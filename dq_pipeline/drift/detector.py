"""The protocol that drift detectors keep, and their registry."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.drift.alarm import Observation
from dq_pipeline.drift.calibration import Progress, Worlds
from dq_pipeline.drift.sequential import SequentialDetector

State = TypeVar("State")


class Detector(Protocol[State]):
    """Fitted on a reference, it takes samples in and raises alarms.

    The fitted part belongs to a release; the running state is handed in and out, so that whoever stores it decides
    when an update has happened.
    """

    @classmethod
    def fit(
        cls,
        reference: NDArray[np.float64],
        *,
        rng: np.random.Generator,
        false_alarms_per_1000: float = 1.0,
        worlds: Worlds | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Fit on the features (N, 7, f) of consecutive samples."""
        ...

    @property
    def calibrated(self) -> bool:
        """Whether the budget can be promised."""
        ...

    def start(self, *, seen: int = 0) -> State:
        """The state right after the reference, or after `seen` samples more that could not be looked at."""
        ...

    def rebase(self, features: NDArray[np.float64], *, seen: int) -> State:
        """The state that takes the level of some samples (n, 7, f) as known and looks for the next change."""
        ...

    def update(self, state: State, features: NDArray[np.float64]) -> Observation[State]:
        """Take in the features (n, 7, f) of the samples that follow."""
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


DETECTORS: MappingProxyType[str, type[Detector[Any]]] = MappingProxyType({"sequential": SequentialDetector})
"""Detectors by the name that a process file gives them."""
