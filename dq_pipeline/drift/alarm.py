"""What a detector says: a statistic for every sample, and alarms with the sensors that carry them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

State = TypeVar("State")


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm.

    Attributes
    ----------
    sample
        The sample that raised it, counted from 0 at the first one after the reference.
    statistic, threshold
        The statistic passed the threshold.
    change_point
        Estimated first sample of the change, counted as `sample` is. Not to be trusted where a drift is gradual.
    sensor
        The sensor that carries most of the evidence.
    kind, feature
        The leading contrast: what it compares, and of which feature.
    contrast
        Its index.
    evidence : (f,)
        Each sensor's share of the evidence; they sum to 1.
    """

    sample: int
    statistic: float
    threshold: float
    change_point: float
    sensor: int
    kind: str
    feature: str
    contrast: int
    evidence: tuple[float, ...]

    def ranked_sensors(self, share: float = 0.8) -> tuple[int, ...]:
        """The fewest sensors that carry `share` of the evidence, the leading one first."""
        order = np.argsort(-np.asarray(self.evidence), kind="stable")
        total = np.cumsum(np.asarray(self.evidence)[order])
        return tuple(int(j) for j in order[: int(np.searchsorted(total, share)) + 1])


@dataclass(frozen=True, slots=True)
class Observation(Generic[State]):
    """What an update says.

    Attributes
    ----------
    state
        The running state after the samples.
    statistic : (n,)
        Of every sample taken in.
    alarms
        In stream order.
    """

    state: State
    statistic: NDArray[np.float64]
    alarms: tuple[Alarm, ...]
