"""A categorical sensor: one column of 0 and 1 for each category."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, Field, field_validator

from dq_pipeline.encode.encoder import Column, Encoder, Item, as_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

OTHER = "other"
"""Name of the column of values that the process file does not list."""
_Category = Annotated[str, BeforeValidator(as_text), Field(min_length=1, max_length=200)]


class Categories(Encoder):
    """A column for each category, 1 where the sensor shows it, and one for any value that is not listed.

    The mean of a column over rows is the category's share in them. A missing reading is missing in all columns.

    Examples
    --------
    >>> valve = Categories(categories=("closed", "open"))
    >>> [column.name for column in valve.columns]
    ['closed', 'open', 'other']
    >>> valve.measure(["open", None, "stuck"]).tolist()
    [[0.0, 1.0, 0.0], [nan, nan, nan], [0.0, 0.0, 1.0]]
    """

    every_rows: int | None = Field(1, ge=1, le=1_000_000)
    categories: tuple[_Category, ...] = Field(min_length=1, max_length=100)

    @field_validator("categories")
    @classmethod
    def _different(cls, categories: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(categories)) < len(categories):
            raise ValueError("each category once")
        return categories

    @cached_property
    def names(self) -> Mapping[str, str]:
        """Category -> name of its column: its letters and digits, numbered where two would be called the same."""
        names: dict[str, str] = {}
        taken = {OTHER}
        for category in self.categories:
            name = wanted = re.sub(r"[^A-Za-z0-9_]+", "_", category)[:40] or "_"
            number = 1
            while name in taken:
                number += 1
                name = f"{wanted}_{number}"
            names[category] = name
            taken.add(name)
        return names

    @property
    def columns(self) -> tuple[Column, ...]:
        listed = (Column(name, "1", (0.0, 1.0)) for name in self.names.values())
        return (*listed, Column(OTHER, "1", (0.0, 0.5)))

    def measure(self, items: Sequence[Item]) -> NDArray[np.float64]:
        import numpy as np

        place: dict[Any, int] = {category: j for j, category in enumerate(self.categories)}
        code = np.array([-1 if item is None else place.get(item, len(place)) for item in items], np.int64)
        columns = np.vstack([np.eye(len(place) + 1), np.full(len(place) + 1, np.nan)])
        return np.asarray(columns[code])
