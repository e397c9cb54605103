"""What an incident withholds from learning, and from when on what is read is right again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from dq_pipeline.records import WITHHELD, Cause, Ending, Incident

NOW = datetime(2026, 1, 1, tzinfo=UTC)
OPEN = Incident(1, "rig", "calibration", "", NOW, first=100, cause=Cause.CALIBRATION, subject="PS1", sensor="PS1")


@pytest.mark.parametrize("cause", Cause)
def test_a_fault_is_withheld_and_a_change_of_the_process_is_not(cause: Cause) -> None:
    one = replace(OPEN, cause=cause)
    assert one.withholds(100) is one.lasts is (cause in WITHHELD)
    assert not one.withholds(99)


def test_where_no_sample_is_doubtful_nothing_is_withheld() -> None:
    silence = replace(OPEN, cause=Cause.LATE_DATA, first=None)
    assert not silence.withholds(0)
    assert not silence.lasts


def test_what_is_accepted_is_learned() -> None:
    assert not replace(OPEN, stop=200, ending=Ending.ACCEPTED).withholds(150)


def test_a_corrected_sensor_is_learned_from_until_it_was_corrected_in_vain() -> None:
    corrected = replace(OPEN, stop=125, until=125, record={"action": {"what": "correct", "state": "done"}})
    assert [corrected.withholds(number) for number in (124, 125, 900)] == [True, False, False]
    assert not corrected.lasts
    assert corrected.well_from == 125
    record = {**corrected.record, "corrected_in_vain": [300, 340]}
    closed = replace(corrected, ending=Ending.RECOVERED, until=340, record=record)
    assert [closed.withholds(number) for number in (124, 200, 300, 339, 340)] == [True, False, True, True, False]
    assert closed.well_from == 340


def test_an_uncorrected_sensor_is_right_from_where_it_was_found_well() -> None:
    assert OPEN.well_from is None
    assert replace(OPEN, stop=180, until=200, ending=Ending.RECOVERED).well_from == 180
