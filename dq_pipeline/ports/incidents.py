"""What the ledger says of incidents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from dq_pipeline.records import Diagnosis, Ending, Incident, Notice


class Incidents(Protocol):
    """The part of the ledger that keeps incidents."""

    def incident(self, process: str, kind: str, title: str, evidence: Mapping[str, Any], now: datetime) -> int:
        """Record one that nobody has to find the cause of; parking a range and losing data do it by themselves."""

    def open_incident(self, process: str, diagnosis: Diagnosis, now: datetime) -> Incident:
        """Open an incident, or join the open one of the same cause and subject; alerts and events go into it.

        All in one transaction: the same diagnosis twice changes nothing.
        """

    def note_incident(
        self,
        process: str,
        number: int,
        what: str,
        now: datetime,
        *,
        action: Mapping[str, Any] | None = None,
        stop: int | None = None,
    ) -> Incident:
        """Add to an incident's timeline, once; with `action` what was done, with `stop` what is corrected from on."""

    def incidents(self, process: str, *, standing: bool = False) -> Sequence[Incident]:
        """Incidents, oldest first; `standing`: those with a cause that are open."""

    def close_incident(
        self, process: str, number: int, ending: Ending, *, stop: int | None, who: str, now: datetime
    ) -> Incident:
        """End an incident with a cause; `stop` is the first good sample again, the next to come by default."""

    def announce(self, process: str, now: datetime) -> Sequence[Notice]:
        """Incidents nobody was told of yet, as notices; they count as told from here on."""
