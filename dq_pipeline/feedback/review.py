"""Which sample a person sees first, and what the opinions of several come to."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.records import Action, Flag, FlagKind, Opinion, PredictionRow, Review, Ruling, TargetRow

RANK = {"reported": 30.0, "conflicting_labels": 20.0, "beyond_interval": 10.0}
"""What people say comes first, then what contradicts itself, then what contradicts the model, then what is odd."""
_MOST = {"surprise": 6.0, "expected_error": 2.0, "distance": 1.5}  # together less than a rank
MARK = "review:"
"""Begins the mark of a flag that a review made: no reason to look again."""


def priority(flags: Sequence[Flag], answer: PredictionRow | None) -> dict[str, float]:
    """What makes up a sample's priority; the sum is it.

    Returns
    -------
    dict
        `rank` by the gravest kind; `surprise`, minus the sum of the kinds' log10 p-values (Fisher, 1932: an order, no
        probability, for the kinds depend on each other); `expected_error` in half-widths of the interval; `distance`,
        how many times the usual one, as a logarithm.

    Examples
    --------
    >>> odd = Flag("s1", FlagKind.OUT_OF_DISTRIBUTION, "1", {"statistic": 8.0, "usual": 2.0}, p=0.01)
    >>> priority([odd], None)
    {'rank': 0.0, 'surprise': 2.0, 'expected_error': 0.0, 'distance': 0.5}
    >>> priority([odd, Flag("s1", FlagKind.REPORTED, "1")], None)["rank"]
    30.0
    """
    by_kind: dict[str, float] = {}
    for flag in flags:
        if flag.p is not None:
            by_kind[str(flag.kind)] = min(flag.p, by_kind.get(str(flag.kind), 1.0))
    surprise = sum(-math.log10(max(p, 1e-6)) for p in by_kind.values())
    half = half_width(answer)
    expected = None if answer is None else answer.expected_error
    error = 0.0 if expected is None or not half else expected / half
    found = {
        "rank": max((RANK.get(str(flag.kind), 0.0) for flag in flags), default=0.0),
        "surprise": surprise,
        "expected_error": error,
        "distance": max(
            (_far(flag.evidence) for flag in flags if flag.kind == FlagKind.OUT_OF_DISTRIBUTION), default=0
        ),
    }
    return {name: round(min(value, _MOST.get(name, value)), 3) + 0.0 for name, value in found.items()}


def half_width(answer: PredictionRow | None) -> float:
    """Half the width of an answer's interval; 0 where there is none."""
    if answer is None or answer.lower is None or answer.upper is None:
        return 0.0
    half = (answer.upper - answer.lower) / 2.0
    return half if math.isfinite(half) and half > 0.0 else 0.0


def share_of(sample_id: str, salt: str) -> float:
    """A number in [0, 1) that belongs to the sample: a draw that comes out the same however often it is made.

    >>> share_of("cycle-7", "seen") == share_of("cycle-7", "seen") != share_of("cycle-8", "seen")
    True
    """
    return int.from_bytes(hashlib.sha256(f"{salt}:{sample_id}".encode()).digest()[:7], "big") / 2.0**56


def fingerprint(values: NDArray[np.float64]) -> str:
    """Hash of the content of a recording (rows, sensors), whatever it is called and whichever NaN stands for a gap."""
    told = np.where(np.isnan(values), np.nan, values) + 0.0
    return hashlib.sha256(f"{values.shape}".encode() + told.astype("<f8").tobytes()).hexdigest()


@dataclass(frozen=True, slots=True)
class Agreement:
    """When two opinions are the same: labels no farther apart than `within`, classes where they are equal."""

    within: float

    def __call__(self, a: Opinion, b: Opinion) -> bool:
        """Whether they agree."""
        if "reject" in (a.action, b.action):
            return a.action == b.action
        first, second = label_of(a), label_of(b)
        if first is None or second is None:
            return first is second
        return math.isclose(first, second, rel_tol=1e-9, abs_tol=self.within)


def label_of(opinion: Opinion) -> float | None:
    """The label that an opinion stands for."""
    return opinion.before if opinion.action == "accept" else opinion.after


