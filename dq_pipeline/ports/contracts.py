"""What the ledger says of contracts, and of what production gave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from dq_pipeline.records import ContractResult, ContractVersion, Observation


class Contracts(Protocol):
    """The part of the ledger that keeps contracts."""

    def put_contracts(
        self, process: str, definitions: Mapping[str, Mapping[str, Any]], *, who: str, now: datetime
    ) -> Sequence[ContractVersion]:
        """Make these the contracts in force: what is new or was edited, and what is withdrawn, as rows."""

    def contracts(self, process: str) -> Sequence[ContractVersion]:
        """Every version, oldest first."""

    def add_contract_results(self, process: str, results: Sequence[ContractResult], now: datetime) -> int:
        """Keep what was found; the same window of the same version and release twice is one. How many were new."""

    def contract_results(
        self, process: str, *, contract: str | None = None, last: int | None = None
    ) -> Sequence[ContractResult]:
        """What was found, oldest first: the newest `last` of it."""

    def observations(
        self, process: str, *, first_sample: int, stop_sample: int, release: str | None = None
    ) -> Sequence[Observation]:
        """Completed samples of first <= number < stop in stream order.

        Each with its first answer as champion, or with that of `release` in whichever role, and its truth.
        """

    def raw_uris(self, process: str, batch_ids: Sequence[str]) -> dict[str, str]:
        """Where the raw messages of these micro-batches lie."""

    def answered_from(self, process: str, ids: Sequence[str]) -> dict[str, str]:
        """Sample -> the micro-batch whose message was answered by the champion."""
