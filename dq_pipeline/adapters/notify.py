"""Notices to people: kept in the ledger, to be sent later, with one structured line of the log each."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from datetime import UTC, datetime

from dq_pipeline.ports import Ledger
from dq_pipeline.records import Notice

log = logging.getLogger(__name__)

_LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "critical": logging.CRITICAL}


class LedgerNotifier:
    """:class:`dq_pipeline.ports.Notifier` that keeps a notice for :func:`dq_pipeline.steps.deliver`, and logs it."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def notify(self, notice: Notice) -> None:
        """Keep it once for each key; the line is the word `notice` and its fields as JSON."""
        line = json.dumps(asdict(notice), ensure_ascii=False, default=str)
        log.log(_LEVELS.get(notice.severity, logging.WARNING), "notice %s", line)
        self._ledger.add_notice(notice, datetime.now(UTC))