@dataclass(frozen=True, slots=True)
class Tally:
    """What opinions come to.

    Attributes
    ----------
    rounds
        How many that agree are wanted from here on.
    outcome
        None while more are wanted.
    by
        Those whose opinion it is; empty where no two of the most that are asked agree.
    """

    rounds: int
    outcome: Action | None = None
    value: float | None = None
    by: tuple[str, ...] = ()


def tally(said: Sequence[Opinion], agree: Agreement, *, rounds: int, most: int) -> Tally:
    """What the opinions of people on one sample come to; who skipped said nothing.

    So many as `rounds` must agree; once two do not, two must, and more than hold with any other opinion. Of `most`
    opinions without that nobody knows, and what nobody knows must not train: it is rejected.

    Parameters
    ----------
    said
        In order; one person has one opinion at most.

    Examples
    --------
    >>> anna = Opinion(1, "s1", "anna", "accept", 2.0, None)
    >>> bert = Opinion(1, "s1", "bert", "correct", 2.0, 3.0)
    >>> cleo = Opinion(1, "s1", "cleo", "correct", 2.0, 3.1)
    >>> tally([anna, bert], Agreement(0.2), rounds=1, most=3)
    Tally(rounds=2, outcome=None, value=None, by=())
    >>> tally([anna, bert, cleo], Agreement(0.2), rounds=2, most=3)
    Tally(rounds=2, outcome='correct', value=3.0, by=('bert', 'cleo'))
    """
    votes = [one for one in said if one.action != "skip" and not one.automatic]
    if not votes:
        return Tally(rounds)
    with_each = [[other for other in votes if agree(one, other)] for one in votes]
    wanted = rounds if all(len(group) == len(votes) for group in with_each) else max(rounds, 2)
    best = max(with_each, key=len)
    rivals = [group for one, group in zip(votes, with_each, strict=True) if one not in best and len(group) == len(best)]
    if len(best) >= wanted and not rivals:
        centre = votes[with_each.index(best)]
        value = None if centre.action == "reject" else label_of(centre)
        return Tally(wanted, centre.action, value, tuple(one.who for one in best))
    if len(votes) >= most:
        return Tally(wanted, "reject")
    return Tally(wanted)


def ruling(review: Review, said: Sequence[Opinion], result: Tally, *, release: str, now: datetime) -> Ruling:
    """What is written when a review is settled, or goes on waiting.

    Parameters
    ----------
    release
        The one that answered; empty if none did.
    """
    if result.outcome is None:
        return Ruling(result.rounds)
    automatic = [one for one in said if one.automatic]
    extra: tuple[Opinion, ...] = ()
    who = ", ".join(result.by)
    if not result.by:
        who = "rule:no_agreement"
        why = f"no two of {len({one.who for one in said if one.action != 'skip'})} reviewers agree"
        extra = (Opinion(review.id, review.sample_id, who, "reject", None, None, why=why, automatic=True, token=who),)
    reasons = [one.why for one in (*said, *extra) if one.action == result.outcome and one.why]
    targets: tuple[TargetRow, ...] = ()
    flags: tuple[Flag, ...] = ()
    if result.outcome == "reject":
        evidence: Mapping[str, Any] = {"why": "; ".join(reasons), "rating": None, "review": review.id}
        mark = f"{MARK}{review.id}"
        flags = (Flag(review.sample_id, FlagKind.REPORTED, release, evidence, rejected=True, who=who, mark=mark),)
    elif result.value is not None:
        targets = (TargetRow(review.sample_id, result.value, "review", who, now),)
    return Ruling(
        rounds=result.rounds,
        outcome=result.outcome,
        value=result.value,
        automatic=bool(automatic or extra),
        opinions=extra,
        targets=targets,
        flags=flags,
    )


def _far(evidence: Mapping[str, Any]) -> float:
    """0 at the usual distance, 1 at sixteen times it."""
    statistic, usual = evidence.get("statistic"), evidence.get("usual")
    if not statistic or not usual or statistic <= usual:
        return 0.0
    return math.log2(statistic / usual) / 4.0
