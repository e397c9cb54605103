"""What an encoder is. Light to import: process files are read where Airflow parses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Item = str | bytes | None
"""One thing that a channel brought: a category, a line of a log, an image (its bytes, or base64 of them)."""


class Column(NamedTuple):
    """One numeric column: the sensor `<channel>_<name>`, its unit and what it can physically show."""

    name: str
    unit: str
    range: tuple[float, float]


DELAY = Column("delay", "s", (0.0, 86_400.0))
"""How far behind the latest one that had come an item came; 0 in order. Filled for each encoder that has it last."""


class Encoder(BaseModel, ABC):
    """Numeric columns for one channel. Its fields are the options that a process file may give.

    An encoder is not fitted: what an item becomes depends on the options and the recording alone.

    Attributes
    ----------
    every_rows
        An item stands for so many rows at most: behind them the columns are missing until the next. None: for all.
    counts
        Whether items of a row add up, and a row without any is 0. If not, an item's values stand until the next item
        comes, and of several in one row the first received stands, as of readings.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    counts: ClassVar[bool] = False
    every_rows: int | None = Field(None, ge=1, le=1_000_000)

    @property
    @abstractmethod
    def columns(self) -> tuple[Column, ...]:
        """What it makes, in order; :data:`DELAY`, if it is wanted, last."""

    @abstractmethod
    def measure(self, items: Sequence[Item]) -> NDArray[np.float64]:
        """The columns of each item but :data:`DELAY`, (n, k); NaN for an item that is missing or cannot be read.

        Parameters
        ----------
        items
            n items of one recording, in the order of their times. They come from a stream: trust nothing.

        Raises
        ------
        dq_pipeline.errors.SampleError
            If they must not be read at all; the recording is quarantined.
        """


def as_text(value: Any) -> Any:
    """A category as text, however it was written; bytes and what is missing stay.

    Examples
    --------
    >>> [as_text(value) for value in ("open", 3, 3.0, 2.5, True, None, "")]
    ['open', '3', '3', '2.5', 'true', None, None]
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if value != value:
            return None
        return str(int(value)) if value.is_integer() else str(value)
    return str(value) if isinstance(value, int) else (value or None)
