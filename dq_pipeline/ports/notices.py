"""What the ledger says of notices, and what sends them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from dq_pipeline.records import Dispatch, Notice, NoticeRow, RuleCount


class Notices(Protocol):
    """The part of the ledger that keeps notices until they are sent, and what people said of them."""

    def add_notice(self, notice: Notice, now: datetime) -> bool:
        """Keep a notice, due at once; False if one of its key is kept already."""

    def claim_notices(self, process: str, now: datetime, *, lease_s: float, limit: int) -> Sequence[NoticeRow]:
        """Take the oldest ones that are due for `lease_s` seconds: no one else is given them meanwhile."""

    def notices_sent(self, process: str, since: datetime) -> Sequence[NoticeRow]:
        """Those that an address took first after `since`."""

    def settle_notice(
        self,
        row: NoticeRow,
        *,
        due_at: datetime | None,
        record: Mapping[str, Any],
        sent_at: datetime | None = None,
        attempts: int | None = None,
    ) -> bool:
        """Keep what became of a notice that was claimed; False if somebody else took it since."""

    def notices(self, process: str, *, limit: int, offset: int = 0) -> Sequence[NoticeRow]:
        """The newest first."""

    def judge_notice(self, process: str, number: int, useful: bool, who: str, now: datetime) -> NoticeRow:
        """Keep a person's word, in place of an earlier one. Raises StateError if there is no such notice."""

    def rule_counts(self, process: str) -> Sequence[RuleCount]:
        """How often each rule told something, and what people said of it, by name."""


class Sender(Protocol):
    """What sends to named addresses. An address is a secret: no error names one."""

    @property
    def page_url(self) -> str:
        """Where the pages are, without a slash at the end; empty where that is not known."""

    def check(self, address: str) -> None:
        """Raises ConfigurationError, which names the setting, where nothing can be sent to this name."""

    def send(self, dispatches: Sequence[Dispatch], *, limit_s: float) -> Sequence[str | None]:
        """Send all, those to different addresses at once, in `limit_s` seconds; never raises.

        Returns
        -------
        sequence of (str or None)
            For each: "" where the address took it, why it did not, or None where it was not tried.
        """

    def guidance(self, runbook: str) -> tuple[str, str]:
        """What a runbook says was done by itself, and its first step; empty where it says neither."""
