"""What the ledger tells the governor."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Governing(Protocol):
    """The part of the ledger that counts what could be learned."""

    def labelled_since(self, process: str, since: datetime) -> int:
        """Completed samples, accepted and not rejected by a person, of which a label came or changed after `since`."""
