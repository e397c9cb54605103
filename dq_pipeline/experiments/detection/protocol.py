"""The protocol behind which any detector of drift is judged, its threshold free, and how it is judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.experiments.detection.streams import BEFORE, LONGEST, Case

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Raised:
    """One alarm: the sample after the reference that raised it, and its cause where the detector names one."""

    sample: int
    sensor: int | None = None
    change_point: float | None = None


@dataclass(frozen=True, slots=True)
class Watched:
    """What a detector made of one case at one threshold.

    Attributes
    ----------
    alarms
        Alarms where nothing changes.
    first
        For each change the first alarm not before it.
    seconds
        Of the processor, for 1,000 samples.
    """

    alarms: int
    first: tuple[Raised | None, ...]
    seconds: float


class Contender(Protocol):
    """A detector: fitted on a case's reference it watches the case's streams, once for every threshold asked for.

    Attributes
    ----------
    thresholds
        Where to look for the one that keeps the rate of false alarms, rising: the higher, the fewer alarms. A single
        one where it is not to be tuned.
    """

    @property
    def name(self) -> str:
        """In the tables."""
        ...

    @property
    def thresholds(self) -> tuple[float, ...]:
        """See above."""
        ...

    def watch(self, case: Case, thresholds: Sequence[float]) -> list[Watched]:
        """One answer a threshold."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """What a detector with one statistic says at some of a stream's samples: when, how much, and who.

    Attributes
    ----------
    sample : (m,)
        After the reference, rising.
    statistic, sensor, change_point : (m,)
        NaN where there is no change point.
    """

    sample: NDArray[np.int64]
    statistic: Floats
    sensor: NDArray[np.int64]
    change_point: Floats

    def alarms(self, threshold: float, pause: int) -> list[Raised]:
        """Alarms of a detector that starts anew after each: it is silent until `pause` samples have come.

        Examples
        --------
        >>> ends = np.arange(4, 24, 5)
        >>> one = Series(ends, np.array([0.0, 3.0, 3.0, 3.0]), np.zeros(4, np.int64), np.full(4, np.nan))
        >>> [raised.sample for raised in one.alarms(2.0, 10)]
        [9, 19]
        """
        raised: list[Raised] = []
        for i in np.flatnonzero(self.statistic > threshold):
            if raised and self.sample[i] < raised[-1].sample + pause:
                continue
            at = float(self.change_point[i])
            raised.append(Raised(int(self.sample[i]), int(self.sensor[i]), None if np.isnan(at) else at))
        return raised


def first_after(raised: Sequence[Raised], change: int = BEFORE) -> Raised | None:
    """The first alarm not before a change."""
    return next((one for one in raised if one.sample >= change), None)


def delay(first: Raised | None) -> int:
    """Samples of a change up to and with the one that alarms; `LONGEST` where none did.

    Examples
    --------
    >>> delay(Raised(BEFORE)), delay(None)
    (1, 300)
    """
    return LONGEST if first is None else first.sample - BEFORE + 1


def tuned(thresholds: Sequence[float], alarms: Sequence[int], samples: int, per_1000: float = 1.0) -> float:
    """The threshold at which a rate of false alarms is kept, between the two tried that enclose it.

    Parameters
    ----------
    thresholds
        Tried, rising.
    alarms
        At each, over so many `samples` in which nothing changes.

    Examples
    --------
    >>> tuned([1.0, 2.0, 3.0], [4000, 100, 1], 10_000)
    2.5
    """
    asked = np.log(per_1000 * samples / 1000.0)
    found = np.log(np.maximum(alarms, 0.5))
    if len(thresholds) == 1 or found[0] <= asked:
        return float(thresholds[0])
    below = np.flatnonzero(found <= asked)
    if not below.size:
        return float(thresholds[-1])
    i = int(below[0])
    share = (found[i - 1] - asked) / (found[i - 1] - found[i])
    return float(thresholds[i - 1] + share * (thresholds[i] - thresholds[i - 1]))
