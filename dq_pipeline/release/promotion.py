"""Promotion and probation: which release may act. Pure policy over measures taken elsewhere.

A gate is one function and one line in :data:`GATES`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from dq_pipeline.errors import DataError
from dq_pipeline.process import Promotion
from dq_pipeline.release.bootstrap import Comparison, compare

Floats = NDArray[np.float64]

LEVEL = 0.05
"""Significance of every test here, one-sided."""
ENOUGH = 20
"""Labelled samples below which a test gives no verdict."""
LOOKS = 4
"""How often a probation is looked at, about: its level is shared among the looks."""
SLACK = 0.05
"""How far the true coverage may lie from the promised one."""


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What is known of a challenger when its promotion is asked for.

    Attributes
    ----------
    truth, challenger : (n,)
        The newest labelled block in time order and the challenger's predictions of it; in classification, class
        indices. The challenger has not been fitted or calibrated on the block.
    champion : (n,)
        What the release in Production says of the same samples; None if there is none.
    covered : (n,)
        Whether the challenger's interval (or set) holds the truth.
    coverage
        The share promised.
    retained
        Share of history good enough to train on.
    latency_ms
        From the recording's arrival to its answer, as measured.
    """

    truth: Floats
    challenger: Floats
    champion: Floats | None
    covered: NDArray[np.bool_]
    coverage: float
    retained: float
    latency_ms: float


@dataclass(frozen=True, slots=True)
class GateResult:
    """What one gate found: whether it lets pass, the figure it looked at, the figure's limit, and both in words."""

    name: str
    passed: bool
    value: float | None
    limit: float | None
    detail: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether to promote, and the gates that object."""

    promote: bool
    objections: tuple[str, ...]
    reason: str


Gate = Callable[[Evidence, Promotion, np.random.Generator], GateResult]


def not_worse(evidence: Evidence, settings: Promotion, rng: np.random.Generator) -> GateResult:
    """The challenger is not significantly worse than the champion on the newest labelled block.

    The figure is the share of bootstrap draws in which the challenger's error exceeds the champion's by more than the
    tolerance; it may not reach 1 - 5 %. The first release has nothing to be compared with.
    """
    name, limit = "not_worse", 1.0 - LEVEL
    if evidence.champion is None:
        return GateResult(name, True, None, limit, "first release: there is no champion to compare with")
    found = compare(settings.metric, evidence.truth, evidence.challenger, evidence.champion, settings.tolerance, rng)
    return _judged(name, found, settings, limit, ("challenger", "champion"))


def retained_volume(evidence: Evidence, settings: Promotion, _rng: np.random.Generator) -> GateResult:
    """Enough of history passed the quality threshold to learn from."""
    value, limit = evidence.retained, settings.min_retained
    detail = f"{value:.0%} of history retained, at least {limit:.0%} expected"
    return GateResult("retained_volume", value >= limit, value, limit, detail)


def coverage(evidence: Evidence, _settings: Promotion, _rng: np.random.Generator) -> GateResult:
    """The interval's coverage is not significantly outside the promised one -+ 0.05 (exact binomial, each side 5 %).

    A first release is told its figure and let in all the same: without it nothing would answer the stream at all.
    """
    known = np.isfinite(evidence.truth)
    n, held = int(known.sum()), int(evidence.covered[known].sum())
    low, high = evidence.coverage - SLACK, min(evidence.coverage + SLACK, 1.0)
    name, first = "coverage", evidence.champion is None
    if n < ENOUGH:
        return GateResult(name, True, None, low, f"no verdict: {n} labelled samples, {ENOUGH} needed")
    too_few = float(binom.cdf(held, n, low))
    too_many = float(binom.sf(held - 1, n, high))
    share = held / n
    detail = f"{held} of {n} truths ({share:.0%}) within the {evidence.coverage:.0%} interval"
    lenient = "; a first release is let in with it" if first else ""
    if too_few < LEVEL:
        detail = f"{detail}: significantly below {low:.0%} (p = {too_few:.3f}){lenient}"
        return GateResult(name, first, share, low, detail)
    if too_many < LEVEL:
        detail = f"{detail}: significantly above {high:.0%} (p = {too_many:.3f}){lenient}"
        return GateResult(name, first, share, high, detail)
    return GateResult(name, True, share, low, f"{detail}: not significantly outside {low:.0%} to {high:.0%}")


def latency(evidence: Evidence, settings: Promotion, _rng: np.random.Generator) -> GateResult:
    """The answer comes in time."""
    value, limit = evidence.latency_ms, settings.max_latency_ms
    return GateResult(
        "latency", value <= limit, value, limit, f"{value:.1f} ms a prediction, at most {limit:g} ms allowed"
    )


GATES: Mapping[str, Gate] = MappingProxyType(
    {"not_worse": not_worse, "retained_volume": retained_volume, "coverage": coverage, "latency": latency}
)


def assess(evidence: Evidence, settings: Promotion, rng: np.random.Generator) -> tuple[GateResult, ...]:
    """What every gate finds, in the order of :data:`GATES`."""
    arrays = [evidence.challenger, evidence.covered]
    arrays += [] if evidence.champion is None else [evidence.champion]
    if any(len(array) != len(evidence.truth) for array in arrays):
        lengths = ", ".join(str(len(array)) for array in arrays)
        raise DataError(f"{len(evidence.truth)} predictions expected, one a truth, found {lengths}")
    return tuple(gate(evidence, settings, rng) for gate in GATES.values())


def decide(results: Iterable[GateResult]) -> Verdict:
    """Promote if no gate objects.

    Examples
    --------
    >>> decide([GateResult("latency", False, 9.0, 5.0, "9 ms a prediction, at most 5 ms allowed")]).reason
    'latency: 9 ms a prediction, at most 5 ms allowed'
    """
    objecting = [result for result in results if not result.passed]
    reason = "; ".join(f"{result.name}: {result.detail}" for result in objecting) or "every gate passed"
    return Verdict(not objecting, tuple(result.name for result in objecting), reason)


def probation(
    truth: Floats, current: Floats, previous: Floats, settings: Promotion, rng: np.random.Generator
) -> GateResult:
    """Whether a promoted release holds its place; not passed means: roll back.

    Parameters
    ----------
    truth, current, previous : (n,)
        Labels of the samples since the promotion, and what the promoted release and the one it replaced say of them.
    """
    found = compare(settings.metric, truth, current, previous, settings.tolerance, rng)
    limit = 1.0 - LEVEL / LOOKS
    if found.samples < ENOUGH:
        detail = f"no verdict yet: {found.samples} labelled samples on probation, {ENOUGH} needed"
        return GateResult("probation", True, None, limit, detail)
    return _judged("probation", found, settings, limit, ("promoted", "replaced"))


def _judged(name: str, found: Comparison, settings: Promotion, limit: float, names: tuple[str, str]) -> GateResult:
    if not np.isfinite(found.worse):
        return GateResult(name, True, None, limit, f"no verdict: {found.samples} labelled samples, no error to compare")
    detail = (
        f"{settings.metric} of the {names[0]} {found.one:.4g}, of the {names[1]} {found.other:.4g} on {found.samples} "
        f"samples; worse by more than {settings.tolerance:.0%} in {found.worse:.0%} of the bootstrap draws, "
        f"at {limit:.1%} it fails"
    )
    return GateResult(name, found.worse < limit, found.worse, limit, detail)
