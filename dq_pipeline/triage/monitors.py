"""Monitors of what no sensor shows: errors of the model, and shares of what is lost, late or unlabelled.

Each is an e-detector: a mixture of Shiryaev-Roberts sums of bets against "as before". While nothing changes a bet
multiplies what it holds by 1 at most on average, so that a sum passes A after at least A samples on average, however
the samples are cut into micro-batches. They are computed anew from the samples given: no state is kept between calls.

References
----------
Shin, Ramdas & Rinaldo (2022), E-detectors: a nonparametric framework for sequential change detection, arXiv 2203.03532.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

from dq_pipeline.triage.case import Stretch

Floats = NDArray[np.float64]

PER_1000 = 0.1
"""False alarms of one monitor that are allowed, per 1,000 samples."""
_SHIFTS = (0.4, 0.8, 1.6)
_BETS = (0.05, 0.2, 0.5, 0.9)
_FLOOR = 0.005
_WILD = 4.0
_CLIP = 2.0
"""Standard deviations that one error counts at most: a handful of rare recordings in a row is no change."""
_RARE = (0.05, 0.125, 0.2)
_LEAST = 30
_UPPER = 1.64
_AR = 0.9


@dataclass(frozen=True, slots=True)
class Raised:
    """A monitor's alarm.

    Attributes
    ----------
    kind
        "error", "lost_rows", "lost_readings" (of one sensor), "late_rows", "late_samples", "unlabelled", or the name
        of a share that was given.
    sample, begin
        Places of the sample that raised it, and of the one since which it was held against "as before".
    statistic, threshold
        Logarithms of the sum and of its limit.
    """

    kind: str
    sample: int
    begin: int
    statistic: float
    threshold: float


def watch(
    before: Stretch,
    stream: Stretch,
    *,
    errors: Floats | None = None,
    shares: Mapping[str, tuple[Floats, Floats]] | None = None,
    per_1000: float = PER_1000,
) -> tuple[Raised, ...]:
    """The first alarm of each monitor over some samples, in the order in which they came.

    Parameters
    ----------
    before, stream
        Samples while all was well, and those that followed, all of one release.
    errors : (m,)
        Errors of the release on samples that it had not learned from, where `before` has too few answers of it.
    shares
        More that is counted, by name: shares before and since, (N,) and (n,) in [0, 1], NaN where not known.
    """
    known = errors if errors is not None else (before.target - before.value)
    found = [_first("error", *error_bets(known, stream.target - stream.value), per_1000)]
    told = {
        "lost_rows": (lost_rows(before), lost_rows(stream)),
        "late_rows": (before.disordered, stream.disordered),
        "late_samples": _late(before.late, stream.late),
        "unlabelled": (np.isnan(before.target) * 1.0, np.isnan(stream.target) * 1.0),
        **(shares or {}),
    }
    found += [_first(name, *share_bets(usual, now), per_1000) for name, (usual, now) in told.items()]
    found.append(_first("lost_readings", *_readings(before, stream), per_1000))
    return tuple(sorted((one for one in found if one is not None), key=lambda one: one.sample))


def error_bets(usual: Floats, error: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Logarithms of bets (n, k) that errors are biased, larger, or wild more often; and places (n,) of the errors.

    Errors are ranked among the usual ones and mapped to a normal distribution; what persists from error to error is
    taken out (first order). NaN are passed over.
    """
    known, place = usual[np.isfinite(usual)], np.flatnonzero(np.isfinite(error))
    if len(known) < _LEAST:
        return np.zeros((0, 1)), place[:0]
    new: Floats = error[place]
    centre = float(np.median(known))
    size = np.abs(known - centre)
    series = [
        (_scores(known, known), _scores(known, new), (1.0, -1.0)),
        (_scores(size, size), _scores(size, np.abs(new - centre)), (1.0,)),
    ]
    bets: list[Floats] = []
    for old, now, signs in series:
        a, b = _whitened(old, now)
        mean, sd = float(a.mean()), max(float(a.std()), 0.3)
        y = np.clip((b - mean) / (sd * np.sqrt(1.0 + 1.0 / len(a))), -_CLIP, _CLIP)
        bets += [sign * by * y - by**2 / 2.0 for sign in signs for by in _SHIFTS]
    limit = max(_WILD * _spread(known), float(np.quantile(size, 0.98)))
    wild = [np.asarray(np.abs(one - centre) > limit, np.float64) for one in (known, new)]
    bets += list(share_bets(wild[0], wild[1], _RARE)[0].T)
    return np.stack(bets, axis=1), place


