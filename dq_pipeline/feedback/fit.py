"""Fit the rules that flag samples, with a release.

The reference are the newest samples that were learned from, without those of the lowest unified scores, where some
hold what is wrong. Models that had seen older ones only said what errors are compared with; distances and neighbours
come from all blocks but the sample's own.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.feedback.budget import joint_level
from dq_pipeline.feedback.flags import ERROR_NEIGHBOURS, Rules
from dq_pipeline.feedback.low import well_p
from dq_pipeline.feedback.novelty import MOST_POINTS, Novelty, nearest
from dq_pipeline.feedback.statistics import alone, apart, doubt, unusualness

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

BLOCKS = 10
DROPPED = 0.1
"""Of what scores as low as so small a share of the well recordings, some holds what is wrong."""
MOST_SCORES = 500
LOW_SHARE, BEYOND_SHARE = 0.35, 0.45
"""What low scores and errors may use of the budget."""


def fit(
    features: Floats,
    sensor: Indices,
    sensors: tuple[str, ...],
    *,
    targets: Floats,
    errors: Floats,
    radius: float,
    unified: Floats,
    scores: Floats,
    injected: Floats,
    threshold: float,
    per_100: float,
    band: float,
    classes: int = 0,
) -> Rules | None:
    """Fit the rules on what a release learned from, in time order; None where samples are too few for a neighbourhood.

    Parameters
    ----------
    features : (n, k)
        Of all samples learned from; the newest of them are the reference.
    sensor : (k,)
        Which of the f sensors each feature is of.
    targets : (n,)
        Of all of them.
    errors : (m,)
        How far off models were that had not seen the newest m samples.
    radius
        Half-width of the release's interval.
    unified : (n,)
        Unified scores of all; NaN where not known.
    scores : (s,)
        Unified scores of the newest recordings, good enough or not, in time order; NaN where not known.
    injected : (q,)
        Scores of injected faults; empty where they are not known.
    threshold
        The score from which a recording is good enough.
    """
    scores = scores[~np.isnan(scores)][-MOST_SCORES:]
    kept = well_p(unified, scores, injected) > DROPPED
    errors = errors[kept[len(kept) - len(errors) :]][-MOST_POINTS:]
    features, targets, unified = (values[kept][-MOST_POINTS:] for values in (features, targets, unified))
    n = len(features)
    if n < 40 or len(errors) < 2 * ERROR_NEIGHBOURS:
        return None
    novelty = Novelty.fit(features, sensor)
    blocks = np.arange(n) * BLOCKS // n
    usual = np.quantile(targets, (0.05, 0.5, 0.95))
    raw = (
        _local_errors(novelty, errors, blocks),
        unusualness(targets, targets, usual, classes),
        _distances(features, sensor, blocks),
    )
    middle = np.array([float(np.median(one)) for one in raw])
    wide, unusual, far = (
        np.concatenate([take(one[blocks == block], usually) for block in range(BLOCKS)])
        for one, usually, take in zip(raw, middle, (alone, alone, apart), strict=True)
    )
    missed = errors / radius if np.isfinite(radius) and radius > 0.0 else np.full(len(errors), -np.inf)
    budget = per_100 / 100.0
    return Rules(
        sensors=sensors,
        per_100=per_100,
        band=band,
        levels=_levels((wide, unusual, far, doubt(unified, threshold, band)), budget),
        low_level=LOW_SHARE * budget,
        beyond_level=BEYOND_SHARE * budget,
        scores=scores,
        injected=injected,
        novelty=novelty,
        errors=errors,
        outputs=targets,
        wide=wide,
        unusual=unusual,
        far=far,
        unified=unified,
        beyond=np.where(missed > 1.0, 1e9 if classes else missed, -np.inf),
        usual=usual,
        middle=middle,
        classes=classes,
    )


def _levels(kinds: tuple[Floats, Floats, Floats, Floats], budget: float) -> Floats:
    """What novelty and doubt are flagged at, and, where the reference is large enough for them too, the other two."""
    left = (1.0 - LOW_SHARE - BEYOND_SHARE) * budget
    if level := joint_level(kinds, left):
        return np.full(4, level)
    return joint_level(kinds[2:], left) * np.array([0.0, 0.0, 1.0, 1.0])


def _distances(features: Floats, sensor: Indices, blocks: Indices) -> Floats:
    """Novelty of each reference sample against all samples but its own block."""
    found = np.empty(len(blocks))
    for block in range(BLOCKS):
        own = np.flatnonzero(blocks == block)
        others = np.delete(features, own, axis=0)
        found[own] = Novelty.fit(others, sensor).score(features[own])
    return found


def _local_errors(novelty: Novelty, errors: Floats, blocks: Indices) -> Floats:
    """Mean error of each reference sample's neighbours in the other blocks."""
    distances = novelty.distances(novelty.points)[:, -len(errors) :]
    distances = np.where(np.equal.outer(blocks, blocks[-len(errors) :]), np.inf, distances)
    return np.asarray(errors[nearest(distances, ERROR_NEIGHBOURS)[0]].mean(axis=1), dtype=np.float64)
