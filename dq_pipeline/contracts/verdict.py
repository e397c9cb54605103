"""Does production keep a contract? Its figure and the expected one, each with its interval, and the tolerance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from dq_pipeline.contracts.metrics import Metric, known
from dq_pipeline.release.bootstrap import circular_blocks
from dq_pipeline.release.promotion import LEVEL, LOOKS
from dq_pipeline.sections.contract import Tolerance

Floats = NDArray[np.float64]
Verdict = Literal["breach", "watch", "hold", "not_enough_data"]


@dataclass(frozen=True, slots=True, eq=False)
class Expectation:
    """What the metric is expected to be.

    Attributes
    ----------
    figure
        None where nobody can say; `why` says why.
    parts : (m, k)
        The samples behind it, as :attr:`Metric.parts` gives them, in time order; None: it is taken for exact.
    scale
        What a relative tolerance is a share of, if not the figure itself.
    """

    figure: float | None
    parts: Floats | None = None
    scale: float | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was found of one contract and slice; intervals leave out `level` on each side."""

    verdict: Verdict
    samples: int
    why: str
    value: float | None = None
    lower: float | None = None
    upper: float | None = None
    expected: float | None = None
    expected_lower: float | None = None
    expected_upper: float | None = None
    room: float | None = None
    level: float | None = None


@dataclass(frozen=True, slots=True)
class _Estimate:
    figure: float
    error: float
    freedom: float


def needed(min_samples: int, seen: int) -> int:
    """Samples below which there is no verdict: the more come, the more a slice has to hold.

    Examples
    --------
    >>> needed(20, 200), needed(20, 5000)
    (20, 71)
    """
    return max(min_samples, math.ceil(math.sqrt(seen)))


def judge(
    metric: Metric,
    parts: Floats,
    expectation: Expectation,
    tolerance: Tolerance,
    rng: np.random.Generator,
    *,
    least: int,
    quantile: float = 0.5,
    family: int = 1,
) -> Judgement:
    """Judge one contract on one slice.

    `breach`: production is beyond the tolerance, sure at 1.25 % on its side, shared among the slices of a contract:
    it is looked at again and again. `watch`: beyond it, not sure. `hold`: within it. Both figures have the error of
    a bootstrap over blocks of neighbouring samples, and Student's quantile for as many blocks as there are.

    Parameters
    ----------
    parts : (n, k)
        What each sample of the slice adds, in time order; rows with a NaN are left out.
    least
        Samples below which there is no verdict, see :func:`needed`.
    family
        Slices that are judged together.

    References
    ----------
    Politis & Romano (1992), A Circular Block-Resampling Procedure for Stationary Data.
    """
    parts = known(parts)
    if len(parts) < least:
        return Judgement("not_enough_data", len(parts), f"{len(parts)} samples, {least} needed")
    level = LEVEL / LOOKS / max(family, 1)
    seen = _estimate(metric, parts, quantile, rng)
    if not math.isfinite(seen.figure):
        return Judgement("not_enough_data", len(parts), "these samples give no figure")
    ends = _ends(metric, seen, level)
    if expectation.figure is None:
        return Judgement("not_enough_data", len(parts), expectation.why, seen.figure, *ends, level=level)
    expected = _expected(metric, expectation, quantile, rng)
    scale = abs(expected.figure if expectation.scale is None else expectation.scale)
    room = tolerance.relative * scale + tolerance.absolute
    beyond, sure = _beyond(metric, seen, expected, room, level)
    verdict: Verdict = "breach" if sure > 0 else "watch" if beyond > 0 else "hold"
    away = f"{seen.figure:.4g} of {len(parts)} samples where {expected.figure:.4g} is expected"
    why = f"{away}, {room:.3g} allowed" + ("" if verdict != "watch" else "; too few samples to be sure")
    others = _ends(metric, expected, level)
    return Judgement(verdict, len(parts), why, seen.figure, *ends, expected.figure, *others, room, level)


def _expected(metric: Metric, expectation: Expectation, quantile: float, rng: np.random.Generator) -> _Estimate:
    assert expectation.figure is not None
    parts = None if expectation.parts is None else known(expectation.parts)
    if parts is None or len(parts) < 2:
        return _Estimate(expectation.figure, 0.0, float("inf"))
    found = _estimate(metric, parts, quantile, rng)
    return _Estimate(expectation.figure, found.error, found.freedom)


def _estimate(metric: Metric, parts: Floats, quantile: float, rng: np.random.Generator) -> _Estimate:
    n = len(parts)
    drawn = metric.figure(parts[circular_blocks(n, rng)], quantile)
    drawn = drawn[np.isfinite(drawn)]
    error = float(np.std(drawn)) if len(drawn) else 0.0
    figure = float(metric.figure(parts, quantile))
    if metric.ratio and len(drawn) and drawn.min() > 0:
        error = figure * float(np.std(np.log(drawn)))
    if metric.binary:  # all alike is not certain: Agresti & Coull (1998)
        share = (float(parts[:, 0].sum()) + 2.0) / (n + 4.0)
        error = max(error, math.sqrt(share * (1.0 - share) / (n + 4.0)))
    blocks = n / math.ceil(n ** (1 / 3))
    return _Estimate(figure, error, max(blocks - 1.0, 1.0))


def _beyond(metric: Metric, seen: _Estimate, expected: _Estimate, room: float, level: float) -> tuple[float, float]:
    """How far production is beyond the tolerance, and how far at least; as logarithms where errors are compared."""
    if metric.ratio and min(seen.figure, expected.figure) > 0:
        apart = math.log(seen.figure / expected.figure)
        allowed = math.log1p(room / expected.figure)
        one, other = seen.error / seen.figure, expected.error / expected.figure
    else:
        apart, allowed, one, other = seen.figure - expected.figure, room, seen.error, expected.error
    beyond = (abs(apart) if metric.worse == 0 else metric.worse * apart) - allowed
    return beyond, beyond - _reach(_Estimate(0.0, one, seen.freedom), _Estimate(0.0, other, expected.freedom), level)


def _reach(seen: _Estimate, expected: _Estimate, level: float) -> float:
    """How far their difference may be from what was found, by chance: Welch (1947)."""
    one, other = seen.error**2, expected.error**2
    if one + other == 0.0:
        return 0.0
    freedom = (one + other) ** 2 / (one**2 / seen.freedom + other**2 / expected.freedom)
    return float(stats.t.ppf(1.0 - level, freedom)) * math.sqrt(one + other)


def _ends(metric: Metric, found: _Estimate, level: float) -> tuple[float, float]:
    quantile = stats.norm.ppf(1.0 - level) if math.isinf(found.freedom) else stats.t.ppf(1.0 - level, found.freedom)
    reach = float(quantile) * found.error
    if metric.ratio and found.figure > 0:
        factor = math.exp(min(reach / found.figure, 50.0))
        return found.figure / factor, found.figure * factor
    return found.figure - reach, found.figure + reach
