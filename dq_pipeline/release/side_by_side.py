"""Several releases on the same samples: each one's error and how much larger it is than another's, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.model.evaluation import last_values
from dq_pipeline.release.bootstrap import circular_blocks

Floats = NDArray[np.float64]

LAST_VALUE = "last value"
LEAST = 10
"""Samples below which no interval is given."""
LEAST_IN_SLICE = 20
"""Samples below which a slice is not shown."""
TAIL = 0.05


@dataclass(frozen=True, slots=True)
class Figure:
    """One release's error on the samples that all have an answer to.

    Attributes
    ----------
    error, low, high
        Mean absolute error, or share of wrong classes, and between which it lies in 90 of 100 block draws.
    ratio, ratio_low, ratio_high
        To the error of the one it is compared with, over the same draws; None for that one itself.
    """

    name: str
    samples: int
    error: float | None
    low: float | None = None
    high: float | None = None
    ratio: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None


def side_by_side(
    truth: Floats, said: Mapping[str, Floats], against: str, rng: np.random.Generator, *, classes: bool = False
) -> tuple[Figure, ...]:
    """Compare several predictions of the same samples, and the last value, with one of them.

    Neighbouring samples resemble each other and a hard one is hard for all: the same circular blocks are drawn for all.

    Parameters
    ----------
    truth, said : (n,)
        In the order of the stream; a sample counts where its truth and every prediction is known.
    against
        Which of `said` the ratios are to.
    classes
        They are class indices.

    Examples
    --------
    >>> rng, truth = np.random.default_rng(0), np.arange(40.0)
    >>> found = side_by_side(truth, {"1": truth + 1, "2": truth + 2}, "1", rng)
    >>> [(one.name, one.error, one.ratio) for one in found]
    [('1', 1.0, None), ('2', 2.0, 2.0), ('last value', 1.0, 1.0)]
    """
    known = np.isfinite(truth)
    before = np.full(len(truth), np.nan)
    before[known] = last_values(truth[known], float("nan"))
    columns = {**said, LAST_VALUE: before}
    errors = {name: _errors(truth, value, classes) for name, value in columns.items()}
    usable = np.isfinite(np.array(list(errors.values()))).all(axis=0)
    kept = {name: error[usable] for name, error in errors.items()}
    n = int(usable.sum())
    if not n:
        return tuple(Figure(name, 0, None) for name in kept)
    index = circular_blocks(n, rng) if n >= LEAST else None
    drawn = None if index is None else {name: error[index].mean(axis=1) for name, error in kept.items()}
    return tuple(_figure(name, kept, drawn, against) for name in kept)


def slices(values: Sequence[str], least: int = LEAST_IN_SLICE) -> dict[str, NDArray[np.int64]]:
    """Indices of the samples of each value, those with at least so many, the largest first; no value is none.

    Examples
    --------
    >>> {name: len(index) for name, index in slices(["a", "b", "a", ""], least=2).items()}
    {'a': 2}
    """
    found = {name: np.flatnonzero(np.array(values) == name) for name in sorted(set(values)) if name}
    largest = sorted(found.items(), key=lambda entry: -len(entry[1]))
    return {name: index for name, index in largest if len(index) >= least}


def _figure(name: str, kept: Mapping[str, Floats], drawn: Mapping[str, Floats] | None, against: str) -> Figure:
    error, other = float(kept[name].mean()), float(kept[against].mean())
    ratio = error / other if name != against and other > 0.0 else None
    if drawn is None:
        return Figure(name, len(kept[name]), error, ratio=ratio)
    low, high = np.quantile(drawn[name], (TAIL, 1.0 - TAIL)).tolist()
    if ratio is None or not (drawn[against] > 0.0).all():
        return Figure(name, len(kept[name]), error, low, high, ratio)
    ratio_low, ratio_high = np.quantile(drawn[name] / drawn[against], (TAIL, 1.0 - TAIL)).tolist()
    return Figure(name, len(kept[name]), error, low, high, ratio, ratio_low, ratio_high)


def _errors(truth: Floats, value: Floats, classes: bool) -> Floats:
    gap = np.abs(truth - value)
    return np.where(np.isfinite(gap), (gap > 0.0).astype(np.float64), np.nan) if classes else gap
