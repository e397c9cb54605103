"""Notices to people: for now one structured line of the log each."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict

from dq_pipeline.records import Notice

log = logging.getLogger(__name__)

_LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "critical": logging.CRITICAL}


class LogNotifier:
    """:class:`dq_pipeline.ports.Notifier` that writes to the log."""

    def notify(self, notice: Notice) -> None:
        """Write the notice as one line: the word `notice` and its fields as JSON."""
        line = json.dumps(asdict(notice), ensure_ascii=False, default=str)
        log.log(_LEVELS.get(notice.severity, logging.WARNING), "notice %s", line)
