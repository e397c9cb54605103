"""What a recording holds that is no number, and the sensors that come of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.encode.encoder import Item, as_text
from dq_pipeline.encode.placing import placed, row_of
from dq_pipeline.errors import SampleError
from dq_pipeline.process import Process

ROWS_FACTOR = 4
"""A message may hold so many times `sample.rows` rows, repeated and late ones included."""
MAX_ITEMS = 100_000
"""Of a channel, or :data:`ROWS_FACTOR` times the rows where those are more."""


@dataclass(frozen=True, slots=True, eq=False)
class Channel:
    """Items in the order received, each with its time.

    Attributes
    ----------
    times_s
        (n,) seconds since the recording's start.
    items
        n texts, or bytes; None where nothing came, as in a row of a column.
    """

    times_s: NDArray[np.float64]
    items: tuple[Item, ...]

    def take(self, chosen: NDArray[np.bool_]) -> Channel:
        """The chosen items."""
        return Channel(self.times_s[chosen], tuple(self.items[i] for i in np.flatnonzero(chosen)))


def place_channels(
    channels: Mapping[str, Channel], process: Process, grid: NDArray[np.float64], sample_id: str
) -> tuple[str, ...]:
    """Write the columns of every channel that the process file names; returns the names of the others.

    Former names count. A channel that did not come leaves its columns as they are: missing.

    Parameters
    ----------
    grid : (rows, f)
        One recording, overwritten in the channels' columns.

    Raises
    ------
    SampleError
        If a channel or one of its columns came twice, or its items must not be read.
    """
    if not channels:
        return ()
    today, unknown, seen = process.channels, [], set()
    for sent, channel in channels.items():
        name = today.get(sent)
        if name is None:
            unknown.append(sent)
            continue
        columns = [process.sensor_names.index(column) for column in process.encoded[name].sensors(name)]
        if name in seen or not np.isnan(grid[:, columns]).all():
            raise SampleError("columns", f"expected {name} once; found it twice, once as {sent}", sample_id)
        seen.add(name)
        _check(sent, channel, max(MAX_ITEMS, ROWS_FACTOR * process.sample.rows), sample_id)
        items = [as_text(item) for item in channel.items]
        try:
            period_s = process.sample.period_s
            grid[:, columns] = placed(items, channel.times_s, process.encoded[name].built, len(grid), period_s)
        except SampleError as error:
            raise SampleError(error.reason, f"channels.{sent}: {error.detail}", sample_id) from None
    return tuple(unknown)


def clock(times_s: NDArray[np.float64] | None, rows: int, period_s: float) -> NDArray[np.float64]:
    """Seconds since the start of each row: as sent, or by its position."""
    return np.asarray(np.arange(rows) * period_s, np.float64) if times_s is None else times_s


def cut_channels(channels: Mapping[str, Channel], rows: int, period_s: float) -> dict[str, Channel]:
    """The items of the first `rows` rows by the clock."""
    return {name: one.take(row_of(one.times_s, period_s) < rows) for name, one in channels.items()}


def _check(name: str, channel: Channel, most: int, sample_id: str) -> None:
    times, count = channel.times_s, len(channel.items)
    if times.shape != (count,):
        raise SampleError("columns", f"channels.{name}: expected {count} times; found {times.shape}", sample_id)
    if count > most:
        raise SampleError("too_many_rows", f"channels.{name}: expected at most {most} items; found {count}", sample_id)
    if not np.isfinite(times).all():
        raise SampleError("time", f"channels.{name}: expected a time for each item; found one without", sample_id)
