"""What can befall a stream from a known sample on: kinds of drift, and faults of one sensor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.experiments.detection.streams import (
    BEFORE,
    LONGEST,
    REFERENCE,
    ROWS,
    SENSORS,
    Case,
    Stream,
    levels,
    steady,
)

ONE, TWO = 3, (3, 6)
"""The sensor that a change of one sensor befalls, and the two of a change of two."""
SHARED_AFTER = 0.95
OPERATING_POINT = 20.0
"""Where the sensor reads in the process, in its standard deviations: a gain or a unit acts on this too."""
_CLOCK = np.linspace(-1.0, 1.0, ROWS)
Floats = NDArray[np.float64]
Change = Callable[[Stream, np.random.Generator], Floats]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of change.

    Attributes
    ----------
    change
        The readings (n, T, f) of a stream that is changed from its first sample on.
    sensors
        Those that the change befalls; none where it befalls all.
    """

    title: str
    change: Change
    sensors: tuple[int, ...] = ()


def _on_one(change: Callable[[Floats, np.random.Generator], Floats]) -> Change:
    """Of the readings (n, T) of one sensor."""

    def changed(stream: Stream, rng: np.random.Generator) -> Floats:
        values = stream.values
        values[:, :, ONE] = change(values[:, :, ONE], rng)
        return values

    return changed


def _gradual(stream: Stream, _: np.random.Generator) -> Floats:
    values = stream.values
    values[:, :, TWO] += np.minimum(np.arange(1, len(values) + 1) / 250.0, 1.0)[:, None, None]
    return values


def _correlated(stream: Stream, rng: np.random.Generator) -> Floats:
    return levels(len(stream.rows), SHARED_AFTER, rng)[:, None] + stream.rows


def _recurring(stream: Stream, _: np.random.Generator) -> Floats:
    turns = np.arange(len(stream.rows)) // 50 % 2 == 0
    values: Floats = stream.values + 0.5 * turns[:, None, None]
    return values


def _spiked(x: Floats, rng: np.random.Generator) -> Floats:
    return np.asarray(x + 6.0 * (rng.random(x.shape) < 0.01) * rng.choice([-1.0, 1.0], x.shape))


def _noisy(x: Floats, rng: np.random.Generator) -> Floats:
    x[:, 20:40] += 0.5 * rng.standard_normal((len(x), 20))
    return x


def _dropped(x: Floats, rng: np.random.Generator) -> Floats:
    return np.where(rng.random(x.shape) < 0.3, np.nan, x)


def _repeated(stream: Stream, _: np.random.Generator) -> Floats:
    twice = np.sort(np.concatenate([np.arange(ROWS), np.arange(0, ROWS, 10)]))[:ROWS]
    return stream.values[:, twice]


def _swapped(stream: Stream, _: np.random.Generator) -> Floats:
    order = np.arange(ROWS)
    order[0:ROWS:10], order[1:ROWS:10] = order[1:ROWS:10].copy(), order[0:ROWS:10].copy()
    return stream.values[:, order]


def _unchanged(stream: Stream, _: np.random.Generator) -> Floats:
    return stream.values


def _shift(size: float) -> Change:
    return _on_one(lambda x, _: x + size)


EIGHT = MappingProxyType(
    {
        "all means": Kind("all means by 0.3 sd", lambda s, _: s.values + 0.3),
        "one mean": Kind("one mean by 0.6 sd", _shift(0.6), (ONE,)),
        "all variances": Kind("all standard deviations x 1.15", lambda s, _: s.values * 1.15),
        "one variance": Kind("one standard deviation x 1.4", _on_one(lambda x, _: x * 1.4), (ONE,)),
        "one tail": Kind(
            "one upper tail: what lies above 1 sd lies three times as far above",
            _on_one(lambda x, _: np.where(x > 1.0, 3.0 * x - 2.0, x)),
            (ONE,),
        ),
        "one slope": Kind(
            "one slope: -0.4 to 0.4 sd over a sample's rows", _on_one(lambda x, _: x + 0.4 * _CLOCK), (ONE,)
        ),
        "correlation only": Kind("levels share 0.95 instead of 0.3, each as before", _correlated),
        "gradual, two sensors": Kind("two means, by 1 sd within 250 samples", _gradual, TWO),
    }
)
"""Kinds of drift, as the sequential detector was designed against."""

