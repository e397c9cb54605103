"""Which column of a history is what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dq_pipeline.adapters.history_columns import is_text, numbers
from dq_pipeline.adapters.history_source import Source
from dq_pipeline.errors import ConfigurationError
from dq_pipeline.process import Process

EPOCH = np.datetime64("2020-01-01T00:00:00", "us")
"""Start of the first recording of a history without a wall clock; the others follow back to back."""

MAX_METADATA = 16

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Layout:
    """Which column of the source is what.

    Attributes
    ----------
    names, sensors
        Sensors that are numbers in the source, and their columns there.
    channels
        Channel that is no number -> its column.
    """

    names: tuple[str, ...]
    sensors: tuple[str, ...]
    channels: Mapping[str, str]
    target: str | None
    keys: tuple[str, ...]
    group: str | None
    others: tuple[str, ...]

    @property
    def wanted(self) -> list[str]:
        """All that must be read."""
        target = () if self.target is None else (self.target,)
        return list(dict.fromkeys((*self.keys, *self.sensors, *self.channels.values(), *target, *self.others)))

    @staticmethod
    def of(process: Process, source: Source) -> Layout:
        """Find every column, or say all that are missing."""
        there, history = set(source.columns), process.history
        former = {name: [name, *sensor.aliases] for name, sensor in process.sensors.items()}
        channels: dict[str, str | None] = {}
        for name, entry in process.encoded.items():
            channels[name] = next((column for column in (name, *entry.aliases) if column in there), None)
            made = entry.sensors(name)
            if channels[name] is None and there.issuperset(made):  # encoded already
                del channels[name]
            else:
                former = {name: names for name, names in former.items() if name not in made}
        sensors = {name: next((c for c in names if c in there), None) for name, names in former.items()}
        keys = [name for name in (history.id, history.time, history.start, history.group) if name is not None]
        target = process.target.column
        missing = [name for name, column in (*sensors.items(), *channels.items()) if column is None]
        missing += [name for name in (*keys, target) if name is not None and name not in there]
        if missing:
            found = ", ".join(source.columns)
            raise ConfigurationError(f"history: expected columns {', '.join(missing)}; found only {found}")
        columns = {name: column for name, column in sensors.items() if column is not None}
        coded = {name: column for name, column in channels.items() if column is not None}
        sent = None if target in sensors else target
        used = {*columns.values(), *coded.values(), *keys, sent}
        others = tuple(name for name in source.columns if name not in used)
        return Layout(tuple(columns), tuple(columns.values()), coded, sent, tuple(keys), history.group, others)

    def values(self, table: pa.Table) -> Floats:
        """(rows, sensors) readings."""
        found = [numbers(table, name) for name in self.sensors]
        return np.column_stack(found) if found else np.empty((table.num_rows, 0))

    def targets(self, table: pa.Table, process: Process) -> Floats | None:
        """(rows,) the target's raw column, unless it is a sensor or comes on its own."""
        return None if self.target is None else numbers(table, self.target, process.target.classes)

    def texts(self, table: pa.Table) -> dict[str, Any]:
        """Columns of text that say something about a recording."""
        group = () if self.group is None else (self.group,)
        named = [name for name in (*self.others, *group) if is_text(table[name].type)]
        return {name: table[name] for name in named[:MAX_METADATA]}


def first_words(texts: Mapping[str, Any], rows: Sequence[int] | NDArray[np.int64]) -> dict[str, str]:
    """What the first row of a recording says in words."""
    words = {name: column[int(rows[0])].as_py() for name, column in texts.items()}
    return {name: text for name, text in words.items() if text is not None}
