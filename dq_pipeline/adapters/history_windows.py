"""Recordings cut from a continuous table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dq_pipeline.adapters.history_channels import cells_of
from dq_pipeline.adapters.history_columns import moments, numbers
from dq_pipeline.adapters.history_layout import EPOCH, Floats, Layout, first_words
from dq_pipeline.adapters.history_source import Source
from dq_pipeline.channels import Channel
from dq_pipeline.encode.placing import row_of
from dq_pipeline.process import Process
from dq_pipeline.recording import Recording


@dataclass(frozen=True, eq=False)
class _Grid:
    """One group of a continuous table, resampled: row i holds what was read i periods after the start."""

    name: str
    start: np.datetime64
    values: Floats
    target: Floats | None
    metadata: Mapping[str, str]
    channels: Mapping[str, Channel]


class WindowHistory:
    """Recordings cut from a continuous table: `window_rows` on the clock, every `stride_rows`, within each group.

    Of several rows of one time the first stands, gaps are missing, groups follow each other by their start, and windows
    without any target are dropped.
    """

    def __init__(self, process: Process, source: Source) -> None:
        self._process, self._source = process, source
        self._layout = Layout.of(process, source)

    def ids(self) -> list[str]:
        """All ids, group by group."""
        return [f"{grid.name}@{first:06d}" for grid, first in self._windows]

    def count(self) -> int:
        """How many recordings there are."""
        return len(self._windows)

    def index(self) -> bytes:
        """Nothing: windows are cut from rows, all of which must be read."""
        return b""

    def indexed(self, index: bytes) -> WindowHistory:  # noqa: ARG002
        """Itself."""
        return self

    def read_chunk(self, first: int, stop: int) -> list[Recording]:
        """The recordings of these positions."""
        return [self._recording(grid, row) for grid, row in self._windows[first:stop]]

    @cached_property
    def _windows(self) -> list[tuple[_Grid, int]]:
        history, target = self._process.history, self._process.target
        length = history.window_rows or self._process.sample.rows
        lower, upper = target.rows or (0, length)
        windows = []
        for grid in self._grids():
            raw = grid.target
            for first in range(0, len(grid.values) - length + 1, history.stride_rows or length):
                known = raw is None or not np.isnan(raw[first + lower : first + min(upper, length)]).all()
                blind = bool(self._layout.names) and np.isnan(grid.values[first : first + length]).all()
                if known and not blind:
                    windows.append((grid, first))
        return windows

    def _grids(self) -> list[_Grid]:
        process, layout, history = self._process, self._layout, self._process.history
        table = self._source.read(layout.wanted)
        moment = moments(table, str(history.time), process.sample.timezone)
        if moment is None:
            seconds = numbers(table, str(history.time))
            moment = EPOCH + np.round(seconds * 1e6).astype("timedelta64[us]")
        values, target, texts = layout.values(table), layout.targets(table, process), layout.texts(table)
        cells = cells_of(table, layout.channels, process)
        grids = []
        for name, rows in _groups(table, history.group, process.name):
            mine = rows[np.argsort(moment[rows], kind="stable")]
            since_us = (moment[mine] - moment[mine[0]]).astype(np.int64)
            row, kept = np.unique(np.floor(since_us / (process.sample.period_s * 1e6) + 0.5), return_index=True)
            grids.append(
                _Grid(
                    name=name,
                    start=moment[mine[0]],
                    values=_resampled(values[mine[kept]], row.astype(np.int64)),
                    target=None if target is None else _resampled(target[mine[kept]], row.astype(np.int64)),
                    metadata=first_words(texts, mine),
                    channels={name: one.channel(mine, since_us / 1e6) for name, one in cells.items()},
                )
            )
        return sorted(grids, key=lambda grid: (grid.start, grid.name))

    def _recording(self, grid: _Grid, first: int) -> Recording:
        length, period_s = self._process.history.window_rows or 0, self._process.sample.period_s
        values = grid.values[first : first + length]
        target = None if grid.target is None else grid.target[first : first + length]
        there = ~np.isnan(values).all(axis=1) if target is None else ~(np.isnan(values).all(axis=1) & np.isnan(target))
        return Recording(
            sample_id=f"{grid.name}@{first:06d}",
            source=self._process.name,
            start=grid.start + np.timedelta64(round(first * period_s * 1e6), "us"),
            sensors=self._layout.names,
            values=values[there],
            times_s=np.asarray(np.flatnonzero(there) * period_s, np.float64),
            target=None if target is None else target[there],
            metadata=grid.metadata,
            channels={name: _between(one, first, first + length, period_s) for name, one in grid.channels.items()},
        )


def _between(channel: Channel, first: int, stop: int, period_s: float) -> Channel:
    """The items of these rows, with their times from the first on; they are in the order of their times."""
    begin, end = np.searchsorted(row_of(channel.times_s, period_s), (first, stop))
    return Channel(channel.times_s[begin:end] - first * period_s, channel.items[begin:end])


def _groups(table: pa.Table, group: str | None, name: str) -> list[tuple[str, NDArray[np.int64]]]:
    """Rows of each group, by its name."""
    if group is None:
        return [(name, np.arange(table.num_rows))] if table.num_rows else []
    codes = pc.dictionary_encode(table[group].combine_chunks())
    code = codes.indices.to_numpy(zero_copy_only=False)
    return [(str(text), np.flatnonzero(code == i)) for i, text in enumerate(codes.dictionary.to_pylist())]


def _resampled(values: Floats, row: NDArray[np.int64]) -> Floats:
    grid = np.full((int(row[-1]) + 1, *values.shape[1:]), np.nan)
    grid[row] = values
    return grid
