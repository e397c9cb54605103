from __future__ import annotations

import json
import logging
from types import SimpleNamespace
from typing import Any

import pytest

from dq_pipeline.adapters.notify import LedgerNotifier
from dq_pipeline.records import Notice


@pytest.mark.parametrize(
    ("severity", "level"), [("info", logging.INFO), ("warning", logging.WARNING), ("critical", logging.CRITICAL)]
)
def test_one_line_that_a_machine_can_read(caplog, severity, level):
    kept: list[Any] = []
    ledger: Any = SimpleNamespace(add_notice=lambda notice, now: kept.append((notice, now)))
    notice = Notice("vacuum", severity, "Range parked", "two\nlines, 100 %s", "docs/runbooks/parked.md")
    with caplog.at_level(logging.INFO):
        LedgerNotifier(ledger).notify(notice)
    (record,) = caplog.records
    word, _, line = record.getMessage().partition(" ")
    assert (word, record.levelno) == ("notice", level)
    assert "\n" not in line
    assert json.loads(line)["detail"] == "two\nlines, 100 %s"
    ((told, now),) = kept
    assert told is notice
    assert now.tzinfo is not None