def share_bets(usual: Floats, share: Floats, bets: tuple[float, ...] = _BETS) -> tuple[Floats, NDArray[np.int64]]:
    """Logarithms of bets (n, k) that a share in [0, 1] is above what it was on average; and places (n,) of the shares.

    Examples
    --------
    >>> won, _ = share_bets(np.zeros(200), np.array([0.0, 0.1]))
    >>> bool((won[0] < 0).all() and (won[1] > 0).all())
    True
    """
    known, place = usual[np.isfinite(usual)], np.flatnonzero(np.isfinite(share))
    if len(known) < _LEAST:
        return np.zeros((0, 1)), place[:0]
    at_most = min(max(_upper(known), _FLOOR), 0.99)
    off = np.clip(share[place], 0.0, 1.0) - at_most
    return np.stack([np.log1p(bet / at_most * off) for bet in bets], axis=1), place


def shiryaev_roberts(bets: Floats) -> tuple[Floats, Floats]:
    """Logarithm of the mixture of sums (n,) over logarithms of bets (n, k), and places (n,) since which the best won.

    The place is the maximum likelihood estimate of the change for the bet that has won most by then.
    """
    n, k = bets.shape
    held, won, start = np.zeros(k), np.zeros(k), np.zeros(k)
    statistic, begin = np.empty(n), np.empty(n)
    for i in range(n):
        held = np.minimum((1.0 + held) * np.exp(bets[i]), 1e250)
        start = np.where(won <= 0.0, float(i), start)
        won = np.maximum(won, 0.0) + bets[i]
        statistic[i], begin[i] = np.log(held.mean()), start[int(np.argmax(won))]
    return statistic, begin


def lost_rows(stretch: Stretch) -> Floats:
    """Share of the rows (n,) in which at least half of the sensors read nothing."""
    return np.asarray((np.isnan(stretch.values).mean(axis=2) >= 0.5).mean(axis=1))


def _readings(before: Stretch, stream: Stretch) -> tuple[Floats, NDArray[np.int64]]:
    """Bets on every sensor's share of readings that did not come."""
    usual, now = (np.isnan(one.values).mean(axis=1) for one in (before, stream))
    found = [share_bets(usual[:, j], now[:, j])[0] for j in range(usual.shape[1])]
    return np.concatenate(found, axis=1), np.arange(len(now))


def _first(kind: str, bets: Floats, place: NDArray[np.int64], per_1000: float) -> Raised | None:
    if not len(bets) or bets.max() <= 0.0:
        return None
    limit = float(np.log(1000.0 / per_1000))
    statistic, begin = shiryaev_roberts(bets)
    over = np.flatnonzero(statistic > limit)
    if not len(over):
        return None
    i = int(over[0])
    return Raised(kind, int(place[i]), int(place[int(begin[i])]), float(statistic[i]), limit)


def _late(before: Floats, since: Floats) -> tuple[Floats, Floats]:
    """Whether samples come later than nearly all did before."""
    known = before[np.isfinite(before)]
    if len(known) < _LEAST:
        return np.zeros(0), np.zeros(0)
    limit = float(np.quantile(known, 0.98))
    was, now = (np.where(np.isnan(one), np.nan, (one > limit) * 1.0) for one in (before, since))
    return was, now


def _scores(usual: Floats, values: Floats) -> Floats:
    """Normal scores of values among the usual ones; beyond them they go on linearly with the robust spread."""
    ordered = np.sort(usual)
    n = len(ordered)
    level = norm.ppf((rankdata(ordered, method="average") - 0.5) / n)
    inside = np.interp(values, ordered, level)
    spread = _spread(usual)
    beyond = np.maximum(values - ordered[-1], 0.0) - np.maximum(ordered[0] - values, 0.0)
    return np.asarray(inside + beyond / spread)


def _spread(values: Floats) -> float:
    return max(1.4826 * float(np.median(np.abs(values - np.median(values)))), 0.5 * float(values.std()), 1e-12)


def _upper(known: Floats) -> float:
    """Upper confidence bound of a mean share; of counts with one more of each, for none in a hundred is not never."""
    n = len(known)
    if not np.isin(known, (0.0, 1.0)).all():
        return float(known.mean() + _UPPER * known.std() / np.sqrt(n))
    mean = (float(known.sum()) + 1.0) / (n + 2.0)
    return float(mean + _UPPER * np.sqrt(mean * (1.0 - mean) / n))


def _whitened(old: Floats, new: Floats) -> tuple[Floats, Floats]:
    """Both without what the value before says of each."""
    spread = float(np.sum((old - old.mean()) ** 2))
    r = float(np.sum((old[1:] - old.mean()) * (old[:-1] - old.mean()))) / spread if spread > 0 else 0.0
    r = float(np.clip(r + (1.0 + 3.0 * r) / len(old), 0.0, _AR))
    lagged = np.concatenate([[old.mean()], new[:-1]])
    return np.asarray(old[1:] - r * old[:-1]), np.asarray(new - r * lagged)
