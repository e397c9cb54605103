"""Past regimes: whether the samples since an alarm look like one that was seen before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dq_pipeline.drift.report import report
from dq_pipeline.profile.profile import Profile

LEAST_SAMPLES = 20
"""Samples of the new regime that it takes to tell which one it is."""
MOST_SAMPLES = 25
"""The newest so many are looked at: an event may have begun before the change."""
SIGNIFICANCE = 0.05
"""A past regime is taken for the present one if this test does not tell them apart."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A past regime beside the samples at hand.

    Attributes
    ----------
    name
        Of the regime.
    reference, present
        Profiles of single samples against the regime's own bins, in stream order: those of its reference, and those
        since the alarm.
    """

    name: str
    reference: Profile
    present: Profile


@dataclass(frozen=True, slots=True)
class Recognition:
    """The past regime that the present looks like, and the p-value of their difference."""

    name: str
    p: float


def recognise(
    candidates: Sequence[Candidate],
    *,
    rng: np.random.Generator,
    significance: float = SIGNIFICANCE,
    draws: int = 200,
) -> Recognition | None:
    """The past regime that explains the present best, if chance explains the difference.

    The test is that of the window detector: divergences and moments of the samples at hand against what windows of the
    regime's reference show by chance, its persistence allowed for. A true return is missed with the probability
    `significance`. A regime that merely resembles an old one may be taken for it: that its model is no worse has to be
    seen before it is put back.

    Parameters
    ----------
    candidates
        Those with fewer than `LEAST_SAMPLES` on either side are passed over.

    Returns
    -------
    Recognition or None
        None where every candidate differs more than chance would have it.
    """
    found: list[Recognition] = []
    for candidate in candidates:
        if min(len(candidate.reference), len(candidate.present)) < LEAST_SAMPLES:
            continue
        present = candidate.present.take(slice(-MOST_SAMPLES, None))
        sensors = tuple(str(j) for j in range(present.drift_histogram.shape[1]))
        told = report(candidate.reference, present, sensors=sensors, rng=rng, draws=draws)
        found.append(Recognition(candidate.name, told.p["combined"]))
    best = max(found, key=lambda one: one.p, default=None)
    return best if best is not None and best.p > significance else None
