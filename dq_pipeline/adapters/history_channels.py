"""Columns of a history that are no numbers: categories, lines of a log, images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dq_pipeline.adapters.history_columns import is_text
from dq_pipeline.channels import Channel
from dq_pipeline.encode.encoder import Item
from dq_pipeline.errors import ConfigurationError
from dq_pipeline.process import Process


@dataclass(frozen=True, eq=False)
class Cells:
    """One channel's cells, row by row; `lined` if a cell may hold several items, one a line."""

    cells: list[Any]
    lined: bool

    def channel(self, rows: NDArray[np.int64], times_s: NDArray[np.float64]) -> Channel:
        """The items of these rows, each with its row's time; an empty cell is none."""
        times: list[float] = []
        items: list[Item] = []
        for row, time in zip(rows.tolist(), times_s.tolist(), strict=True):
            cell = self.cells[row]
            found = cell.splitlines() if self.lined and isinstance(cell, str) else [cell]
            items += found
            times += [time] * len(found)
        return Channel(np.array(times, np.float64), tuple(items))


def cells_of(table: pa.Table, columns: Mapping[str, str], process: Process) -> dict[str, Cells]:
    """The channels' cells; `columns` says which column of the table is which channel.

    Raises
    ------
    ConfigurationError
        If a column holds neither text, bytes nor codes.
    """
    found: dict[str, Cells] = {}
    for name, column in columns.items():
        kind = table[column].type
        code = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
        binary = pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
        if not (is_text(kind) or code or binary or pa.types.is_null(kind)):
            raise ConfigurationError(f"history: expected text, bytes or codes in column {column}; found {kind}")
        found[name] = Cells(table[column].to_pylist(), process.encoded[name].built.counts)
    return found
