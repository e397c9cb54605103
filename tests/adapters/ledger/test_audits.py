from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from dq_pipeline.records import Audited

pytestmark = pytest.mark.integration


def test_what_is_noted_of_a_sensor_stays(line: Any) -> None:
    since = line.now - timedelta(days=3)
    line.ledger.note_sensor("pump", "PS1", {"firmware": "2.1"}, since, "anna", "update", line.now)
    line.ledger.note_sensor("pump", "TS1", {"serial": "A7"}, line.now, "bert", "exchanged", line.now)
    first, second = line.ledger.inventory("pump")
    assert (first.sensor, first.facts, first.since, first.who) == ("PS1", {"firmware": "2.1"}, since, "anna")
    assert second.sensor == "TS1"
    with pytest.raises(DBAPIError, match="append-only"), line.ledger._begin() as connection:
        connection.exec_driver_sql("DELETE FROM dq.inventory")


def _said(sensor: str, stop: int, verdict: str = "none") -> Audited:
    return Audited(sensor, "3", stop - 10, stop, verdict, 1.0, 0.0, 0.0, {"moved": float("nan")})


def test_the_same_window_is_audited_once(line: Any) -> None:
    rows = [_said("PS1", 50), _said("TS1", 50)]
    assert line.ledger.add_audits("pump", rows, line.now) == 2
    assert line.ledger.add_audits("pump", rows, line.now) == 0
    assert line.ledger.add_audits("pump", [], line.now) == 0
    line.ledger.add_audits("pump", [_said("PS1", 60, "unit")], line.now)
    newest = line.ledger.audits("pump", last=1)
    assert [(one.sensor, one.stop, one.verdict) for one in newest] == [("TS1", 50, "none"), ("PS1", 60, "unit")]
    assert len(line.ledger.audits("pump")) == 3
    assert newest[0].evidence == {"moved": None}
    assert newest[0].at == line.now
