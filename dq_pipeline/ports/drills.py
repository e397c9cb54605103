"""What the ledger says of drills."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from dq_pipeline.records import DrillRow


class Drills(Protocol):
    """The part of the ledger that keeps drills."""

    def begin_drill(self, drill: DrillRow) -> DrillRow:
        """Keep that a drill began; the one of this key as it stands, if there is one."""

    def end_drill(self, drill: DrillRow) -> None:
        """Keep what became of it; one that has ended stays as it is."""

    def drills(self, process: str) -> Sequence[DrillRow]:
        """All drills, oldest first."""
