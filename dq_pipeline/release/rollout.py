"""Rollout: which samples a candidate answers, and whether it stays where it is, steps up or is let go.

Pure policy. What is looked at is what the candidate and the release in Production said of the same samples, so that
what makes a sample hard is the same for both. It is looked at again with every micro-batch, as long as it takes: a test
with a level for one look would refuse a good candidate sooner or later. The tests here are e-processes. Each is a bet
that the candidate is worse, at even odds where it is not; the chance that what is staked ever grows to k times its
value is at most 1 / k then, however often it is looked at.

References
----------
Ville (1939), Etude critique de la notion de collectif; Waudby-Smith & Ramdas (2024), Estimating means of bounded
random variables by betting, JRSS B 86, arXiv 2010.09686; Ramdas, Gruenwald, Vovk & Shafer (2023), Game-Theoretic
Statistics and Safe Anytime-Valid Inference, Statistical Science 38, arXiv 2210.01948.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.process import Process
from dq_pipeline.release.bootstrap import circular_blocks

Floats = NDArray[np.float64]

LEVEL = 0.05
"""Chance that a candidate no worse than the release in Production is ever let go, over its whole way."""
CHECKS = 3
STATES = 2
LIMIT = CHECKS * STATES / LEVEL
"""What the stake must grow to: the level is shared among the checks, and between shadow and canary."""
BLOCK = 5
"""Neighbouring samples resemble each other: a bet is placed on the mean of so many."""
STAKES = (0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.95)
"""Shares of what is there that are staked; the mean over all of them is an e-process again."""
SLACK_COVERAGE = 0.05
"""How far the coverage may lie below the promised one."""
SLACK_ALARMS = 0.1
"""How many more of the samples may raise an alarm."""


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """What a candidate and the release in Production said of the same samples, in the order they were answered.

    Attributes
    ----------
    truth, candidate, champion : (n,)
        NaN where not known, or where a model gave nothing; in classification, class indices.
    lower, upper, champion_lower, champion_upper : (n,)
        Their intervals.
    alarmed, champion_alarmed : (n,)
        Whether each raised an alarm, or would have.
    """

    truth: Floats
    candidate: Floats
    champion: Floats
    lower: Floats
    upper: Floats
    champion_lower: Floats
    champion_upper: Floats
    alarmed: NDArray[np.bool_]
    champion_alarmed: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.truth)


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found: the candidate's figure, Production's (or the limit), and the stake's growth, `evidence`."""

    name: str
    candidate: float | None
    champion: float | None
    evidence: float
    samples: int

    @property
    def worse(self) -> bool:
        """Whether the candidate is surely worse."""
        return self.evidence >= LIMIT

    @property
    def detail(self) -> str:
        """In words."""
        if self.candidate is None or self.champion is None:
            return f"{self.name}: no figure yet"
        return (
            f"{self.name} {self.candidate:.4g}, of the release in Production {self.champion:.4g}, on {self.samples} "
            f"samples; evidence that it is worse {self.evidence:.3g}, at {LIMIT:g} it is let go"
        )


@dataclass(frozen=True, slots=True)
class Advice:
    """What comes next for a candidate, why, and what each check found."""

    action: Literal["stay", "step_up", "let_go"]
    why: str
    findings: tuple[Finding, ...]


def takes(version: str, sample_id: str, share: float) -> bool:
    """Whether a release answers this sample as a canary: the same sample, the same answer, however often it is asked.

    Examples
    --------
    >>> sum(takes("3", f"r{i}", 0.05) for i in range(10_000))
    528
    >>> takes("3", "r1", 0.0)
    False
    """
    drawn = hashlib.sha256(f"{version}\0{sample_id}".encode()).digest()[:8]
    return int.from_bytes(drawn) < share * 2.0**64


