"""Lines of a log: how many, how grave, how new."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, field_validator

from dq_pipeline.encode.encoder import DELAY, Column, Encoder, Item

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LONGEST = 2000
"""Letters of a line that are looked at."""
_COUNT = (0.0, 1e6)
_CHANGING = re.compile(r"0[xX][0-9a-fA-F]+|[0-9a-fA-F]{8,}|\d+")


class LogLines(Encoder):
    """Of each row: lines, warnings and errors among them, their letters, and lines unlike any before in the recording.

    A line is a warning or an error by the words in it. Two lines are alike if they differ in numbers alone. With
    `every_rows` at least one line is expected in so many rows (a heartbeat), and what is longer silent is missing;
    without it, silence is 0 lines.

    Examples
    --------
    >>> log = LogLines()
    >>> [column.name for column in log.columns]
    ['lines', 'warnings', 'errors', 'length', 'templates', 'delay']
    >>> log.measure(["pump 3 on", "WARN: slow", "pump 12 on"]).tolist()
    [[1.0, 0.0, 0.0, 9.0, 1.0], [1.0, 1.0, 0.0, 10.0, 1.0], [1.0, 0.0, 0.0, 10.0, 0.0]]
    """

    counts: ClassVar[bool] = True
    warnings: tuple[str, ...] = Field(("warn", "warning"), max_length=50)
    errors: tuple[str, ...] = Field(("error", "fatal", "critical", "exception"), max_length=50)

    @field_validator("warnings", "errors")
    @classmethod
    def _words(cls, words: tuple[str, ...]) -> tuple[str, ...]:
        if not all(0 < len(word) <= 100 for word in words):
            raise ValueError("words of 1 to 100 letters")
        return words

    @property
    def columns(self) -> tuple[Column, ...]:
        counted = (Column(name, "1", _COUNT) for name in ("lines", "warnings", "errors", "length", "templates"))
        return (*counted, DELAY)

    def measure(self, items: Sequence[Item]) -> NDArray[np.float64]:
        import numpy as np

        warning, error = _any_of(self.warnings), _any_of(self.errors)
        found = np.full((len(items), 5), np.nan)
        known: set[str] = set()
        for i, item in enumerate(items):
            if not isinstance(item, str):
                continue
            line = item[:LONGEST]
            template = _CHANGING.sub("#", line)
            grave = error.search(line) is not None
            found[i] = (1, not grave and warning.search(line) is not None, grave, len(item), template not in known)
            known.add(template)
        return found


def _any_of(words: Sequence[str]) -> re.Pattern[str]:
    """Finds any of the words, as words and in any case; of none, nothing."""
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, words))})\b" if words else r"(?!)", re.IGNORECASE)
