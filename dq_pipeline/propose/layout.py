"""How a table holds recordings: told apart by a column, or to be cut from a continuous table by its clock."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.errors import ConfigurationError
from dq_pipeline.propose.overview import Column, Floats, Overview, told

WINDOW_ROWS = 60
"""Rows of a recording that is cut from a continuous table, where nobody said how many."""

LEAST = 41
"""Recordings without which nothing can be learned (40) and predicted (1)."""

MIN_ROWS = 3
_CLOCK = re.compile(r"^(t|time|sec|secs|seconds?|elapsed|timestamp)(_?s|_?sec|_?seconds)?$", re.IGNORECASE)
_ALIKE, _MOSTLY, _RISING = 0.2, 0.8, 0.6
_TIME = "{} is taken for the rows' time (`--time`)"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the person who asks for a proposal knows already; None: find out."""

    sample: str | None = None
    time: str | None = None
    start: str | None = None
    group: str | None = None
    period_s: float | None = None
    rows: int | None = None
    stride: int | None = None
    target: str | None = None
    horizon: int | None = None
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Layout:
    """Columns that say which recording a row belongs to, and when it was read; `notes` says how they were found.

    Without `sample`, windows of `rows` are cut every `stride` within each `group`. Without a clock `period_s` is 1.
    """

    sample: str | None
    time: str | None
    start: str | None
    group: str | None
    period_s: float
    rows: int
    stride: int | None
    notes: tuple[str, ...]

    @property
    def keys(self) -> set[str]:
        """Columns that are no readings."""
        return {name for name in (self.sample, self.time, self.start, self.group) if name is not None}


def lay_out(table: Overview, asked: Asked) -> Layout:
    """Find the columns of a table that are no readings, its period, and the rows of a recording.

    A column tells recordings apart if each of its values stands in one block of rows, and the clock starts anew with
    each, or the blocks are many and about equally long.

    Raises
    ------
    ConfigurationError
        If a column that was asked for is not there or does not serve, or nothing tells recordings apart and nothing
        says when rows were read.
    """
    if asked.period_s is not None and not asked.period_s > 0:
        raise ConfigurationError(f"--period: expected more than 0 s; found {asked.period_s:g}")
    for option, name in (("--start", asked.start), ("--sample", asked.sample), ("--group", asked.group)):
        if name is not None:
            kinds = ("moment",) if option == "--start" else ("number", "text", "moment")
            table.column(name, option, *kinds)
    clock = _clock(table, asked)
    sample, notes = asked.sample, []
    if sample is None and asked.group is None and asked.stride is None:
        sample = _guessed_sample(table, asked, clock)
        if sample is not None:
            notes.append(f"{sample} is taken to tell recordings apart (`--sample`)")
    if sample is None and clock is None:
        raise ConfigurationError(
            "expected a column that tells recordings apart (--sample) or one of times (--time); "
            f"found neither among {', '.join(map(told, table.columns.values()))}"
        )
    return _long(table, asked, sample, clock, notes) if sample else _continuous(table, asked, clock, notes)


def _long(table: Overview, asked: Asked, sample: str, clock: Column | None, notes: list[str]) -> Layout:
    code = _codes(table.columns[sample].head)
    start = asked.start
    if clock is not None and clock.kind == "moment" and _constant_within(clock.head, code):
        start = start or clock.name
        clock = next((column for column in _clocks(table, asked) if column.kind == "number"), None)
    elif start is None and clock is not None and clock.kind == "number":
        moments = (column for column in table.of_kind("moment") if column.name != sample)
        start = next((column.name for column in moments if _constant_within(column.head, code)), None)
    if clock is not None and asked.time != clock.name:
        notes.append(_TIME.format(clock.name))
    if start is not None and asked.start != start:
        notes.append(f"{start} is taken for the recordings' start (`--start`)")
    counts = np.bincount(code)[np.unique(code)]
    counts = counts if table.whole or len(counts) < 2 else counts[:-1]
    if np.median(counts) < MIN_ROWS:
        raise ConfigurationError(
            f"--sample: expected recordings of several rows, one row for each reading in time; found {len(counts)} "
            f"values of {sample} in {len(code)} rows. Name the column that tells recordings apart"
        )
    period_s = _period(clock, code, asked, notes)
    rows = asked.rows or int(np.median(counts))
    if clock is not None:
        first, last = _ends(clock.head, code)
        length_s = np.median(last - first) * _seconds(clock)
        rows = asked.rows or round(float(length_s) / period_s) + 1
        if clock.kind == "number" and np.median(first) > rows * period_s:
            raise ConfigurationError(
                f"--time: expected moments, or seconds since the recording's start; found recordings that begin at "
                f"{np.median(first):g} in {clock.name}. Write it as moments, or count it from each recording's start"
            )
    return Layout(sample, clock.name if clock else None, start, None, period_s, rows, None, tuple(notes))


def _continuous(table: Overview, asked: Asked, clock: Column | None, notes: list[str]) -> Layout:
    if clock is None:
        raise ConfigurationError("--group and --stride: expected a column of times (--time) to cut windows on")
    if asked.time is None:
        notes.append(_TIME.format(clock.name))
    group = asked.group
    if group is None:
        texts = (c for c in table.of_kind("text") if c.name not in (asked.target, *asked.ignored) and not c.constant)
        group = next((column.name for column in texts if _parts(column.head, clock.head)), None)
        if group is not None:
            notes.append(f"no window is cut across two values of {group} (`--group`)")
    code = np.zeros(len(clock.head), np.int64) if group is None else _codes(table.columns[group].head)
    period_s = _period(clock, code, asked, notes)
    rows = asked.rows or WINDOW_ROWS
    if asked.rows is None:
        notes.append(f"windows of {rows} rows are a guess (`--rows`)")
    return Layout(None, clock.name, None, group, period_s, rows, asked.stride or rows, tuple(notes))


