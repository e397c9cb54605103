"""Sums of bets against "as before", carried on from sample to sample: the e-detectors of the monitors.

While nothing changes a bet multiplies what it holds by 1 at most on average, so that a mixture of Shiryaev-Roberts sums
passes A after at least A samples on average. What is carried on is the whole state: however the samples are cut into
micro-batches, the same sums come of them.

References
----------
Shin, Ramdas & Rinaldo (2022), E-detectors: a nonparametric framework for sequential change detection, arXiv 2203.03532.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

BETS = (0.05, 0.2, 0.5, 0.9)
LEAST, MOST = 50, 300
"""Shares known before one is watched, and from which on what is usual stays as it is."""
_FLOOR = 0.005
_UPPER = 1.64


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """What k bets hold.

    Attributes
    ----------
    held : (k,)
        Logarithm of each Shiryaev-Roberts sum, -inf where nothing was bet yet.
    won : (k,)
        Logarithm of what each has won since the place that is best for it, 0 at least.
    start : (k,)
        Numbers of the samples since which.
    """

    held: Floats
    won: Floats
    start: Floats

    @classmethod
    def none(cls, k: int) -> Self:
        """Nothing was bet yet."""
        return cls(np.full(k, -np.inf), np.zeros(k), np.zeros(k))

    def then(self, bets: Floats, number: Integers) -> tuple[Floats, Floats, Sums]:
        """Bet on further samples.

        Parameters
        ----------
        bets : (n, k)
            Logarithms of what each bet multiplies by; NaN where it was not made.
        number : (n,)
            Numbers of the samples.

        Returns
        -------
        (n,), (n,), Sums
            Logarithm of the mixture, the number since which the best has won (the maximum likelihood estimate of the
            change), and what is held in the end.
        """
        made = np.isfinite(bets)
        gain = np.where(made, bets, 0.0)
        total = np.cumsum(gain, axis=0)
        earlier = np.where(made, total - gain, np.inf)
        held = total + np.logaddexp.accumulate(np.vstack([self.held, -earlier]), axis=0)[1:]
        lowest = np.minimum.accumulate(np.vstack([-self.won, earlier]), axis=0)
        moved = np.vstack([np.ones(len(self.won), np.bool_), earlier <= lowest[:-1]])
        place = np.maximum.accumulate(np.where(moved, np.arange(len(moved))[:, None], 0), axis=0)
        start = np.where(place == 0, self.start, number[np.maximum(place - 1, 0)])[1:]
        won = np.maximum(total - lowest[1:], 0.0)
        statistic = np.logaddexp.reduce(held, axis=1) - np.log(bets.shape[1])
        begin = start[np.arange(len(bets)), np.argmax(won, axis=1)]
        return statistic, begin, Sums(held[-1], won[-1], start[-1])

    def to_json(self) -> dict[str, Any]:
        """For the ledger; what was not bet yet is null."""
        return {
            "held": [None if np.isinf(x) else round(float(x), 9) for x in self.held],
            "won": [round(float(x), 9) for x in self.won],
            "start": self.start.astype(np.int64).tolist(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """What :meth:`to_json` gave."""
        held = [-np.inf if x is None else x for x in data["held"]]
        return cls(*(np.array(one, np.float64) for one in (held, data["won"], data["start"])))


@dataclass(frozen=True, slots=True, eq=False)
class Usual:
    """What m shares in [0, 1] were: how many are known, their sums, and whether all are 0 or 1, (m,) each."""

    n: Floats
    total: Floats
    square: Floats
    whole: NDArray[np.bool_]

    @classmethod
    def none(cls, m: int) -> Self:
        """Nothing is known."""
        return cls(np.zeros(m), np.zeros(m), np.zeros(m), np.ones(m, np.bool_))

    def bets(self, share: Floats, bets: tuple[float, ...] = BETS, *, learn: bool = True) -> tuple[Floats, Usual]:
        """Bets that shares are above what they were, each against all that came before it.

        Parameters
        ----------
        share : (n, m)
            NaN where not known.
        learn
            Whether what is usual goes on with these, up to `MOST` of each.

        Returns
        -------
        (n, m * len(bets)), Usual
            Logarithms, NaN where there is no bet; and what is usual afterwards.

        Examples
        --------
        >>> known = Usual.none(1).bets(np.zeros((200, 1)))[1]
        >>> won, _ = known.bets(np.array([[0.0], [0.1]]))
        >>> bool((won[0] < 0).all() and (won[1] > 0).all())
        True
        """
        known = np.isfinite(share)
        x = np.clip(np.where(known, share, 0.0), 0.0, 1.0)
        count = self.n + np.cumsum(known, axis=0)
        learned = known & (count <= MOST) & learn
        steps = (learned * 1.0, x * learned, x**2 * learned)
        n, total, square = (
            np.vstack([had, had + np.cumsum(step, axis=0)])
            for had, step in zip((self.n, self.total, self.square), steps, strict=True)
        )
        other = learned & (x != 0.0) & (x != 1.0)
        whole = np.vstack([self.whole, self.whole & ~np.logical_or.accumulate(other, axis=0)])
        at_most = np.clip(_upper(n[:-1], total[:-1], square[:-1], whole[:-1]), _FLOOR, 0.99)
        off = np.where(known & (n[:-1] >= LEAST), x - at_most, np.nan)
        won = np.log1p(np.array(bets) / at_most[..., None] * off[..., None])
        return won.reshape(len(share), -1), Usual(n[-1], total[-1], square[-1], whole[-1])

    def to_json(self) -> dict[str, Any]:
        """For the ledger."""
        return {one.name: np.round(1.0 * getattr(self, one.name), 9).tolist() for one in fields(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """What :meth:`to_json` gave."""
        n, total, square = (np.array(data[name], np.float64) for name in ("n", "total", "square"))
        return cls(n, total, square, np.array(data["whole"], np.bool_))


def _upper(n: Floats, total: Floats, square: Floats, whole: NDArray[np.bool_]) -> Floats:
    """Upper confidence bound of mean shares; of counts with one more of each, for none in a hundred is not never."""
    many = np.maximum(n, 1.0)
    mean = np.where(whole, (total + 1.0) / (n + 2.0), total / many)
    variance = np.where(whole, mean * (1.0 - mean), np.maximum(square / many - mean**2, 0.0))
    return np.asarray(mean + _UPPER * np.sqrt(variance / many))
