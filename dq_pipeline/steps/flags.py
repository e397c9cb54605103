"""Flags for people: which samples are flagged, how many of 100, and what people report themselves."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from dq_pipeline.errors import StateError
from dq_pipeline.ports import World
from dq_pipeline.records import WHY_CHARACTERS, Flag, FlagKind
from dq_pipeline.samples import SampleBatch
from dq_pipeline.steps.clock import utc_now
from dq_pipeline.steps.serving import in_production
from dq_pipeline.steps.training_data import HISTORY

RATINGS = range(1, 6)


def flags(
    world: World,
    process: str,
    *,
    kinds: Sequence[FlagKind] = (),
    since: datetime | None = None,
    limit: int | None = None,
) -> dict[str, Any]:
    """Flags, newest first, and the realised rate of the release in Production beside its budget.

    Returns
    -------
    dict
        `flags`: one entry each; `rate`: `release`, `flagged` of `answered` samples, `per_100`, `budget_per_100`, and
        `why` where the release flags nothing. `rate` is None while no release answers.
    """
    world.process(process)
    rows = world.ledger.flags(process, kinds=kinds, since=since, limit=limit)
    return {"process": process, "rate": _rate(world, process), "flags": [shown(row.flag, row.at) for row in rows]}


def report(
    world: World, process: str, sample_id: str, *, why: str, who: str, rating: int | None = None, reject: bool = False
) -> dict[str, Any]:
    """Record what a person says of a sample; the same words twice are one report.

    Parameters
    ----------
    rating
        1, of no use, to 5, just as it should be.
    reject
        The sample must never train a model, whatever its quality. Models that have learned from it go on answering.

    Raises
    ------
    StateError
        If nothing is said, the rating is another, or the process knows no such sample.
    """
    world.process(process)
    why = why.strip()
    if not why or len(why) > WHY_CHARACTERS:
        raise StateError(f"a reason of 1 to {WHY_CHARACTERS} characters expected (--why), found {len(why)}")
    if rating is not None and rating not in RATINGS:
        raise StateError(f"a rating of {RATINGS[0]} to {RATINGS[-1]} expected, found {rating}")
    answer = world.ledger.answers(process, [sample_id]).get(sample_id)
    if answer is None and not _known(world, process, sample_id):
        raise StateError(
            f"{process}: a sample of the stream or of the history in use expected, found no {sample_id!r}. "
            "What was quarantined has no answer and never trains."
        )
    words = json.dumps([who, why, rating, reject])
    flag = Flag(
        sample_id=sample_id,
        kind=FlagKind.REPORTED,
        release="" if answer is None else answer.release,
        evidence={"why": why, "rating": rating},
        rejected=reject,
        who=who,
        mark=hashlib.sha256(words.encode()).hexdigest()[:16],
    )
    new = world.ledger.add_flags(process, [flag], utc_now())
    return {"process": process, "sample_id": sample_id, "new": bool(new), "rejected": reject}


def _rate(world: World, process: str) -> dict[str, Any] | None:
    if world.ledger.production(process) is None:
        return None
    serving = in_production(world, process)
    rules = serving.bundle.flags
    flagged, answered = world.ledger.flag_rate(process, serving.version)
    why = None
    if rules is None:
        why = f"release {serving.version} has no flag rules: it was made before there were any, or from too few samples"
    elif not rules.levels.any():
        why = f"release {serving.version} learned from too few samples to keep the budget"
    return {
        "release": serving.version,
        "flagged": flagged,
        "answered": answered,
        "per_100": 100.0 * flagged / answered if answered else None,
        "budget_per_100": None if rules is None else rules.per_100,
        "why": why,
    }


def _known(world: World, process: str, sample_id: str) -> bool:
    if world.ledger.recorded(process, [sample_id]):
        return True
    history = world.ledger.fact(process, HISTORY) or {"chunks": []}
    return any(
        sample_id in chunk["accepted"] or sample_id in SampleBatch.ids_of(world.lake.get(chunk["uri"]))
        for chunk in history["chunks"]
    )


def shown(flag: Flag, at: datetime) -> dict[str, Any]:
    """A flag as plain JSON values."""
    return {
        "sample_id": flag.sample_id,
        "kind": str(flag.kind),
        "release": flag.release or None,
        "p": flag.p,
        "rejected": flag.rejected,
        "who": flag.who or None,
        "at": at.isoformat(),
        "evidence": dict(flag.evidence),
    }