def _clock(table: Overview, asked: Asked) -> Column | None:
    if asked.time is not None:
        return table.column(asked.time, "--time", "moment", "number")
    return next(iter(_clocks(table, asked)), None)


def _clocks(table: Overview, asked: Asked) -> list[Column]:
    """Columns that could be the rows' times: moments first, then numbers that are called so and go on as times do."""
    taken = {asked.sample, asked.start, asked.group, asked.target, *asked.ignored}
    code = None if asked.sample is None else _codes(table.columns[asked.sample].head)
    numbers = (c for c in table.of_kind("number") if _CLOCK.match(c.name) and _goes_on(c.head, code))
    return [column for column in (*table.of_kind("moment"), *numbers) if column.name not in taken]


def _goes_on(head: Floats, code: NDArray[np.int64] | None) -> bool:
    """Whether numbers mostly rise from row to row or, in rows of any order, by even steps within each recording."""
    if (np.diff(head) > 0).mean() > _RISING:
        return True
    if code is None:
        return False
    order = np.lexsort((head, code))
    steps = np.diff(head[order])[np.diff(code[order]) == 0]
    steps = steps[steps > 0]
    return steps.size > 0 and bool((np.abs(steps - np.median(steps)) <= _ALIKE * np.median(steps)).mean() > _RISING)


def _guessed_sample(table: Overview, asked: Asked, clock: Column | None) -> str | None:
    taken = {asked.target, asked.start, *asked.ignored, None if clock is None else clock.name}
    for column in table.of_kind("number", "text"):
        head = column.head
        whole = not np.isnan(head).any() and bool((head == np.floor(head)).all())
        if column.name in taken or column.constant or not whole or _again(head):
            continue
        blocks = _blocks(head)
        if not table.whole:
            blocks = blocks[:-1]
        if blocks.size < 2 or np.median(blocks) < MIN_ROWS:
            continue
        if clock is not None and _restarts(clock, head):
            return column.name
        few = clock is not None and table.whole and blocks.size < LEAST  # recipes or shifts, one after the other
        alike = np.abs(blocks - np.median(blocks)) <= _ALIKE * np.median(blocks)
        if alike.mean() >= _MOSTLY and not few:
            return column.name
    return None


def _blocks(head: Floats) -> NDArray[np.int64]:
    """Lengths of the runs of one value."""
    edges = np.flatnonzero(head[1:] != head[:-1]) + 1
    return np.diff(np.concatenate([[0], edges, [len(head)]]))


def _again(head: Floats) -> bool:
    """Whether a value comes back after another one stood there, or is missing."""
    return bool(np.isnan(head).any()) or _blocks(head).size > np.unique(head).size


def _parts(head: Floats, times: Floats) -> bool:
    """Whether each value stands in one block, or times come twice in the table and once beside each value."""
    if not _again(head):
        return True
    if np.isnan(head).any():
        return False
    apart = len(np.unique(np.column_stack([head, times]), axis=0))
    return len(np.unique(times)) < len(times) == apart


def _restarts(clock: Column, head: Floats) -> bool:
    edges = np.flatnonzero(head[1:] != head[:-1])
    return clock.kind == "number" and bool((clock.head[edges + 1] < clock.head[edges]).all())


def _codes(head: Floats) -> NDArray[np.int64]:
    return np.asarray(np.unique(head, return_inverse=True)[1], np.int64)


def _ends(head: Floats, code: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """First and last time of each recording."""
    first, last = np.full(code.max() + 1, np.inf), np.full(code.max() + 1, -np.inf)
    np.fmin.at(first, code, head)
    np.fmax.at(last, code, head)
    return first, last


def _constant_within(head: Floats, code: NDArray[np.int64]) -> bool:
    first, last = _ends(head, code)
    return bool((first == last).all())


def _seconds(clock: Column) -> float:
    return 1e-6 if clock.kind == "moment" else 1.0


def _period(clock: Column | None, code: NDArray[np.int64], asked: Asked, notes: list[str]) -> float:
    if asked.period_s is not None:
        return asked.period_s
    if clock is None:
        notes.append("no column of times was found: one row a second is a guess (`--period`)")
        return 1.0
    if missing := int(np.isnan(clock.head).sum()):
        raise ConfigurationError(f"--time: expected a time in each row of {clock.name}; found {missing} rows without")
    order = np.lexsort((clock.head, code))
    steps = np.diff(clock.head[order])[np.diff(code[order]) == 0]
    if not (steps > 0).any():
        raise ConfigurationError(f"--time: expected times that go on within a recording; found none in {clock.name}")
    return _round(float(np.median(steps[steps > 0])) * _seconds(clock))


def _round(period_s: float) -> float:
    """A period without the jitter of a clock, where a short number is near.

    Examples
    --------
    >>> _round(1.0004), _round(0.033333333), _round(0.1)
    (1.0, 0.0333333, 0.1)
    """
    short = float(f"{period_s:.2g}")
    return short if abs(short - period_s) <= 2e-3 * period_s else float(f"{period_s:.6g}")
