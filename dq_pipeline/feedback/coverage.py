"""Whether the samples that are flagged lie where the model has learned from: if not, labels of them are worth most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.feedback.novelty import Novelty

Floats = NDArray[np.float64]

LEAST = 10
"""Flagged samples below which nothing is said."""
USUAL = 0.95
"""Share of the training set that lies as near to the rest of it."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """Flagged samples, and how many of them have a labelled sample near that the model has learned from.

    Attributes
    ----------
    labelled
        Of those without one near, how many are labelled by now.
    wanted
        Ids of the others, the farthest first: their labels would tell most.
    """

    flagged: int
    within: int
    labelled: int
    wanted: tuple[str, ...]

    @property
    def share(self) -> float:
        """Of the flagged samples, those near."""
        return self.within / self.flagged


def own_distance(novelty: Novelty) -> float:
    """The 95 % quantile of the distances from each sample of a training set to the nearest other one."""
    distances = novelty.distances(novelty.points)
    np.fill_diagonal(distances, np.inf)
    return float(np.quantile(distances.min(axis=1), USUAL))


def coverage(novelty: Novelty, features: Floats, ids: Sequence[str], labelled: NDArray[np.bool_]) -> Coverage | None:
    """How well a training set covers flagged samples; None if they are fewer than 10.

    Parameters
    ----------
    novelty
        Of the training set, all of it labelled: its newest samples.
    features : (n, k)
        Of the flagged samples, as the model sees them.
    labelled : (n,)
        Whether their targets are known by now.
    """
    if len(ids) < LEAST:
        return None
    nearest = novelty.distances(novelty.standardised(features)).min(axis=1)
    far = nearest > own_distance(novelty)
    unlabelled = np.flatnonzero(far & ~labelled)
    farthest = unlabelled[np.argsort(-nearest[unlabelled], kind="stable")]
    return Coverage(
        flagged=len(ids),
        within=int((~far).sum()),
        labelled=int((far & labelled).sum()),
        wanted=tuple(ids[i] for i in farthest.tolist()),
    )
