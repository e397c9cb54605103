"""The monitor of a release's errors: biased, larger, or wild more often than they are.

Each error is ranked among those that are usual and those that came since. While nothing changes every rank is equally
likely, however few they are, so that what is bet on ranks needs no margin for what is not known yet (a conformal test).
One counts as usual once `GUARD` have followed it, lest a change hides itself: that gives away little of the exactness,
and half of the delay is saved where few are known. What persists from error to error is taken out first.

References
----------
Vovk, Nouretdinov & Gammerman (2003), Testing exchangeability on-line, ICML.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from dq_pipeline.triage.sums import MOST, Usual

Floats = NDArray[np.float64]

LEAST_ERRORS = 60
"""Errors that have to be known before one is watched."""
_SHIFTS = (0.4, 0.8, 1.6)
_RARE = (0.05, 0.125, 0.2)
GUARD = 25
"""Errors that have to follow one before others are ranked among it."""
COUNT = 3 * len(_SHIFTS) + len(_RARE)
"""Bets."""
_WILD = 4.0
_CLIP = 2.0
"""Standard deviations that one error counts at most: a handful of rare recordings in a row is no change."""
_AR = 0.9
_DIGITS = 6
"""Of the scores that are ranked and kept."""


@dataclass(frozen=True, slots=True, eq=False)
class Errors:
    """What is usual of a release's errors beyond those it came with.

    Attributes
    ----------
    own : (m,)
        The first errors of its own, where it came with none or others count as usual now.
    signed, size : (e,)
        What came since, without what persists: signed errors, and how far from their centre they were; of the newest
        `GUARD` it is not known yet whether they are usual.
    last
        The newest error; None if there is none.
    """

    own: Floats
    signed: Floats
    size: Floats
    last: float | None = None

    @classmethod
    def none(cls) -> Self:
        """Nothing came yet."""
        return cls(np.zeros(0), np.zeros(0), np.zeros(0))

    def bets(self, usual: Floats | None, error: Floats, *, learn: bool = True) -> tuple[Floats, Errors]:
        """Bets on further errors, each against those that came before it.

        Parameters
        ----------
        usual : (m,)
            Errors that the release came with; None or too few: its own first `LEAST_ERRORS` take their place.
        error : (n,)
            NaN where not known.
        learn
            Whether what is usual goes on with these, up to `MOST` in all.

        Returns
        -------
        (n, COUNT), Errors
            Logarithms, NaN where there is no bet; and what is usual afterwards.
        """
        own, given = self.own, None if usual is None else usual[np.isfinite(usual)]
        place = np.flatnonzero(np.isfinite(error))
        if given is None or len(given) < LEAST_ERRORS:
            taken = place[: LEAST_ERRORS - len(own)]
            own, place, given = np.concatenate([own, error[taken]]), place[len(taken) :], None
        known = own if given is None else given
        bets = np.full((len(error), COUNT), np.nan)
        if not len(place) or len(known) < LEAST_ERRORS:
            return bets, Errors(own, self.signed, self.size, self.last)
        new, centre = error[place], float(np.median(known))
        far = np.abs(known - centre)
        columns, grown = [], []
        for was, now, last, since, signs in (
            (known, new, self.last, self.signed, (1.0, -1.0)),
            (far, np.abs(new - centre), None if self.last is None else abs(self.last - centre), self.size, (1.0,)),
        ):
            before, then = _whitened(was, now, last)
            score, since_then = _ranked(before, since, then, learn=learn)
            grown.append(since_then)
            columns += [sign * by * score - by**2 / 2.0 for sign in signs for by in _SHIFTS]
        limit = max(_WILD * _spread(known), float(np.quantile(far, 0.98)))
        wild = [np.asarray(np.abs(one - centre) > limit, np.float64)[:, None] for one in (known, new)]
        rare = Usual.none(1).bets(wild[0])[1].bets(wild[1], _RARE, learn=False)[0]
        bets[place] = np.column_stack([*columns, rare])
        return bets, Errors(own, grown[0], grown[1], float(new[-1]))

    def to_json(self) -> dict[str, Any]:
        """For the ledger."""
        return {**{name: getattr(self, name).tolist() for name in ("own", "signed", "size")}, "last": self.last}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """What :meth:`to_json` gave."""
        own, signed, size = (np.array(data[name], np.float64) for name in ("own", "signed", "size"))
        return cls(own, signed, size, data["last"])


def _ranked(before: Floats, since: Floats, new: Floats, *, learn: bool) -> tuple[Floats, Floats]:
    """Normal scores of the ranks of each new one among those before it, and what came since."""
    came = since.tolist()
    among = sorted([*before.tolist(), *came[: max(len(came) - GUARD, 0)]])
    score = np.empty(len(new))
    for i, x in enumerate(new.tolist()):
        score[i] = ((bisect_left(among, x) + bisect_right(among, x)) / 2.0 + 0.5) / (len(among) + 1.0)
        if learn and len(before) + len(came) < MOST + GUARD:
            came.append(x)
            if len(came) > GUARD:
                insort(among, came[-1 - GUARD])
    return np.clip(ndtri(score), -_CLIP, _CLIP), np.array(came)


def _whitened(usual: Floats, values: Floats, last: float | None) -> tuple[Floats, Floats]:
    """Normal scores of both among the usual ones, without what the value before says of each."""
    old, new = _scores(usual, usual), _scores(usual, values)
    mean = float(old.mean())
    spread = float(np.sum((old - mean) ** 2))
    r = float(np.sum((old[1:] - mean) * (old[:-1] - mean))) / spread if spread > 0 else 0.0
    r = float(np.clip(r + (1.0 + 3.0 * r) / len(old), 0.0, _AR))
    before = mean if last is None else float(_scores(usual, np.array([last]))[0])
    lagged = np.concatenate([[before], new[:-1]])
    return np.round(old[1:] - r * old[:-1], _DIGITS), np.round(new - r * lagged, _DIGITS)


def _scores(usual: Floats, values: Floats) -> Floats:
    """Normal scores of values among the usual ones; beyond them they go on linearly with the robust spread."""
    ordered = np.sort(usual)
    ranks = (np.searchsorted(ordered, ordered) + np.searchsorted(ordered, ordered, side="right")) / 2.0
    level = ndtri(ranks / len(ordered))
    beyond = np.maximum(values - ordered[-1], 0.0) - np.maximum(ordered[0] - values, 0.0)
    return np.asarray(np.interp(values, ordered, level) + beyond / _spread(usual))


def _spread(values: Floats) -> float:
    return max(1.4826 * float(np.median(np.abs(values - np.median(values)))), 0.5 * float(values.std()), 1e-12)