def stake(gains: Floats) -> float:
    """What a bet on the mean of some gains being above 0 has grown to: an e-value for "it is at most 0".

    Parameters
    ----------
    gains : (n,)
        In [-1, 1], in the order of the samples; NaN is left out.

    Returns
    -------
    float
        The mean over :data:`STAKES` of prod(1 + stake mean of a block); 1 where there is no full block.

    Examples
    --------
    >>> stake(np.full(100, 0.5)) > LIMIT
    True
    >>> stake(np.zeros(100))
    1.0
    """
    known = gains[np.isfinite(gains)]
    means = known[: len(known) // BLOCK * BLOCK].reshape(-1, BLOCK).mean(axis=1)
    grown = np.log1p(np.outer(STAKES, means)).sum(axis=1)
    return float(np.mean(np.exp(np.minimum(grown, 700.0))))


def error(pairs: Pairs, process: Process) -> Finding:
    """The candidate's error is larger than (1 + tolerance) times that of the release in Production.

    A sample's gain is (a - b) / (a + b) of the two errors: how large errors are on the whole, and single very large
    ones, make no difference. An answer that the candidate did not give counts as the largest error.
    """
    known = np.isfinite(pairs.truth) & np.isfinite(pairs.champion)
    a, b = _errors(pairs, process)
    worst, borne = np.where(np.isfinite(a), a, np.inf), (1.0 + process.promotion.tolerance) * b
    with np.errstate(invalid="ignore", divide="ignore"):
        gains = np.where(np.isinf(worst), 1.0, (worst - borne) / (worst + borne))
    gains = np.where(worst + borne == 0.0, 0.0, gains)[known]
    both = known & np.isfinite(a)
    name = "share of wrong classes" if process.target.task == "classification" else "mean absolute error"
    return Finding(name, _mean(a[both]), _mean(b[both]), stake(gains), int(known.sum()))


def coverage(pairs: Pairs, process: Process) -> Finding:
    """The candidate's interval misses more truths than promised, and than Production's does, by more than 5 points.

    Both must be sure: where the process itself changes, both intervals miss. The smaller of two e-values is one for
    "at least one of the two holds".
    """
    bounds = (pairs.lower, pairs.upper, pairs.champion_lower, pairs.champion_upper)
    known = np.isfinite(pairs.truth) & np.isfinite(np.array(bounds)).all(axis=0)
    missed, theirs = (
        ((pairs.truth < lower) | (upper < pairs.truth))[known].astype(np.float64)
        for lower, upper in (bounds[:2], bounds[2:])
    )
    promised = missed - min(1.0 - process.model.coverage + SLACK_COVERAGE, 1.0)
    beside = (missed - theirs - SLACK_COVERAGE) / (1.0 + SLACK_COVERAGE)
    evidence = min(stake(promised), stake(beside))
    return Finding("share of truths missed", _mean(missed), _mean(theirs), evidence, int(known.sum()))


def alarms(pairs: Pairs, _process: Process) -> Finding:
    """More samples raise an alarm, by more than 10 points. No truth is waited for."""
    more = pairs.alarmed.astype(np.float64) - pairs.champion_alarmed.astype(np.float64)
    gains = (more - SLACK_ALARMS) / (1.0 + SLACK_ALARMS)
    return Finding("share of alarms", _mean(pairs.alarmed), _mean(pairs.champion_alarmed), stake(gains), len(pairs))


CHECKED: tuple[Callable[[Pairs, Process], Finding], ...] = (error, coverage, alarms)


def advise(pairs: Pairs, process: Process, judged: int, need: int) -> Advice:
    """Let a candidate go as soon as it is surely worse; step up once enough samples are judged.

    Parameters
    ----------
    judged, need
        Samples with their truth, and how many it takes: all in shadow, in the canary those that the candidate answered.
    """
    findings = tuple(check(pairs, process) for check in CHECKED)
    worse = [found.detail for found in findings if found.worse]
    if worse:
        return Advice("let_go", "; ".join(worse), findings)
    if judged < need:
        return Advice("stay", f"{judged} of {need} samples are judged", findings)
    return Advice("step_up", f"{judged} samples are judged; {findings[0].detail}", findings)


def interval(pairs: Pairs, process: Process, rng: np.random.Generator) -> tuple[float, float] | None:
    """Between which the ratio of the errors, candidate over Production, lies in 90 of 100 paired block draws.

    None with fewer than 10 pairs, or where Production makes no error at all.
    """
    a, b = _errors(pairs, process)
    known = np.isfinite(a) & np.isfinite(b)
    a, b = a[known], b[known]
    if len(a) < 10:
        return None
    index = circular_blocks(len(a), rng)
    below = b[index].mean(axis=1)
    if not (below > 0.0).all():
        return None
    low, high = np.quantile(a[index].mean(axis=1) / below, (0.05, 0.95)).tolist()
    return float(low), float(high)


def _errors(pairs: Pairs, process: Process) -> tuple[Floats, Floats]:
    """(n,) of both; NaN where the truth or the answer is not known."""
    found = []
    for said in (pairs.candidate, pairs.champion):
        gap = np.abs(pairs.truth - said)
        wrong = np.where(np.isfinite(gap), (gap > 0.0).astype(np.float64), np.nan)
        found.append(wrong if process.target.task == "classification" else gap)
    return found[0], found[1]


def _mean(values: NDArray[Any]) -> float | None:
    return float(np.mean(values)) if len(values) else None
