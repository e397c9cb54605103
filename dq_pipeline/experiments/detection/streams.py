"""Streams whose every property is known, and where a change branches off from them.

A stream has 8 sensors of 60 rows a sample. Every reading has mean 0 and variance 1: 0.3 of it is the sample's level,
which remembers 0.3 of the sample before and of which two sensors share 0.3; 0.7 are rows that remember 0.8 of the row
before and that no two sensors share. So samples are correlated, and rows are anything but independent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

SENSORS, ROWS, REFERENCE, BEFORE, LONGEST = 8, 60, 200, 300, 300
LIMIT = 1000.0
"""Of what a sensor can show: none is out of range, whatever is put in."""
"""A change comes BEFORE samples after the reference and is looked for over LONGEST samples."""
LEVEL, REMEMBERED, SHARED, ROW_REMEMBERED = 0.3, 0.3, 0.3, 0.8
_WARM = 50
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Stream:
    """The parts a stream is the sum of, so that a change may befall any of them.

    Attributes
    ----------
    level : (n, f)
        Of each sample, variance 0.3.
    rows : (n, T, f)
        About the level, variance 0.7.
    """

    level: Floats
    rows: Floats

    @property
    def values(self) -> Floats:
        """Readings (n, T, f)."""
        return self.level[:, None] + self.rows

    def between(self, first: int, stop: int) -> Stream:
        """The samples first <= i < stop."""
        return Stream(self.level[first:stop], self.rows[first:stop])


def steady(n: int, rng: np.random.Generator) -> Stream:
    """A stream of n samples in which nothing changes.

    Examples
    --------
    >>> values = steady(500, np.random.default_rng(0)).values
    >>> values.shape, bool(abs(values.var() - 1.0) < 0.05)
    ((500, 60, 8), True)
    """
    fresh = rng.standard_normal((n, _WARM + ROWS, SENSORS)) * np.sqrt((1.0 - LEVEL) * (1.0 - ROW_REMEMBERED**2))
    rows = np.asarray(lfilter([1.0], [1.0, -ROW_REMEMBERED], fresh, axis=1)[:, _WARM:])
    return Stream(levels(n, SHARED, rng), rows)


def levels(n: int, shared: float, rng: np.random.Generator) -> Floats:
    """Autoregressive levels (n, f) of which any two sensors share so much of the variance."""
    noise = rng.standard_normal((n + _WARM, SENSORS + 1))
    fresh = np.sqrt(shared) * noise[:, :1] + np.sqrt(1.0 - shared) * noise[:, 1:]
    fresh *= np.sqrt(LEVEL * (1.0 - REMEMBERED**2))
    return np.asarray(lfilter([1.0], [1.0, -REMEMBERED], fresh, axis=0)[_WARM:])


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """What one detector is given: a reference, a stream in which nothing changes, and changes that branch off from it.

    Attributes
    ----------
    seed
        Of the detector's own chance.
    reference : (N, T, f)
        Consecutive samples.
    quiet : (n, T, f)
        The samples after the reference.
    changed
        Each (m, T, f): what follows the first `BEFORE` of them instead, once for every kind of change.
    """

    seed: int
    reference: Floats
    quiet: Floats
    changed: tuple[Floats, ...]
