"""What the ledger says of rollouts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from dq_pipeline.records import Pair, Rollout, Step


class Rollouts(Protocol):
    """The part of the ledger that keeps the way of releases into Production."""

    def rollouts(self, process: str, *, before: int | None = None) -> Sequence[Rollout]:
        """The newest step of each version, in the order they began.

        With `before`, as they counted for the micro-batch claimed with this sequence.
        """

    def move_rollout(self, process: str, version: str, step: Step, now: datetime, *, was: int | None) -> Rollout | None:
        """Take a step; None if `was` is not the newest one any more, or another release is in the canary already.

        `was` is the step it is taken upon, None where the version had none. Taking the newest step again is no change.
        """

    def pairs(self, process: str, version: str, champion: str, *, after: int) -> Sequence[Pair]:
        """What both said of the samples of micro-batches claimed after a sequence, in the order they were answered.

        Samples that a fallback answered are left out.
        """

    def canary_answers(self, process: str, version: str) -> int:
        """How many samples a release answered as a canary."""
