"""Profiles of the samples before a micro-batch that is smaller than the window it is scored in."""

from __future__ import annotations

from collections.abc import Sequence

from dq_pipeline.ports import World
from dq_pipeline.profile.profile import Profile
from dq_pipeline.quality.scorer import QualityScorer
from dq_pipeline.records import CommittedBatch
from dq_pipeline.samples import Scope


def wanted(scorer: QualityScorer, n: int) -> int:
    """How many samples before n others their window asks for."""
    return max(scorer.window - n, 0) if n else 0


def trailing(
    world: World, before: Sequence[CommittedBatch], scope: Scope, scorer: QualityScorer, n: int
) -> Profile | None:
    """Profiles of the samples before, as far as they are against the same reference; None where none is asked for.

    Parameters
    ----------
    before
        The newest batches committed before, in their order.
    n
        Samples to be scored.
    """
    missing, found = wanted(scorer, n), []
    if not missing:
        return None
    for batch in reversed(before):
        profiled = Profile.from_bytes(world.lake.get(f"{batch.uri}/{scope}-profile.npz"))
        if profiled.reference_id != scorer.reference.id:
            break
        found.append(profiled)
        missing -= len(profiled)
        if missing <= 0:
            break
    return Profile.concat(found[::-1]) if found else None
