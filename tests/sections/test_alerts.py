"""`alerts` of a process file: what is taken, what is refused, and when people sleep."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from dq_pipeline.errors import ProcessFileError
from dq_pipeline.process_file import parse, read
from dq_pipeline.sections.alerts import Alerts

VIENNA = "Europe/Vienna"


def test_times_of_day_are_read_as_yaml_has_them(tmp_path: Any) -> None:
    text = """
process: rig
title: Rig
stream: {topic: rig.samples, labels_topic: rig.labels}
sample: {rows: 20, period_s: 1, horizon_rows: 12, profile_rows: 20, timezone: Europe/Vienna}
sensors: {p: {unit: bar, range: [-50, 50]}}
target: {name: y, unit: bar, column: y, rows: [12, 20], reduce: mean}
alerts:
  to: {critical: [pager, mail], warning: [chat], info: []}
  quiet_hours: [22:00, 06:00]
  maintenance:
    - {from: 2026-03-01T22:00, until: 2026-03-02 04:00:00, reason: filters}
history: {uri: history.parquet, id: id, time: t_s, samples: 60}
"""
    process = read(text, tmp_path / "rig.yaml")
    assert process.alerts.quiet_hours == ("22:00", "06:00")
    assert process.alerts.addresses == ("pager", "mail", "chat")
    (window,) = process.alerts.maintenance
    assert window.holds(VIENNA, datetime(2026, 3, 1, 21, tzinfo=UTC)) == datetime(2026, 3, 2, 3, tzinfo=UTC)
    assert window.holds(VIENNA, datetime(2026, 3, 2, 3, tzinfo=UTC)) is None
    assert "alerts" not in process.deciding()


@pytest.mark.parametrize(
    "section",
    [
        {"to": {"critical": ["json://user:pass@host"]}},
        {"to": {"critical": "pager"}},
        {"to": {"severe": ["pager"]}},
        {"quiet_hours": ["22:00", "22:00"]},
        {"quiet_hours": ["24:00", "06:00"]},
        {"quiet_hours": [True, "06:00"]},
        {"quiet_hours": ["22:00"]},
        {"cooldown_min": -1},
        {"mute": ["Watch/*"]},
        {"maintenance": [{"from": "2026-03-02T00:00", "until": "2026-03-01T00:00", "reason": "x"}]},
        {"maintenance": [{"from": "2026-03-02T00:00", "until": "2026-03-03T00:00Z", "reason": "x"}]},
        {"maintenance": [{"from": "2026-03-02T00:00", "until": "2026-03-03T00:00"}]},
        {"slack": "hooks"},
    ],
)
def test_what_is_refused(section: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Alerts.model_validate(section)


@pytest.mark.parametrize(
    "alerts",
    [
        {"to": {"critical": ["json://user:hunter2@host"]}},
        {"to": {"critical": "json://user:hunter2@host"}},
        {"to": "json://user:hunter2@host"},
        {"to": {"pager": "json://user:hunter2@host"}},
        {"pager": {"address": "json://user:hunter2@host"}},
        "json://user:hunter2@host",
        {"to": {"json://user:hunter2@host": ["pager"]}},
        {"mute": ["json://user:hunter2@host"], "quiet_hours": "json://user:hunter2@host"},
    ],
)
def test_an_address_that_somebody_wrote_into_the_file_is_not_shown(alerts: Any) -> None:
    with pytest.raises(ProcessFileError, match="DQ_ALERTS_<NAME>; found an address, which is not shown") as error:
        parse({"process": "rig", "alerts": alerts}, "rig.yaml")
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize(
    ("hours", "at", "until"),
    [
        (["22:00", "06:00"], "2026-07-01T21:59+02:00", None),
        (["22:00", "06:00"], "2026-07-01T22:00+02:00", "2026-07-02T06:00+02:00"),
        (["22:00", "06:00"], "2026-07-02T05:59+02:00", "2026-07-02T06:00+02:00"),
        (["22:00", "06:00"], "2026-07-02T06:00+02:00", None),
        (["12:00", "13:00"], "2026-07-02T12:30+02:00", "2026-07-02T13:00+02:00"),
        (["12:00", "13:00"], "2026-07-02T13:30+02:00", None),
        (["22:00", "06:00"], "2026-03-28T23:00+01:00", "2026-03-29T06:00+02:00"),  # the clocks change
        (None, "2026-07-02T05:59+02:00", None),
    ],
)
def test_quiet_hours_are_those_of_the_process(hours: Any, at: str, until: str | None) -> None:
    found = Alerts.model_validate({"quiet_hours": hours}).quiet_until(VIENNA, datetime.fromisoformat(at))
    assert found == (None if until is None else datetime.fromisoformat(until))


def test_of_two_maintenances_the_later_end_counts() -> None:
    windows = [
        {"from": "2026-03-01T00:00Z", "until": f"2026-03-01T0{end}:00Z", "reason": f"r{end}"} for end in (3, 5, 4)
    ]
    found = Alerts.model_validate({"maintenance": windows}).maintained("UTC", datetime(2026, 3, 1, 1, tzinfo=UTC))
    assert found == (datetime(2026, 3, 1, 5, tzinfo=UTC), "r5")
