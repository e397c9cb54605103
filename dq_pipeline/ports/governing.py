"""What the ledger tells the governor."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol


class Governing(Protocol):
    """The part of the ledger that counts what could be learned."""

    def labelled_since(self, process: str, since: datetime) -> Sequence[str]:
        """Completed samples, accepted and not rejected, of which a label came or changed after `since`: their ids."""
