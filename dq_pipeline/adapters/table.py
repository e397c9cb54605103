"""A table that nobody has described yet, read for a proposal: in parts, so that its size does not matter."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from typing import Any

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dq_pipeline.adapters.history_columns import is_text, moments
from dq_pipeline.adapters.history_source import FileSource
from dq_pipeline.errors import ConfigurationError
from dq_pipeline.propose.overview import MAX_CLASSES, Column, Kind, Overview
from dq_pipeline.target import MAX_READING

Floats = NDArray[np.float64]

_CELLS = 5_000_000
_MAX_ROWS, _MIN_ROWS = 200_000, 2000
_LOW, _HIGH = 0.001, 0.999
_SNIFFED_BYTES = 1_000_000


def overview(file: str, zone: str = "UTC") -> Overview:
    """Look through a table.

    Parameters
    ----------
    file
        CSV, Parquet, Arrow or Feather; any fsspec address.
    zone
        Of times that name none.

    Raises
    ------
    ConfigurationError
        If it cannot be read, has no rows, or is no table with one name for each column.
    """
    if file.lower().endswith(".csv"):
        _check_text(file)
    source = FileSource(file, set())
    _check_names(file, source.columns)
    kinds = {name: _kind(kind) for name, kind in source.types.items()}
    source = FileSource(file, {name for name, kind in kinds.items() if kind == "number"})
    wanted = [name for name, kind in kinds.items() if kind != "other"]
    seen = _Seen(len(wanted))
    for part in source.parts(wanted):
        seen.add(part.select(wanted), kinds)
    if not seen.rows:
        raise ConfigurationError(f"{file}: expected rows of readings; found none")
    head = pa.concat_tables(seen.head, promote_options="permissive")
    columns = {name: _column(name, kind, head, seen, zone) for name, kind in kinds.items()}
    return Overview(columns, seen.rows, whole=len(head) == seen.rows)


class _Seen:
    """What is kept of the rows that went by: the first ones, every k-th one, and the figures of all."""

    def __init__(self, width: int) -> None:
        self.limit = int(np.clip(_CELLS // max(width, 1), _MIN_ROWS, _MAX_ROWS))
        self.rows, self.every = 0, 1
        self.head: list[pa.Table] = []
        self.thinned: dict[str, list[Floats]] = {}
        self.bounds: dict[str, tuple[int, float, float]] = {}
        self.texts: dict[str, set[str]] = {}

    def add(self, part: pa.Table, kinds: dict[str, Kind]) -> None:
        held = sum(len(table) for table in self.head)
        if held < self.limit or not self.head:
            self.head.append(part.slice(0, self.limit - held))
        first = -self.rows % self.every
        for name in part.column_names:
            if kinds[name] == "number":
                self._number(name, _readings(part[name]), first)
            elif kinds[name] == "text" and len(self.texts.setdefault(name, set())) <= MAX_CLASSES:
                self.texts[name].update(str(text) for text in pc.unique(part[name]).to_pylist() if text is not None)
        self.rows += len(part)
        if self.rows > 2 * self.limit * self.every:
            self._thin()

    def _number(self, name: str, readings: Floats, first: int) -> None:
        self.thinned.setdefault(name, []).append(readings[first :: self.every].copy())
        there = readings[~np.isnan(readings)]
        n, low, high = self.bounds.get(name, (0, np.nan, np.nan))
        if there.size:
            low, high = np.fmin(low, there.min()), np.fmax(high, there.max())
        self.bounds[name] = n + there.size, float(low), float(high)

    def _thin(self) -> None:
        while self.rows > self.limit * self.every:
            self.every *= 2
            self.thinned = {name: [np.concatenate(parts)[::2]] for name, parts in self.thinned.items()}


def _column(name: str, kind: Kind, head: pa.Table, seen: _Seen, zone: str) -> Column:
    if kind == "other":
        return Column(name, kind, np.empty(0))
    if kind == "number":
        n, low, high = seen.bounds[name]
        kept = np.concatenate(seen.thinned[name])
        kept = kept[~np.isnan(kept)]
        found = np.quantile(kept, (_LOW, 0.5, _HIGH)) if kept.size else np.full(3, np.nan)
        return Column(name, kind, _readings(head[name]), n, low, high, (found[0], found[1], found[2]))
    texts = tuple(sorted(seen.texts.get(name, ())))[: MAX_CLASSES + 1]
    times = _moments(head, name, zone)
    if times is not None:
        return Column(name, "moment", times)
    codes = pc.dictionary_encode(head[name].combine_chunks())
    codes = codes.chunk(0) if isinstance(codes, pa.ChunkedArray) else codes
    code = np.array(codes.indices.cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)
    return Column(name, "text", code, len(head) - head[name].null_count, values=texts)


def _moments(head: pa.Table, name: str, zone: str) -> Floats | None:
    """Times of a column as microseconds; None where it holds none, or not in each row."""
    if head[name].null_count == len(head):
        return None
    try:
        found = moments(head, name, zone)
    except ConfigurationError:
        if is_text(head[name].type):
            return None
        raise
    return None if found is None else found.astype(np.int64).astype(np.float64)


def _readings(column: Any) -> Floats:
    found = np.array(column.cast(pa.float64(), safe=False).to_numpy(), np.float64)
    found[~(np.abs(found) <= MAX_READING)] = np.nan
    return found


def _kind(kind: Any) -> Kind:
    if pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind) or pa.types.is_null(kind):
        return "number"
    if pa.types.is_timestamp(kind):
        return "moment"
    return "text" if is_text(kind) else "other"


def _check_text(file: str) -> None:
    """Refuse what is no text of columns parted by commas below a line of names."""
    try:
        with fsspec.open(file, "rb") as opened:
            sniffed = opened.read(_SNIFFED_BYTES)
    except (OSError, ValueError, ImportError):
        return  # a pattern, or nothing there: whoever reads it says so
    try:
        text = sniffed.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.start < len(sniffed) - 4:
            found = f"byte 0x{sniffed[error.start]:02x} at {error.start}"
            raise ConfigurationError(
                f"{file}: expected UTF-8 text; found {found}. Save it as UTF-8: iconv -f latin1 -t utf-8"
            ) from None
        text = sniffed[: error.start].decode("utf-8-sig")
    names = next(csv.reader(io.StringIO(text)), [])
    if not names:
        raise ConfigurationError(f"{file}: expected a first line of column names; found nothing")
    for mark, word in ((";", "semicolons"), ("\t", "tabs")):
        if len(names) == 1 and mark in names[0]:
            raise ConfigurationError(
                f"{file}: expected commas between columns and points in numbers; found {word}. Save it so or as Parquet"
            )
    _check_names(file, names)
    if any(names) and all(_is_number(name) for name in names if name):
        raise ConfigurationError(f"{file}: expected a first line of column names; found numbers: {', '.join(names)}")


def _check_names(file: str, names: Sequence[str]) -> None:
    if twice := sorted(name for name, n in Counter(names).items() if n > 1):
        raise ConfigurationError(f"{file}: expected each column name once; found {', '.join(twice)} several times")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
