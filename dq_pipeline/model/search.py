"""The search for tree settings: every candidate judged on samples it has not seen."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.model.boosting import Candidate
from dq_pipeline.model.inference import Task

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Progress = Callable[[int, int, str], None]
"""Called with steps done, steps in all, and what was done."""
Clock = Callable[[], float]

FOLDS = 3


def no_time_passes() -> float:
    """A clock for those who have all the time."""
    return 0.0


@dataclass(frozen=True, slots=True)
class Trial:
    """One candidate and its loss: mean over the folds, and per fold."""

    candidate: Candidate
    loss: float
    folds: tuple[float, ...]


def expanding_splits(n: int, folds: int, held: int) -> Iterator[tuple[Indices, Indices]]:
    """Time-ordered splits: the newest `held` of n samples in `folds` blocks, each predicted from all before it.

    Examples
    --------
    >>> [(len(older), block.tolist()) for older, block in expanding_splits(10, 2, 4)]
    [(6, [6, 7]), (8, [8, 9])]
    """
    edges = np.linspace(n - held, n, folds + 1).astype(np.int64)
    for first, last in itertools.pairwise(edges.tolist()):
        if last > first:
            yield np.arange(first), np.arange(first, last)


def stratified_splits(labels: Floats, folds: int, rng: np.random.Generator) -> Iterator[tuple[Indices, Indices]]:
    """Splits (fitted, held out) in which every class is spread evenly over the folds."""
    order = rng.permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    fold = np.empty(len(labels), dtype=np.int64)
    fold[order] = np.arange(len(labels)) % folds
    for number in range(folds):
        yield np.flatnonzero(fold != number), np.flatnonzero(fold == number)


def splits(target: Floats, task: Task, rng: np.random.Generator) -> list[tuple[Indices, Indices]]:
    """The search's splits: the newer half forward in time (regression), or stratified (classification)."""
    if task == "classification":
        return list(stratified_splits(target, FOLDS, rng))
    return list(expanding_splits(len(target), FOLDS, len(target) // 2))


def search(
    candidates: tuple[Candidate, ...],
    loss: Callable[[Candidate, Indices, Indices], float],
    folds: list[tuple[Indices, Indices]],
    progress: Progress,
    *,
    seconds: float | None = None,
    clock: Clock = no_time_passes,
) -> tuple[Trial, ...]:
    """Judge the candidates on every fold; the best first, and of equals the one listed first.

    Parameters
    ----------
    seconds
        No candidate is begun that would not fit, going by those before it; the first always is. None for all.
    clock
        Seconds that have passed since any fixed moment.
    """
    trials: list[Trial] = []
    began, spent = clock(), 0.0
    for done, candidate in enumerate(candidates, 1):
        losses = tuple(loss(candidate, fitted, held) for fitted, held in folds)
        trials.append(Trial(candidate, float(np.mean(losses)), losses))
        spent = clock() - began
        fits = len(candidates) if seconds is None or spent <= 0.0 else min(len(candidates), int(seconds / spent * done))
        progress(done, max(done, fits), "search")
        if done >= fits:
            break
    return tuple(sorted(trials, key=lambda trial: trial.loss))