FAULTS = MappingProxyType(
    {
        "stuck": Kind(
            "one sensor repeats each sample's first reading", _on_one(lambda x, _: x * 0.0 + x[:, :1]), (ONE,)
        ),
        "spike": Kind("1 % of one sensor's readings are off by 6 sd", _on_one(_spiked), (ONE,)),
        "bias": Kind("one sensor reads 1 sd too high", _shift(1.0), (ONE,)),
        "gain": Kind(
            "one sensor reads 3 % too much, at 20 sd",
            _on_one(lambda x, _: x * 1.03 + 0.03 * OPERATING_POINT),
            (ONE,),
        ),
        "unit swap": Kind(
            "one sensor in degrees Fahrenheit, not Celsius", _on_one(lambda x, _: 1.8 * x + 0.8 * 20.0 + 32.0), (ONE,)
        ),
        "dropout": Kind("30 % of one sensor's readings are missing", _on_one(_dropped), (ONE,)),
        "noise burst": Kind("noise of 0.5 sd on a third of one sensor's rows", _on_one(_noisy), (ONE,)),
        "clock skew": Kind(
            "one sensor's clock is 10 % slow: readings are held",
            _on_one(lambda x, _: x[:, (0.9 * np.arange(ROWS)).astype(np.int64)]),
            (ONE,),
        ),
        "late": Kind("a fifth of the rows come late, with their times", _unchanged),
        "duplicated": Kind("every tenth row is sent twice, without times", _repeated),
        "out of order": Kind("a tenth of the rows change place with the next, without times", _swapped),
    }
)
"""Faults that last, of every sample from the change on."""

DRIFTS = MappingProxyType(
    {
        "abrupt": EIGHT["all means"],
        "gradual": EIGHT["gradual, two sensors"],
        "recurring": Kind("all means by 0.5 sd for 50 samples, and back for 50, by turns", _recurring),
        "single-sensor": EIGHT["one mean"],
        "covariate-only": Kind(
            "all levels by 0.3 sd and 1.2 times as far apart; what they say of the target stays",
            lambda s, _: (1.2 * s.level + 0.3)[:, None] + s.rows,
        ),
        "correlation-only": EIGHT["correlation only"],
        "concept-only": Kind("the target follows the sensors otherwise; the sensors stay", _unchanged),
    }
)

KINDS = MappingProxyType({kind.title: kind for group in (EIGHT, FAULTS, DRIFTS) for kind in group.values()})
"""All of them once, by title."""
UNSEEN = ("late", "concept-only")
"""Kinds that leave the readings as they were: no detector on the inputs can see them."""


def quiet_case(seed: int, n: int) -> Case:
    """A reference and n samples in which nothing changes."""
    return case(seed, n, {})


def case(seed: int, n: int, kinds: MappingProxyType[str, Kind] | dict[str, Kind]) -> Case:
    """A reference, n samples in which nothing changes, and the changes that branch off; the same for everyone.

    Parameters
    ----------
    seed
        The same seed, the same case.
    kinds
        Which changes, in order.
    """
    stream = steady(REFERENCE + BEFORE + max(n - BEFORE, LONGEST), np.random.default_rng([seed, SENSORS]))
    after = stream.between(REFERENCE + BEFORE, REFERENCE + BEFORE + LONGEST)
    titles = list(KINDS)
    return Case(
        seed,
        stream.between(0, REFERENCE).values,
        stream.between(REFERENCE, REFERENCE + n).values,
        tuple(
            kind.change(after, np.random.default_rng([seed, titles.index(kind.title), 1])) for kind in kinds.values()
        ),
    )
