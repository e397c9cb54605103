"""What people say of a sample in the review queue, and how it is settled."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_args

from dq_pipeline.errors import StateError
from dq_pipeline.feedback.review import Agreement, ruling, tally
from dq_pipeline.ports import World
from dq_pipeline.process import Process
from dq_pipeline.records import WHY_CHARACTERS, Action, Opinion, Review, Ruling
from dq_pipeline.records.truth import counting
from dq_pipeline.steps.clock import utc_now
from dq_pipeline.steps.reviews import known
from dq_pipeline.target import plausible
from dq_pipeline.wire.numeric import is_number

_WHO_CHARACTERS = 200
_TOKEN_CHARACTERS = 200


def judge(
    world: World,
    process: str,
    review: int,
    *,
    who: str,
    action: str,
    value: float | None = None,
    confidence: float | None = None,
    why: str = "",
    token: str = "",
    evidence: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Say what a sample's label should be, or that it is defective; the same token twice is one opinion.

    Parameters
    ----------
    action
        `accept` the label as it stands, `correct` it to `value`, `reject` the recording, or `skip`.
    value
        In the target's unit, or the index of a class. With `accept` the label that the reviewer saw, if given.
    confidence
        From 0 to 1.
    token
        Names the form that was sent; without one, the same words by the same person are the same opinion.

    Returns
    -------
    dict
        `state`, `outcome` and `value` of the review since, `new`, and in `why` what is still wanted.

    Raises
    ------
    StateError
        If it makes no sense: then nothing is changed.
    """
    settings = world.process(process)
    row = known(world, process, review)
    said = opinion(
        world, settings, row, who=who, action=action, value=value, confidence=confidence, why=why, token=token,
        evidence=evidence,
    )  # fmt: skip
    decide = decider(world, settings, row.sample_id)
    ((after, new),) = world.ledger.judge(process, [(review, [said], decide)], utc_now())
    return {
        "process": process,
        "review": review,
        "state": after.state,
        "outcome": after.outcome,
        "value": after.value,
        "new": bool(new),
        "why": _told(world, process, after),
    }


def opinion(
    world: World,
    process: Process,
    row: Review,
    *,
    who: str,
    action: str,
    value: float | None = None,
    confidence: float | None = None,
    why: str = "",
    token: str = "",
    evidence: Mapping[str, Any] | None = None,
) -> Opinion:
    """An opinion, checked as :func:`judge` says."""
    who, why = who.strip(), why.strip()
    if action not in get_args(Action):
        raise StateError(f"action: one of {', '.join(get_args(Action))} expected, found {action!r}")
    if not 0 < len(who) <= _WHO_CHARACTERS or not who.isprintable() or who.startswith("rule:"):
        raise StateError(f"who: a name of 1 to {_WHO_CHARACTERS} characters, no rule's, expected; found {who[:50]!r}")
    if len(why) > WHY_CHARACTERS:
        raise StateError(f"why: at most {WHY_CHARACTERS} characters expected, found {len(why)}")
    if len(token) > _TOKEN_CHARACTERS or not token.isprintable():
        raise StateError(f"token: at most {_TOKEN_CHARACTERS} printable characters expected, found {token[:50]!r}")
    if confidence is not None and not (is_number(confidence) and 0.0 <= confidence <= 1.0):
        raise StateError(f"confidence: a number from 0 to 1 expected, found {confidence!r}")
    if action == "reject" and not why:
        raise StateError("why: a reason for rejecting expected, found none")
    if action in ("reject", "skip") and value is not None:
        raise StateError(f"value: none expected with {action}, found {value!r}")
    if action == "correct" and value is None:
        raise StateError("value: the right label expected with correct, found none")
    if value is not None:
        problem = plausible(process, value)
        if problem:
            raise StateError(f"value: {problem}")
        value = float(value)
    truth = counting(world.ledger.labels_of(process.name, [row.sample_id]).get(row.sample_id, ()))
    before = None if truth is None else truth.value
    words = json.dumps([who, action, value, confidence, why])
    said = Opinion(
        review=row.id,
        sample_id=row.sample_id,
        who=who,
        action=action,  # type: ignore[arg-type]  # checked above
        before=before,
        after=value if action == "correct" else None,
        confidence=None if confidence is None else float(confidence),
        why=why,
        token=token or hashlib.sha256(words.encode()).hexdigest()[:16],
        evidence=dict(evidence or {}),
    )
    if action == "accept" and row.state == "waiting":
        _acceptable(row, before, value)
    return said


def decider(world: World, process: Process, sample_id: str) -> Callable[[Review, Sequence[Opinion]], Ruling]:
    """What the ledger asks within its transaction: what all opinions on a review come to."""
    rules, now = process.feedback.review, utc_now()
    answer = world.ledger.answers(process.name, [sample_id]).get(sample_id)

    def decide(waiting: Review, said: Sequence[Opinion]) -> Ruling:
        _each_once(waiting, said)
        agree = Agreement(rules.tolerance * float(waiting.reasons.get("scale") or 0.0))
        result = tally(said, agree, rounds=waiting.rounds, most=rules.most_opinions)
        return ruling(waiting, said, result, release="" if answer is None else answer.release, now=now)

    return decide


def _each_once(waiting: Review, said: Sequence[Opinion]) -> None:
    judged: set[str] = set()
    for one in said:
        if one.action == "skip" or one.automatic:
            continue
        if one.who in judged:
            raise StateError(
                f"review {waiting.id}: another reviewer than {one.who} expected, who has judged {waiting.sample_id} "
                "already; nobody outvotes the others, or himself"
            )
        judged.add(one.who)


def _acceptable(row: Review, before: float | None, seen: float | None) -> None:
    if before is None:
        raise StateError(
            f"review {row.id}: a label to accept expected, found none of {row.sample_id} yet. "
            "Correct it, reject the recording, or skip it until the label comes."
        )
    if seen is not None and not math.isclose(seen, before, rel_tol=1e-6, abs_tol=1e-9):
        raise StateError(f"review {row.id}: the label was {seen:g} when it was looked at, and is {before:g} now")


def _told(world: World, process: str, row: Review) -> str:
    if row.state != "waiting":
        return f"settled: {row.outcome}"
    said = [one for one in world.ledger.opinions(process, [row.id]).get(row.id, ()) if one.action != "skip"]
    if not said:
        return "skipped: it goes on waiting"
    if row.rounds > 1 and len(said) > 1:
        return f"{len(said)} reviewers disagree: another one must decide"
    return "a second reviewer must agree"
