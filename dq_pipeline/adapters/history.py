"""Past recordings, as a process file's `history` describes them.

In long form a column tells recordings apart; otherwise windows are cut from a continuous table, resampled by its clock.
Text columns that are nothing else (recipe, shift, calibration id) become the recordings' metadata.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dq_pipeline.adapters.history_channels import cells_of
from dq_pipeline.adapters.history_columns import identifiers, moments, numbers
from dq_pipeline.adapters.history_layout import EPOCH, Floats, Layout, first_words
from dq_pipeline.adapters.history_source import Source, open_source
from dq_pipeline.adapters.history_windows import WindowHistory
from dq_pipeline.channels import clock
from dq_pipeline.errors import ConfigurationError
from dq_pipeline.process import Process
from dq_pipeline.recording import Recording


def read(
    process: Process,
    variables: Mapping[str, str],
    *,
    samples: slice | None = None,
    connection_url: str | None = None,
) -> list[Recording]:
    """Past recordings in time order.

    Parameters
    ----------
    variables
        DQ_DATA_DIR and DQ_LAKE_URI, for `history.uri`.
    samples
        Which of them, by position; None: the first `history.samples`.
    connection_url
        SQLAlchemy URL, for `history.table` and `history.query`.

    Raises
    ------
    ConfigurationError
        If the source or one of its columns is not as the process file says.
    """
    history = open_history(process, variables, connection_url)
    first, stop, step = (samples or slice(process.history.samples)).indices(history.count())
    return history.read_chunk(first, stop)[::step]


def open_history(
    process: Process, variables: Mapping[str, str], connection_url: str | None = None
) -> LongHistory | WindowHistory:
    """The history, to be read in chunks: `ids()`, `count()`, `read_chunk(first, stop)`."""
    source = open_source(process, variables, connection_url)
    return LongHistory(process, source) if process.history.id is not None else WindowHistory(process, source)


class LongHistory:
    """Recordings told apart by a column."""

    def __init__(self, process: Process, source: Source, index: bytes | None = None) -> None:
        self._process, self._source, self._index = process, source, index
        self._layout = Layout.of(process, source)
        self._id = str(process.history.id)

    @cached_property
    def _order(self) -> tuple[list[Any], list[str], NDArray[np.datetime64]]:
        """Raw ids, ids and starts, in time order (numeric ids without a clock: in theirs)."""
        if self._index is not None:
            known = pa.ipc.open_stream(self._index).read_all()
            raw = known["id"].to_pylist()
            return raw, identifiers(raw), known["start"].to_numpy().astype("datetime64[us]")
        history = self._process.history
        timed = history.start or history.time
        starts: dict[Any, int] = {}
        for part in self._source.parts([self._id] if timed is None else list(dict.fromkeys((self._id, timed)))):
            self._note(part, timed, starts)
        raw = list(starts)
        ids = identifiers(raw)
        if timed is not None and _UNTIMED not in starts.values():
            order = sorted(range(len(raw)), key=lambda i: (starts[raw[i]], ids[i]))
            chosen = np.array([starts[raw[i]] for i in order], np.int64).astype("datetime64[us]")
        else:
            order = list(range(len(raw)))
            if raw and not isinstance(raw[0], str):
                order.sort(key=lambda i: raw[i])
            chosen = EPOCH + (np.arange(len(raw)) * (self._process.sample.length_s * 1e6)).astype("timedelta64[us]")
        return [raw[i] for i in order], [ids[i] for i in order], chosen

    def _note(self, part: pa.Table, timed: str | None, starts: dict[Any, int]) -> None:
        """Take in which recordings a part of the source has rows of, and when the earliest of them was taken."""
        if part[self._id].null_count:
            raise ConfigurationError(f"history: expected an id in each row of {self._id}; found rows without one")
        begins = None if timed is None else moments(part, timed, self._process.sample.timezone)
        if begins is None and self._process.history.start is not None:
            raise ConfigurationError(f"history.start: expected times in column {timed}; found {part[timed].type}")
        codes = pc.dictionary_encode(part[self._id].combine_chunks())
        raw = codes.dictionary.to_pylist()
        if begins is None:
            starts.update(dict.fromkeys((value for value in raw if value not in starts), _UNTIMED))
            return
        first = np.full(len(raw), np.iinfo(np.int64).max)
        np.minimum.at(first, codes.indices.to_numpy(), begins.astype(np.int64))
        for value, begin in zip(raw, first.tolist(), strict=True):
            starts[value] = min(begin, starts.get(value, begin))

    def index(self) -> bytes:
        """What was found out by looking through all rows, for :meth:`indexed`."""
        raw, _, starts = self._order
        table = pa.table({"id": pa.array(raw), "start": starts.astype("datetime64[us]")})
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        return bytes(sink.getvalue().to_pybytes())

    def indexed(self, index: bytes) -> LongHistory:
        """The same history, which need not look through all rows again."""
        return LongHistory(self._process, self._source, index)

    def ids(self) -> list[str]:
        """All ids, in time order."""
        return self._order[1]

    def count(self) -> int:
        """How many recordings there are."""
        return len(self._order[1])

    def read_chunk(self, first: int, stop: int) -> list[Recording]:
        """The recordings of these positions; only their rows and the needed columns are read."""
        raw, ids, starts = self._order[0][first:stop], self._order[1][first:stop], self._order[2][first:stop]
        if not raw:
            return []
        layout, process = self._layout, self._process
        table = self._source.read(layout.wanted, (self._id, raw))
        place_of = {value: i for i, value in enumerate(raw)}
        codes = pc.dictionary_encode(table[self._id].combine_chunks())
        recording = np.array([place_of[value] for value in codes.dictionary.to_pylist()])[codes.indices.to_numpy()]
        rows = np.argsort(recording, kind="stable")
        bounds = np.searchsorted(recording[rows], np.arange(len(raw) + 1))
        values, target = layout.values(table), layout.targets(table, process)
        times, texts = self._times(table, recording, starts), layout.texts(table)
        cells, period_s = cells_of(table, layout.channels, process), process.sample.period_s
        recordings = []
        for i, ident in enumerate(ids):
            mine = rows[bounds[i] : bounds[i + 1]]
            moments_s = clock(None if times is None else times[mine], len(mine), period_s)
            recordings.append(
                Recording(
                    sample_id=ident,
                    source=process.name,
                    start=starts[i],
                    sensors=layout.names,
                    values=values[mine],
                    times_s=None if times is None else times[mine],
                    target=None if target is None else target[mine],
                    metadata=first_words(texts, mine),
                    channels={name: one.channel(mine, moments_s) for name, one in cells.items()},
                )
            )
        return recordings

    def _times(self, table: pa.Table, recording: NDArray[np.int64], starts: NDArray[np.datetime64]) -> Floats | None:
        """Seconds since the start of each row's recording."""
        name = self._process.history.time
        if name is None:
            return None
        moment = moments(table, name, self._process.sample.timezone)
        if moment is None:
            return numbers(table, name)
        return np.asarray((moment - starts[recording]) / np.timedelta64(1, "s"), np.float64)


_UNTIMED = np.iinfo(np.int64).max
"""Start of a recording of a source without a wall clock."""
