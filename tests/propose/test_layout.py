from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dq_pipeline.errors import ConfigurationError
from dq_pipeline.propose.layout import Asked, lay_out
from dq_pipeline.propose.overview import Column, Overview

N, ROWS = 50, 10
EPOCH_US = 1.6e15


def _column(name: str, head, kind="number", values=("a", "b")) -> Column:
    head = np.asarray(head, np.float64)
    if kind != "number":
        return Column(name, kind, head, len(head), values=values if kind == "text" else ())
    found = head[~np.isnan(head)]
    low, middle, high = np.quantile(found, (0.001, 0.5, 0.999))
    return Column(name, "number", head, found.size, found.min(), found.max(), (low, middle, high))


def _overview(*columns: Column, whole: bool = True) -> Overview:
    return Overview({column.name: column for column in columns}, len(columns[0].head), whole)


RUN = _column("run", np.repeat(np.arange(N), ROWS))
SECONDS = _column("t_s", np.tile(0.1 * np.arange(ROWS), N))
MOMENTS = _column("when", EPOCH_US + 5e6 * np.arange(N * ROWS), "moment")
READING = _column("p", np.random.default_rng(0).normal(size=N * ROWS))


def test_blocks_of_equal_length_are_recordings():
    found = lay_out(_overview(RUN, SECONDS, READING), Asked())
    assert (found.sample, found.time, found.start, found.group) == ("run", "t_s", None, None)
    assert (found.period_s, found.rows) == (0.1, ROWS)
    assert found.keys == {"run", "t_s"}
    assert len(found.notes) == 2


def test_a_reading_that_is_called_t_is_no_clock():
    noise = replace(READING, name="t")
    assert lay_out(_overview(RUN, noise), Asked()).time is None
    assert lay_out(_overview(RUN, noise), Asked(sample="run")).time is None


def test_what_is_named_is_not_guessed_and_not_told():
    found = lay_out(_overview(RUN, SECONDS, READING), Asked(sample="run", time="t_s", rows=7, period_s=0.2))
    assert (found.rows, found.period_s, found.notes) == (7, 0.2, ())


def test_a_clock_that_starts_anew_tells_recordings_of_any_length():
    lengths = np.random.default_rng(1).integers(5, 60, 30)
    run = _column("run", np.repeat(np.arange(30), lengths))
    clock = _column("t", np.concatenate([2.0 * np.arange(length) for length in lengths]))
    found = lay_out(_overview(run, clock), Asked())
    assert found.sample == "run"
    assert found.rows == round(np.median(lengths - 1)) + 1


def test_a_moment_that_stands_still_within_a_recording_is_its_start():
    start = _column("began", np.repeat(EPOCH_US + 1e9 * np.arange(N), ROWS), "moment")
    found = lay_out(_overview(start, RUN, SECONDS, READING), Asked())
    assert (found.sample, found.time, found.start) == ("run", "t_s", "began")
    alone = lay_out(_overview(start, RUN, READING), Asked())
    assert (alone.time, alone.start, alone.period_s) == (None, "began", 1.0)
    assert any("--period" in note for note in alone.notes)


def test_recordings_may_carry_moments():
    found = lay_out(_overview(RUN, MOMENTS, READING), Asked())
    assert (found.sample, found.time, found.period_s, found.rows) == ("run", "when", 5.0, ROWS)


def test_a_few_long_blocks_beside_a_clock_are_groups_and_no_recordings():
    recipe = _column("recipe", np.repeat([0, 1], N * ROWS // 2), "text")
    found = lay_out(_overview(MOMENTS, recipe, READING), Asked(rows=20, stride=5))
    assert (found.sample, found.time, found.group) == (None, "when", "recipe")
    assert (found.rows, found.stride) == (20, 5)


def test_files_that_overlap_in_time_are_groups():
    twice = replace(MOMENTS, head=np.repeat(EPOCH_US + 5e6 * np.arange(N * ROWS // 2), 2))
    file = _column("file", np.tile([0, 1], N * ROWS // 2), "text")
    shift = _column("shift", np.tile([0, 0, 1, 1], N * ROWS // 4), "text")
    assert lay_out(_overview(twice, shift, file), Asked()).group == "file"
    assert lay_out(_overview(MOMENTS, shift, file), Asked()).group is None
    assert lay_out(_overview(twice, shift, file), Asked(ignored=("file",))).group is None


def test_a_clock_that_jitters_has_the_period_it_means():
    rng = np.random.default_rng(2)
    jittered = replace(MOMENTS, head=MOMENTS.head + rng.normal(0, 2e3, N * ROWS))
    assert lay_out(_overview(jittered, READING), Asked()).period_s == 5.0
    thirds = replace(MOMENTS, head=EPOCH_US + np.round(np.arange(N * ROWS) * 1e6 / 3))
    assert lay_out(_overview(thirds, READING), Asked()).period_s == pytest.approx(1 / 3, abs=1e-6)


def test_missing_rows_shorten_no_recording():
    kept = np.random.default_rng(3).random(N * ROWS) > 0.2
    kept[::ROWS] = kept[ROWS - 1 :: ROWS] = True
    columns = (replace(column, head=column.head[kept]) for column in (RUN, SECONDS, READING))
    found = lay_out(_overview(*columns), Asked())
    assert (found.sample, found.rows, found.period_s) == ("run", ROWS, 0.1)


def test_rows_in_any_order_are_recordings_where_the_column_is_named():
    order = np.random.default_rng(4).permutation(N * ROWS)
    columns = [replace(column, head=column.head[order]) for column in (RUN, SECONDS, READING)]
    found = lay_out(_overview(*columns), Asked(sample="run"))
    assert (found.period_s, found.rows) == (0.1, ROWS)


@pytest.mark.parametrize(
    ("columns", "asked", "expected"),
    [
        ((READING,), Asked(), "found neither among p"),
        ((READING, RUN), Asked(stride=5), "found neither among"),
        ((RUN, SECONDS), Asked(time="when"), "--time: expected a column of run, t_s"),
        ((RUN, SECONDS), Asked(start="t_s"), "--start: expected times"),
        ((RUN, _column("word", RUN.head, "text")), Asked(time="word"), "ISO 8601"),
        ((READING, SECONDS), Asked(sample="p"), "recordings of several rows"),
    ],
    ids=["nothing", "no clock", "unknown", "no moments", "unparsable", "one row each"],
)
def test_what_does_not_serve_is_refused(columns, asked, expected):
    with pytest.raises(ConfigurationError, match=expected):
        lay_out(_overview(*columns), asked)
