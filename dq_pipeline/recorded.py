"""Recordings as files: what simulations write and `history` of a process file names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import fsspec
import pyarrow.parquet as pq

from dq_pipeline.adapters.history_source import expand
from dq_pipeline.errors import ConfigurationError
from dq_pipeline.process import Process
from dq_pipeline.recording import Recording
from dq_pipeline.simulate.vacuum import to_table

PART = 50


def history_uri(process: Process, variables: Mapping[str, str]) -> str:
    """Where a process' history file is.

    Raises
    ------
    ConfigurationError
        If its history is no file.
    """
    if process.history.uri is None:
        raise ConfigurationError(f"{process.name}: expected history.uri, a file to write; found a database. Use --out.")
    return expand(process.history.uri, variables)


def write(recordings: Sequence[Recording], uri: str, *, on_part: Callable[[int], None] = lambda _: None) -> int:
    """Write recordings of the same sensors to a Parquet file in long form; returns its rows.

    Parameters
    ----------
    on_part
        Called with how many are written, every :data:`PART` recordings.
    """
    if not recordings:
        raise ConfigurationError("recordings expected to write, found none")
    rows = 0
    files, path = fsspec.core.url_to_fs(uri)
    files.makedirs(path.rpartition("/")[0], exist_ok=True)
    with files.open(path, "wb") as file:
        writer: pq.ParquetWriter | None = None
        for begin in range(0, len(recordings), PART):
            table = to_table(recordings[begin : begin + PART])
            writer = writer or pq.ParquetWriter(file, table.schema)
            writer.write_table(table)
            rows += len(table)
            on_part(min(begin + PART, len(recordings)))
        if writer is not None:
            writer.close()
    return rows
