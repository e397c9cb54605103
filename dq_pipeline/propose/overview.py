"""A table as a proposal sees it: the first rows of each column, and figures of all rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.errors import ConfigurationError

Floats = NDArray[np.float64]
Kind = Literal["number", "moment", "text", "other"]

MAX_CLASSES = 20
"""A column of text with more different values is no list of classes."""


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One column of a table.

    Attributes
    ----------
    kind
        "number", "moment" (a date with a time), "text", or "other", which nothing can be made of.
    head : (h,)
        The first rows: float64, microseconds since 1970 as float64, or a code for each different text; missing is NaN.
    seen
        Readings in all rows.
    lowest, highest
        Of all readings; NaN without any.
    quantiles
        0.1 %, 50 % and 99.9 % of the readings.
    values
        The different texts in order, at most one more than :data:`MAX_CLASSES`.
    """

    name: str
    kind: Kind
    head: Floats
    seen: int = 0
    lowest: float = np.nan
    highest: float = np.nan
    quantiles: tuple[float, float, float] = (np.nan, np.nan, np.nan)
    values: tuple[str, ...] = ()

    @property
    def constant(self) -> bool:
        """Whether it holds one value, or none."""
        if self.kind == "number":
            return not self.lowest < self.highest
        return len(self.values) <= 1 if self.kind == "text" else False


@dataclass(frozen=True, slots=True, eq=False)
class Overview:
    """A table: its columns by name, how many rows it has, and whether the heads hold them all."""

    columns: dict[str, Column]
    rows: int
    whole: bool

    def of_kind(self, *kinds: str) -> list[Column]:
        """The columns of these kinds, in the table's order."""
        return [column for column in self.columns.values() if column.kind in kinds]

    def column(self, name: str, option: str, *kinds: str) -> Column:
        """A column that was asked for by name.

        Raises
        ------
        ConfigurationError
            If there is none, or it is of another kind.
        """
        column = self.columns.get(name)
        if column is None:
            raise ConfigurationError(f"{option}: expected a column of {', '.join(self.columns)}; found {name!r}")
        if kinds and column.kind not in kinds:
            raise ConfigurationError(f"{option}: expected {_WORDS[kinds[0]]} in column {name}; found {_found(column)}")
        return column


_WORDS: dict[Any, str] = {
    "number": "numbers",
    "moment": "times, as 2026-01-31 12:00:00 (ISO 8601) or seconds,",
    "text": "text",
}


def told(column: Column) -> str:
    """A column's name, and what a column of text holds."""
    return f"{column.name} ({_found(column)})" if column.kind == "text" else column.name


def _found(column: Column) -> str:
    if column.kind == "text" and column.values:
        return f"text, as {column.values[0]!r}"
    return {"number": "numbers", "moment": "times", "text": "nothing"}.get(column.kind, "something else")
