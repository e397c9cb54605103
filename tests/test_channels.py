"""Channels of a recording on its grid, beside the readings and independent of them."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from dq_pipeline.channels import MAX_ITEMS, Channel
from dq_pipeline.errors import SampleError
from dq_pipeline.process_file import parse
from dq_pipeline.recording import Recording, cut, place, place_rows

PROCESS = parse(
    {
        "process": "mixed",
        "title": "Mixed",
        "stream": {"topic": "t", "labels_topic": "l"},
        "sample": {"rows": 6, "period_s": 2, "horizon_rows": 3, "profile_rows": 6},
        "sensors": {"p": {"unit": "bar", "range": [0, 10]}},
        "encoded": {
            "valve": {"encoder": "categories", "categories": ["closed", "open"], "aliases": ["tap"]},
            "log": {"encoder": "log_lines"},
        },
        "target": {"name": "y", "from": "labels"},
        "history": {"uri": "x.parquet", "id": "i"},
    },
    "mixed.yaml",
)
CLOCK = np.arange(6) * 2.0
VALVE = Channel(CLOCK, ("open", "open", None, "ajar", "closed", "closed"))
LOG = Channel(np.array([0.0, 4.1, 9.0, 4.0]), ("on", "WARNING", "off", "late error"))
WHOLE = Recording(
    "a",
    "rig",
    np.datetime64("2026-01-01", "us"),
    ("p",),
    np.arange(6.0)[:, None],
    channels={"valve": VALVE, "log": LOG},
)
EXPECTED = np.array(
    [  # p, valve: closed, open, other, log: lines, warnings, errors, length, templates, delay
        [0, 0, 1, 0, 1, 0, 0, 2, 1, 0],
        [1, 0, 1, 0, 0, 0, 0, 0, 0, 0],
        [2, np.nan, np.nan, np.nan, 2, 1, 1, 17, 2, 5],
        [3, 0, 0, 1, 0, 0, 0, 0, 0, 0],
        [4, 1, 0, 0, 0, 0, 0, 0, 0, 0],
        [5, 1, 0, 0, 1, 0, 0, 3, 1, 0],
    ]
)


def _reason(recording: Recording) -> str:
    with pytest.raises(SampleError) as caught:
        place(recording, PROCESS, "completion")
    assert "expected" in caught.value.detail
    assert "found" in caught.value.detail
    assert caught.value.sample_id == "a"
    return caught.value.reason


def test_channels_stand_beside_the_readings():
    placed = place(WHOLE, PROCESS, "completion")
    assert_array_equal(placed.values, EXPECTED)
    assert (placed.received, placed.disordered, placed.unknown) == (6, 0, ())


def test_they_are_as_complete_as_they_came_however_many_readings_did():
    thinned = replace(WHOLE, values=WHOLE.values[[5, 0]], times_s=CLOCK[[5, 0]])
    placed = place(thinned, PROCESS, "completion")
    assert_array_equal(placed.values[:, 1:], EXPECTED[:, 1:])
    assert_array_equal(placed.values[:, 0], [0, *[np.nan] * 4, 5])
    assert (placed.received, placed.disordered) == (2, 1)


def test_a_channel_that_did_not_come_is_missing_and_a_silent_log_is_not():
    placed = place(replace(WHOLE, channels={"log": Channel(np.empty(0), ())}), PROCESS, "completion")
    assert np.isnan(placed.values[:, 1:4]).all()
    assert_array_equal(placed.values[:, 4:], np.zeros((6, 6)))
    assert np.isnan(place(replace(WHOLE, channels={}), PROCESS, "completion").values[:, 1:]).all()


def test_former_names_count_and_unknown_ones_are_told():
    placed = place(replace(WHOLE, channels={"tap": VALVE, "log": LOG, "smell": LOG}), PROCESS, "completion")
    assert_array_equal(placed.values, EXPECTED)
    assert placed.unknown == ("smell",)


def test_channels_alone_make_a_recording():
    placed = place(replace(WHOLE, sensors=(), values=np.empty((6, 0))), PROCESS, "completion")
    assert_array_equal(placed.values[:, 1:], EXPECTED[:, 1:])
    assert _reason(replace(WHOLE, sensors=(), values=np.empty((6, 0)), channels={})) == "columns"


def test_the_horizon_shows_what_had_come_by_then():
    assert_array_equal(place(cut(WHOLE, 3, 2.0), PROCESS, "horizon").values, EXPECTED[:3] - _late_then())
    assert cut(WHOLE, 3, 2.0).channels["log"].items == ("on", "WARNING", "late error")


def _late_then() -> np.ndarray:
    """The line of 9 s had not come: the late one was behind that of 4.1 s alone."""
    late = np.zeros((3, 10))
    late[2, -1] = 5.0 - (4.1 - 4.0)
    return late


def test_encoded_columns_may_be_sent_as_sensors():
    names = ("p", "valve_closed", "valve_open", "valve_other")
    sent = replace(WHOLE, sensors=names, values=EXPECTED[:, :4], channels={"log": LOG})
    assert_array_equal(place(sent, PROCESS, "completion").values, EXPECTED)


WRONG = {
    "a channel twice": ({"valve": VALVE, "tap": VALVE}, "columns"),
    "too few times": ({"valve": Channel(CLOCK[:5], VALVE.items)}, "columns"),
    "a time that is none": ({"log": Channel(np.array([np.nan]), ("x",))}, "time"),
    "a time without end": ({"log": Channel(np.array([np.inf]), ("x",))}, "time"),
    "too many items": ({"log": Channel(np.zeros(MAX_ITEMS + 1), ("x",) * (MAX_ITEMS + 1))}, "too_many_rows"),
}


@pytest.mark.parametrize(("channels", "reason"), WRONG.values(), ids=WRONG)
def test_what_is_no_channel_is_refused(channels, reason):
    assert _reason(replace(WHOLE, channels=channels)) == reason


def test_a_column_that_came_encoded_too_is_refused():
    both = replace(WHOLE, sensors=("valve_open",), values=np.ones((6, 1)))
    assert _reason(both) == "columns"


def test_a_batch_that_is_reused_is_overwritten():
    room = np.full((6, 10), 7.0)
    place_rows(WHOLE, PROCESS, 6, with_target=False, into=room)
    assert_array_equal(room, EXPECTED)
