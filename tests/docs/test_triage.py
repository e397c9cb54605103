"""The figures on the page of triage are those that were measured."""

from __future__ import annotations

import json

from benchmarks.triage_tables import PAGE, RESULTS, written
from dq_pipeline.records import Cause


def test_the_page_shows_what_was_measured() -> None:
    page, document = PAGE.read_text(encoding="utf-8"), json.loads(RESULTS.read_text(encoding="utf-8"))
    assert written(page, document) == page


def test_every_cause_was_injected_at_every_severity() -> None:
    document = json.loads(RESULTS.read_text(encoding="utf-8"))
    for name in ("hydraulic", "vacuum"):
        for severity, rows in document[name]["confusion"].items():
            assert set(rows) == {str(cause) for cause in Cause}, severity
        for cause in Cause:
            total = sum(sum(rows[str(cause)].values()) for rows in document[name]["confusion"].values())
            assert total >= 50 or cause is Cause.UNDETERMINED, (name, cause, total)
