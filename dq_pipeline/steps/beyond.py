"""Answers whose truth lies far beyond their interval, whichever of the two comes last."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dq_pipeline.errors import DataError, RegistryError
from dq_pipeline.feedback.flags import NEWEST
from dq_pipeline.ports import World
from dq_pipeline.records import ACTING, Flag, Judged, PredictionRow, TargetRow
from dq_pipeline.records.truth import counting
from dq_pipeline.steps.serving import Serving, in_production


def beyond_interval(
    world: World, serving: Serving, targets: Sequence[TargetRow], answered: Sequence[PredictionRow] = ()
) -> list[Flag]:
    """Flags for targets that come now, and for answers given now whose label was there first.

    The answer's interval is its own; how many half-widths are too many, the release in Production says, and the newest
    answers whose truth is known, whichever release gave them: a half-width means the same in all.

    Parameters
    ----------
    answered
        Answers that are not in the ledger yet.
    """
    rules, process = serving.bundle.flags, serving.process.name
    if rules is None:
        return []
    rows = {row.sample_id: row for row in answered if row.role in ACTING}
    coming: dict[str, list[TargetRow]] = {name: [] for name in rows}
    for target in targets:
        coming.setdefault(target.sample_id, []).append(target)
    there = world.ledger.truths(process, list(coming)) if coming else {}
    found = {name: counting([*([there[name]] if name in there else []), *own]) for name, own in coming.items()}
    truth = {name: target.value for name, target in found.items() if target is not None}
    before = [name for name in truth if name not in rows]
    if before:
        rows |= world.ledger.answers(process, before)
    judged = []
    for name, value in truth.items():
        row = rows.get(name)
        if row is not None and _has_interval(row):
            judged.append((name, row.release, np.array([row.value, row.lower, row.upper, value], dtype=np.float64)))
    if not judged:
        return []
    own = set(truth)
    recent = [
        (row.value, row.lower, row.upper, row.target)
        for row in world.ledger.judged(process, last=NEWEST)
        if row.accepted and _has_interval(row) and row.sample_id not in own
    ]
    return rules.at_target(judged, np.array(recent, dtype=np.float64).reshape(-1, 4))


def beyond_by_label(world: World, process: str, targets: Sequence[TargetRow]) -> tuple[list[Flag], str | None]:
    """The same for labels that come by themselves, and why nothing could be flagged.

    Labels are taken all the same where the release in Production cannot be had just now.
    """
    if not targets or world.ledger.production(process) is None:
        return [], None
    try:
        serving = in_production(world, process)
    except (RegistryError, DataError, OSError) as error:
        return [], f"the release in Production cannot be had, labels beyond its interval are not flagged: {error}"
    return beyond_interval(world, serving, targets), None


def _has_interval(row: PredictionRow | Judged) -> bool:
    return row.fallback is None and None not in (row.value, row.lower, row.upper)
