"""Another mix of the categories that a categorical sensor shows: chi-squared of rows that are not independent.

A categorical sensor is one 0/1 column for each category, so that the rows of a category are the cells in the bin of 1.
Neighbouring rows repeat each other, and recordings may: Pearson's statistic of the rows is divided by their design
effect, how much more the share of a category varies between recordings than it would between independent rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

from dq_pipeline.drift.categories import pearson
from dq_pipeline.drift.long_run import variance_factors
from dq_pipeline.errors import DataError
from dq_pipeline.profile.bins import Reference
from dq_pipeline.profile.kernel import BINS, CELLS

Floats = NDArray[np.float64]

CLEARLY = 2.0
"""Standardised residuals beyond which a category is said to have moved."""
LEAST_RECORDINGS = 20
"""Of the reference, to know how much shares vary between them."""


@dataclass(frozen=True, slots=True)
class Share:
    """Share of the rows that show a category, in the reference and now.

    Attributes
    ----------
    residual
        The difference over its standard error, the design effect of the category included; None where that is not
        known.
    """

    category: str
    before: float
    after: float
    residual: float | None

    def told(self) -> str:
        """For people.

        Examples
        --------
        >>> Share("open", 0.311, 0.52, 4.1).told()
        'open 31 % -> 52 %'
        """
        return f"{self.category} {_percent(self.before)} -> {_percent(self.after)}"


@dataclass(frozen=True, slots=True)
class MixDrift:
    """Chi-squared of one categorical sensor.

    Attributes
    ----------
    statistic, degrees
        Pearson's over rows, and its degrees of freedom: one less than the categories seen on either side.
    design_effect
        What the statistic is divided by; None where the reference is only a sum, or too short to know.
    p
        Of the corrected statistic; None without a design effect.
    shares
        Of every category, the one that moved furthest first.
    new
        Categories that the reference never showed.
    """

    name: str
    statistic: float
    degrees: int
    design_effect: float | None
    p: float | None
    shares: tuple[Share, ...]
    new: tuple[str, ...]

    @property
    def moved(self) -> tuple[Share, ...]:
        """The categories that clearly moved; where that is not known, those that moved at all."""
        return tuple(
            one
            for one in self.shares
            if (abs(one.residual) >= CLEARLY if one.residual is not None else one.before != one.after)
        )

    def told(self) -> str:
        """What moved, for people; the sensor's name alone where nothing did.

        Examples
        --------
        >>> rng = np.random.default_rng(0)
        >>> usual, now = rng.multinomial(60, (0.7, 0.3, 0.0), 200), rng.multinomial(60, (0.5, 0.46, 0.04), 25)
        >>> mix_drift("valve", ("closed", "open", "fault"), usual, now).told()
        'valve: fault 0 % -> 4 %, closed 69 % -> 51 %, open 31 % -> 45 %'
        """
        return f"{self.name}: {', '.join(one.told() for one in self.moved)}" if self.moved else self.name


def rows_by_category(histogram: NDArray[Any], reference: Reference, columns: Sequence[int]) -> NDArray[np.int64]:
    """Rows that show each category, from the bins over the whole recording.

    Parameters
    ----------
    histogram : (..., f, 33)
        Cells per bin, as a profile or the reference's own `whole_bins` have them.
    columns
        The K sensors that are the 0/1 columns of one categorical sensor.

    Returns
    -------
    (..., K)
        0 of a column that the reference never saw.
    """
    chosen = list(columns)
    cell = np.clip((1.0 - reference.whole_low[chosen]) * reference.whole_per_unit[chosen], 0, CELLS - 1)
    one = reference.whole_table[chosen, cell.astype(np.int64)]
    counts = np.asarray(histogram)[..., chosen, :BINS]
    found = np.take_along_axis(counts, np.broadcast_to(one[:, None], (*counts.shape[:-1], 1)).astype(np.int64), axis=-1)
    return np.where(reference.known[chosen], found[..., 0], 0).astype(np.int64)


def mix_drift(
    name: str, categories: Sequence[str], reference: NDArray[np.integer[Any]], current: NDArray[np.integer[Any]]
) -> MixDrift:
    """Chi-squared of the rows by category in two sets of recordings, corrected for what rows have in common.

    The first-order correction of Rao and Scott: Pearson's statistic over the mean design effect. That of a category is
    the variance of its share over recordings of the reference (a ratio, the recording being the cluster; times the
    long-run factor where recordings resemble the ones before them) over that of independent rows; of a category that
    the reference never showed it is taken from the recordings at hand. It is at least that of half a row a recording.

    Parameters
    ----------
    categories
        K names.
    reference, current : (m, K), (n, K)
        Rows by recording and category. A reference of fewer than 20 entries, such as a sum, gives no p-value.

    Raises
    ------
    DataError
        If the counts have not one column for each category.

    References
    ----------
    Rao & Scott (1981), The analysis of categorical data from complex sample surveys, JASA 76(374), 221-230.
    Rao & Scott (1984), On chi-squared tests for multiway contingency tables, Annals of Statistics 12(1), 46-60.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> shares = rng.beta(3, 7, 225)[:, None]
    >>> rows = rng.binomial(60, np.hstack([shares, 1 - shares])[:, :1])
    >>> counts = np.hstack([rows, 60 - rows])
    >>> found = mix_drift("valve", ("open", "closed"), counts[:200], counts[200:])
    >>> round(found.statistic, 1), round(found.design_effect, 1), round(found.p, 2)
    (1.5, 6.6, 0.64)
    """
    for side in (reference, current):
        if side.ndim != 2 or side.shape[1] != len(categories):
            raise DataError(f"{name}: expected counts of {len(categories)} categories, found shape {side.shape}")
    table = np.stack([side.sum(axis=0) for side in (reference, current)]).astype(np.float64)
    shown = table.sum(axis=0) > 0
    new = tuple(one for one, before, at_all in zip(categories, table[0], shown, strict=True) if at_all and not before)
    degrees, sides = max(int(shown.sum()) - 1, 0), table.sum(axis=1)
    shares = table / np.maximum(sides, 1.0)[:, None]
    if degrees == 0 or not sides.all():
        found = _shares(categories, shares, np.full(len(categories), np.nan))
        return MixDrift(name, 0.0, degrees, None, 1.0 if sides.all() else None, found, new)
    pooled = table[:, shown].sum(axis=0) / sides.sum()
    statistic = pearson(table[:, shown])
    effects, effect, p = _design_effects(reference[:, shown], current[:, shown]), None, None
    residuals = np.full(len(categories), np.nan)
    if effects is not None:
        effect = float(((1.0 - pooled) * effects).sum() / degrees)
        p = float(chdtrc(degrees, statistic / effect))
        error = np.sqrt(pooled * (1.0 - pooled) * effects * (1.0 / sides).sum())
        residuals[shown] = (shares[1] - shares[0])[shown] / error
    return MixDrift(name, statistic, degrees, effect, p, _shares(categories, shares, residuals), new)


def _shares(categories: Sequence[str], shares: Floats, residuals: Floats) -> tuple[Share, ...]:
    """Of shares (2, K), the furthest moved first."""
    moved = np.where(np.isfinite(residuals), np.abs(residuals), np.abs(shares[1] - shares[0]))
    return tuple(
        Share(
            category=categories[k],
            before=float(shares[0, k]),
            after=float(shares[1, k]),
            residual=float(residuals[k]) if np.isfinite(residuals[k]) else None,
        )
        for k in np.argsort(-moved, kind="stable")
    )


def _design_effects(reference: NDArray[np.integer[Any]], current: NDArray[np.integer[Any]]) -> Floats | None:
    """Of each category (K,); None where the reference has too few recordings to tell."""
    if len(reference) < LEAST_RECORDINGS:
        return None
    effects = _between(reference)
    never = reference.sum(axis=0) == 0
    if never.any():
        effects[never] = _between(current)[never]
    return effects


def _between(counts: NDArray[np.integer[Any]]) -> Floats:
    """Variance of each category's share (K,) over that of independent rows; every row alike where it cannot be told."""
    rows = counts.sum(axis=1)
    m, total, mean = len(counts), rows.sum(), rows.mean()
    share = counts.sum(axis=0) / max(total, 1)
    binomial = share * (1.0 - share)
    if m < 2:
        return np.full(counts.shape[1], max(mean, 1.0))
    beyond = counts - rows[:, None] * share
    following = variance_factors(beyond.astype(np.float64)) if m >= LEAST_RECORDINGS else 1.0
    spread = (beyond**2).sum(axis=0) / (m - 1) * following / max(mean, 1.0)
    effects = np.where(binomial > 0, spread / np.where(binomial > 0, binomial, 1.0), mean)
    return np.asarray(np.maximum(effects, 1.0 / max(mean, 1.0)))


def _percent(share: float) -> str:
    """One digit below 1 %.

    Examples
    --------
    >>> _percent(0.0), _percent(0.0043), _percent(0.52)
    ('0 %', '0.4 %', '52 %')
    """
    return f"{100 * share:.{1 if 0 < share < 0.01 else 0}f} %"
