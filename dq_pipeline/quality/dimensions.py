"""Five measures of data quality, each on a profile and the reference, each (n, f) in [0, 1].

A sensor that was not observed in a sample has 0 in every dimension. A new dimension is one function and one entry of
`DIMENSIONS`; whether a low value is bad enough to matter is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.profile.bins import Reference
from dq_pipeline.profile.kernel import BINS
from dq_pipeline.profile.profile import Profile
from dq_pipeline.quality.distance import jensen_shannon, kolmogorov_smirnov

Floats = NDArray[np.float64]
Dimension = Callable[[Profile, Reference], Floats]


def accuracy(profile: Profile, reference: Reference) -> Floats:  # noqa: ARG001 - every dimension's signature
    """Share of the observed readings that are neither outside their row's envelope nor a spike."""
    return _share_without(profile.counted("abnormal"), profile.seen)


def completeness(profile: Profile, reference: Reference) -> Floats:  # noqa: ARG001 - every dimension's signature
    """Share of the expected readings that arrived.

    References
    ----------
    Pipino, Lee & Wang (2002), Data Quality Assessment, CACM 45(4), 211-218.
    """
    return profile.seen / np.maximum(profile.expected, 1)


def consistency(profile: Profile, reference: Reference) -> Floats:  # noqa: ARG001 - every dimension's signature
    """Share of the observed readings in their physical range, without a jump, not stuck, and within every rule."""
    return _share_without(profile.counted("violating"), profile.seen)


def late_share(profile: Profile) -> Floats:
    """Share of the rows received (n,) whose time is not later than one already received."""
    share: Floats = np.clip(profile.disordered / np.maximum(profile.received, 1), 0.0, 1.0)
    return share


def timeliness(profile: Profile, reference: Reference) -> Floats:
    """One minus the Kolmogorov-Smirnov distance to the reference, times the share of rows that came in order."""
    near = 1.0 - kolmogorov_smirnov(profile.histogram[..., :BINS], reference.bins)
    return _where_seen(near * (1.0 - late_share(profile))[:, None], profile.seen)


def skewness(profile: Profile, reference: Reference) -> Floats:
    """One minus the Jensen-Shannon divergence (base 2) to the reference."""
    near = 1.0 - jensen_shannon(profile.histogram[..., :BINS], reference.bins)
    return _where_seen(near, profile.seen)


DIMENSIONS: Mapping[str, Dimension] = MappingProxyType(
    {d.__name__: d for d in (accuracy, completeness, consistency, timeliness, skewness)}
)
"""The registry, in the order of every dimension axis."""


def measure(profile: Profile, reference: Reference) -> Floats:
    """All dimensions of all samples and sensors, (n, 5, f) in [0, 1], not yet relative to a window."""
    return np.stack([dimension(profile, reference) for dimension in DIMENSIONS.values()], axis=1)


def _share_without(counted: NDArray[np.int64], seen: NDArray[np.int64]) -> Floats:
    return _where_seen(1.0 - counted / np.maximum(seen, 1), seen)


def _where_seen(values: Floats, seen: NDArray[np.int64]) -> Floats:
    return np.where(seen > 0, values, 0.0)
