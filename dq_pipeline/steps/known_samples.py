"""What the ledger knows of some samples, asked for once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dq_pipeline.ports import World
from dq_pipeline.records import PredictionRow, Recorded, TargetRow


@dataclass(frozen=True, slots=True)
class KnownSamples:
    """By sample id; where nothing is known there is no entry.

    Attributes
    ----------
    answers
        The champion's first.
    truths
        The target that counts.
    places
        Where the recording lies and how it scored, of the samples that completed.
    """

    answers: Mapping[str, PredictionRow]
    truths: Mapping[str, TargetRow]
    places: Mapping[str, Recorded]


def known_samples(world: World, process: str, ids: Sequence[str]) -> KnownSamples:
    """All of it, of these samples."""
    ledger = world.ledger
    return KnownSamples(ledger.answers(process, ids), ledger.truths(process, ids), ledger.recorded(process, ids))
