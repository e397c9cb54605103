"""Each sensor against the others: who left what the others say, once the worst is left out and the rest asked anew.

Works on standardised levels (n, K, f), see :mod:`dq_pipeline.drift.relations`. A sensor that is at fault pulls what
the others are expected to read; so the one whose absence lets the rest agree best is taken out, the relations of the
rest are fitted anew, and so on until the rest agrees, or too many are out: then it is the process that changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.drift import relations
from dq_pipeline.drift.cause import CLEARLY, HARDLY, INFORMATIVE, LEEWAY, MOST_LEEWAY

Floats = NDArray[np.float64]

LEAST_INFORMED = 0.15
"""Explained share below which nothing contradicts a sensor."""
TRUSTED_SHARE = 0.8
"""Share of a sensor's variance that its trusted reference must explain to speak for itself."""
MOST_LEFT = 6
"""More sensors than these are not taken out, however many there are."""
_CANDIDATES, _FEW = 4, 100


class Fit:
    """The relations of some columns while all was well.

    Parameters
    ----------
    known : (N, K, f)
        Standardised levels.
    """

    def __init__(self, known: Floats, columns: Sequence[int]) -> None:
        self.columns = list(columns)
        own = known[:, :, self.columns]
        self._usual, self._inverse = relations.shapes(relations.cross_residuals(own)), relations.precision(own)

    def gone(self, new: Floats) -> Floats:
        """How far each column of levels (n, K, f) moved against the others, (len(columns),)."""
        now = relations.residuals(self._inverse, new[:, :, self.columns])
        return np.asarray(np.abs(relations.moved(self._usual, relations.shapes(now))).max(axis=0))


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Columns that left the others, in the order found; those that still agree; how far the worst of these moved.

    `settled` is False where the rest does not agree either: several changed together.
    """

    left: tuple[int, ...]
    agree: tuple[int, ...]
    moved: Floats
    rest: float
    worst: int
    settled: bool
    every: Fit


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """One column by others.

    Attributes
    ----------
    share
        Of its variance that they explain, in samples that the regression was not fitted to.
    moved
        How far it moved against them, in units of how far it usually goes.
    contradicted
        How far they stand from where they would stand were its reading true, in units of how far they usually go.
    expected : (n, K)
        What they say it should read, standardised.
    sd
        Of the difference of the two while all was well, standardised, (K,).
    usual : (N, K)
        That difference.
    """

    share: float
    moved: float
    contradicted: float
    expected: Floats
    sd: Floats
    usual: Floats

    @property
    def knows(self) -> bool:
        """Whether the others determine it, or at least contradict it."""
        return self.share >= INFORMATIVE or (self.share >= LEAST_INFORMED and self.contradicted >= CLEARLY)


def split(known: Floats, new: Floats, columns: Sequence[int], judged: Sequence[int]) -> Split:
    """Take out the columns that left the others.

    Parameters
    ----------
    known, new : (N, K, f), (n, K, f)
        Standardised levels before and now.
    columns
        Those that are asked.
    judged
        Those among them that may be at fault; the target, say, may not.
    """
    agree, left = list(columns), list[int]()
    every = Fit(known, agree)
    first = np.zeros(known.shape[2])
    first[agree] = gone = every.gone(new)
    most = min(max((len(judged) - 1) // 3, 1), MOST_LEFT)
    tried = _CANDIDATES if len(agree) <= _FEW else 1
    while len(left) < most and len(agree) > 2:
        own = {j: gone[agree.index(j)] for j in judged if j in agree}
        top = [j for j in sorted(own, key=lambda j: -own[j])[:tried] if own[j] >= CLEARLY]
        if not top:
            break
        rests = {j: Fit(known, [k for k in agree if k != j]).gone(new) for j in top}
        out = min(top, key=lambda j: float(np.max(rests[j])) - 0.1 * own[j])
        left.append(out)
        agree.remove(out)
        gone = rests[out]
    rest, worst = float(np.max(gone, initial=0.0)), agree[int(np.argmax(gone))] if agree else -1
    return Split(tuple(left), tuple(agree), first, rest, worst, rest <= allowed(float(np.max(first))), every)


def allowed(moved: float) -> float:
    """How far what is well may lie from before, next to a sensor that moved so far."""
    return HARDLY + min(LEEWAY * moved, MOST_LEEWAY)


def measure(known: Floats, new: Floats, j: int, by: Sequence[int]) -> Measured:
    """Column `j` by the columns `by`."""
    columns = [*by, j]
    a, b = known[:, :, columns], new[:, :, columns]
    usual, now = relations.cross_residuals(a)[:, :, -1:], relations.residuals(relations.precision(a), b)[:, :, -1:]
    z, shown = a[:, :, -1:], b[:, :, -1:]
    share = float(np.clip(relations.explained(z, usual)[0], 0.0, 1.0))
    beside = (1.0 - share) * z - usual, (1.0 - share) * shown - now
    return Measured(
        share,
        _moved(usual, now),
        float(np.abs(relations.moved(beside[0].mean(axis=1), beside[1].mean(axis=1))).max()),
        (shown - now)[:, :, 0],
        relations.spread(usual[:, :, 0]),
        usual[:, :, 0],
    )


def left_over(measured: Measured, corrected: Floats) -> float:
    """How far standardised levels (n, K) that were corrected lie from what the others say."""
    return _moved(measured.usual[:, :, None], np.nan_to_num(corrected - measured.expected)[:, :, None])


def _moved(usual: Floats, now: Floats) -> float:
    return float(np.abs(relations.moved(relations.shapes(usual), relations.shapes(now))).max())
