"""What the ledger knows of the truth: targets and labels, what counts of them and what contradicts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from dq_pipeline.records import Expected, Flag, TargetRow


class Targets(Protocol):
    """The part of the ledger that knows the truth; :mod:`dq_pipeline.records.truth` says what counts."""

    def targets(self, process: str, ids: Sequence[str]) -> dict[str, float]:
        """The value that counts by sample id: a reviewer's, then the newest label's, then the derived one."""

    def truths(self, process: str, ids: Sequence[str]) -> dict[str, TargetRow]:
        """The same with where it came from."""

    def labels_of(self, process: str, ids: Sequence[str]) -> dict[str, tuple[TargetRow, ...]]:
        """All targets by sample id, oldest first, those that do not count included."""

    def conflicts(self, process: str, ids: Sequence[str] | None = None) -> dict[str, tuple[TargetRow, ...]]:
        """Labels that contradict each other, in the order they came, by sample id: of these samples, or of all."""

    def add_targets(self, process: str, rows: Sequence[TargetRow], now: datetime, *, flags: Sequence[Flag] = ()) -> int:
        """Late labels with the flags they raise; a conflict is flagged by the ledger itself.

        The same label twice is one. Returns how many were new.
        """

    def expected_errors(self, process: str, release: str, *, last: int) -> Sequence[Expected]:
        """The newest `last` answers of a release's model with an expected error, oldest first; no fallback's."""

    def label_state(self, process: str) -> dict[str, Any]:
        """Counts for people: labels by origin, their lags, conflicts, answers without a target."""
