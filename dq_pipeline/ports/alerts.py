"""What the ledger says of alerts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from dq_pipeline.records import Alert, AlertRow


class Alerts(Protocol):
    """The part of the ledger that keeps alerts."""

    def raise_alert(self, process: str, alert: Alert, now: datetime) -> bool:
        """Keep an alert; False if one of the same key stands already."""

    def clear_alert(self, process: str, key: str, now: datetime, *, found: Mapping[str, Any] | None = None) -> bool:
        """What was measured is within its limit again; False if nothing of this key stood.

        `found` is added to its evidence.
        """

    def alerts(self, process: str, *, standing: bool = False, unfolded: bool = False) -> Sequence[AlertRow]:
        """Alerts, oldest first: those not cleared, or in no incident yet."""
