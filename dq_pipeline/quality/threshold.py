"""Which samples are good enough: the policy beside the score."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

CANDIDATES = (0.0, 0.1, 0.25, 0.4, 0.55, 0.7, 0.8, 0.9)
_AS_GOOD = 0.02
"""A lower threshold wins unless a higher one is better by this share: of equals, the one that keeps more."""


def accept(unified: Floats, threshold: float) -> Mask:
    """Samples whose unified score reaches a threshold.

    Examples
    --------
    >>> accept(np.array([0.1, 0.25, 0.9]), 0.25)
    array([False,  True,  True])
    """
    return unified >= threshold


@dataclass(frozen=True, slots=True)
class Trial:
    """A threshold, the share of samples that reaches it, and the error of a model trained on these alone."""

    threshold: float
    retained: float
    loss: float


def sweep(
    unified: Floats,
    loss: Callable[[Mask], float],
    min_retained: float,
    candidates: Sequence[float] = CANDIDATES,
) -> tuple[Trial, ...]:
    """Try every threshold that keeps enough, lowest first; one that keeps the same samples is not tried again.

    Parameters
    ----------
    unified
        Scores (n,) of the samples that could be trained on.
    loss
        Error on later samples of a model trained on some of them.
    min_retained
        Share of the samples that must reach a threshold.

    Examples
    --------
    >>> trials = sweep(np.array([0.2, 0.6, 0.95]), lambda kept: 1.0 - kept.mean() / 2, 0.5)
    >>> [(trial.threshold, round(trial.retained, 2)) for trial in trials]
    [(0.0, 1.0), (0.25, 0.67)]
    """
    trials: list[Trial] = []
    for threshold in sorted(candidates):
        kept = accept(unified, threshold)
        retained = float(kept.mean()) if len(kept) else 0.0
        if retained < min_retained or retained == 0.0 or (trials and trials[-1].retained == retained):
            continue
        trials.append(Trial(threshold, retained, loss(kept)))
    return tuple(trials)


def choose(trials: Sequence[Trial], otherwise: float) -> float:
    """The lowest threshold whose error is as good as the best one's, or `otherwise` if nothing could be tried.

    Examples
    --------
    >>> choose([Trial(0.0, 1.0, 2.0), Trial(0.25, 0.8, 1.01), Trial(0.9, 0.6, 1.0)], 0.25)
    0.25
    """
    finite = [trial for trial in trials if np.isfinite(trial.loss)]
    if not finite:
        return otherwise
    best = min(trial.loss for trial in finite)
    return min(trial.threshold for trial in finite if trial.loss <= best * (1.0 + _AS_GOOD))
