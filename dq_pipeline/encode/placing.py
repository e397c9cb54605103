"""Items with a clock of their own as columns on a recording's grid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.encode.encoder import DELAY, Encoder, Item

Floats = NDArray[np.float64]


def row_of(times_s: Floats, period_s: float) -> Floats:
    """The row that each time belongs to, as a whole number that may lie anywhere."""
    with np.errstate(over="ignore"):
        return np.asarray(np.floor(times_s / period_s + 0.5))


def placed(items: Sequence[Item], times_s: Floats, encoder: Encoder, rows: int, period_s: float) -> Floats:
    """The columns of a channel, one row each `period_s`; NaN where nothing came for it.

    Row = round(time / period), and what lies beyond the grid is dropped. How late an item came is told by its column,
    if the encoder has one: it lies behind the latest time among the items before it.

    Parameters
    ----------
    items
        n items in the order received; None is none.
    times_s
        (n,) finite, seconds since the start.

    Returns
    -------
    (rows, k)
        By the encoder's columns.

    Examples
    --------
    >>> from dq_pipeline.encode.categories import Categories
    >>> valve = Categories(categories=("open",), every_rows=2)
    >>> placed(["open", "ajar"], np.array([0.0, 3.0]), valve, 5, 1.0)[:, 0].tolist()
    [1.0, 1.0, nan, 0.0, 0.0]
    """
    at = row_of(times_s, period_s)
    inside = np.flatnonzero((at >= 0) & (at < rows)).tolist()
    kept = np.array([i for i in inside if items[i] is not None], np.int64)
    row, columns = at[kept].astype(np.int64), encoder.columns
    delayed = columns[-1] == DELAY
    order = np.argsort(times_s[kept], kind="stable")
    measured = np.empty((kept.size, len(columns)))
    measured[order, : len(columns) - delayed] = encoder.measure([items[i] for i in kept[order].tolist()])
    if delayed:
        measured[:, -1] = (np.maximum.accumulate(times_s) - times_s)[kept]
    last = np.full(rows, 0 if encoder.counts else -rows) - 1  # a recording's start counts as a line of its log
    last[row] = row
    last = np.maximum.accumulate(last)
    grid = _added(measured, row, rows, delayed) if encoder.counts else _first(measured, row, rows)[np.maximum(last, 0)]
    grid[np.arange(rows) - last >= min(encoder.every_rows or rows + 1, rows + 1)] = np.nan
    return grid


def _added(measured: Floats, row: NDArray[np.int64], rows: int, delayed: bool) -> Floats:
    """Sums of the items of each row, and the longest of their delays."""
    grid = np.zeros((rows, measured.shape[1]))
    np.add.at(grid, row, np.nan_to_num(measured))
    if delayed:
        grid[:, -1] = 0.0
        np.maximum.at(grid[:, -1], row, measured[:, -1])
    return grid


def _first(measured: Floats, row: NDArray[np.int64], rows: int) -> Floats:
    """Of each row the first reading received, which reversed assignment leaves last."""
    grid = np.full((rows, measured.shape[1]), np.nan)
    for j, column in enumerate(measured.T):
        there = ~np.isnan(column)
        grid[row[there][::-1], j] = column[there][::-1]
    return grid
