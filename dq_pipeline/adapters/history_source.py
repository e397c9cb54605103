"""Where past recordings are read from: files behind any fsspec URI, or a database table or query, as Arrow tables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from typing import Any, Protocol

import fsspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv
import pyarrow.dataset as ds
import sqlalchemy as sa

from dq_pipeline.errors import ConfigurationError
from dq_pipeline.process import Process

VARIABLES = ("DQ_DATA_DIR", "DQ_LAKE_URI")
"""What `${...}` in `history.uri` may name."""

_FORMATS = {".parquet": "parquet", ".pq": "parquet", ".csv": "csv", ".arrow": "ipc", ".ipc": "ipc", ".feather": "ipc"}
_FETCH_ROWS = 50_000


class Source(Protocol):
    """A table of rows of recordings."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of all columns."""

    def read(self, columns: Sequence[str], where: tuple[str, Sequence[Any]] | None = None) -> pa.Table:
        """These columns, of all rows or of those whose column `where[0]` is one of the values `where[1]`."""

    def parts(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """These columns of all rows, some rows at a time."""


def open_source(process: Process, variables: Mapping[str, str], connection_url: str | None) -> Source:
    """The source a process file names.

    Raises
    ------
    ConfigurationError
        If it cannot be found or opened.
    """
    history = process.history
    if history.uri is not None:
        target = process.target.column
        numeric = {name for name in (*process.sensors, *process.aliases, target) if name is not None}
        numeric -= {target} if process.target.classes else set()
        return FileSource(expand(history.uri, variables), numeric, set(process.channels))
    if connection_url is None:
        wanted = f"the database URL of connection {history.connection!r}" if history.connection else "a database URL"
        raise ConfigurationError(f"history: expected {wanted}; found none")
    return DatabaseSource(connection_url, table=history.table, query=history.query, order=(history.id, history.time))


def expand(uri: str, variables: Mapping[str, str]) -> str:
    """A URI with its variables filled in.

    Raises
    ------
    ConfigurationError
        If it names a variable other than :data:`VARIABLES`, or one that is not set.

    Examples
    --------
    >>> expand("${DQ_LAKE_URI}/a.parquet", {"DQ_LAKE_URI": "s3://lake"})
    's3://lake/a.parquet'
    """

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in VARIABLES:
            raise ConfigurationError(f"history.uri: expected a variable of {', '.join(VARIABLES)}; found {name!r}")
        if not variables.get(name):
            raise ConfigurationError(f"history.uri: expected the setting {name} for {uri}; found it unset")
        return variables[name].rstrip("/")

    return re.sub(r"\$\{([^}]*)\}", value, uri)


class FileSource:
    """CSV, Parquet, Arrow or Feather: one file, a pattern, or a folder of files of one kind."""

    def __init__(self, uri: str, numeric: Set[str], texts: Set[str] = frozenset()) -> None:
        self._uri = uri
        with self._explained():
            files, path = fsspec.core.url_to_fs(uri)
            paths = sorted(files.glob(path)) if "*" in path else [path]
            if not paths or not files.exists(paths[0]):
                raise FileNotFoundError("nothing there")
            first = next((p for p in sorted(files.find(paths[0])) if _format(p)), "") if files.isdir(paths[0]) else ""
            kind = _format(first or paths[0])
            if kind is None:
                raise ValueError(f"a file named {paths[0].rsplit('/', 1)[-1]}, not one of {', '.join(_FORMATS)}")
            shape: Any = kind
            if kind == "csv":
                types = dict.fromkeys(numeric, pa.float64()) | dict.fromkeys(texts, pa.string())
                shape = ds.CsvFileFormat(convert_options=csv.ConvertOptions(column_types=types))
            self._dataset = ds.dataset(paths if len(paths) > 1 else paths[0], format=shape, filesystem=files)

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self._dataset.schema.names)

    @property
    def types(self) -> dict[str, Any]:
        """Arrow type of each column."""
        return {field.name: field.type for field in self._dataset.schema}

    def read(self, columns: Sequence[str], where: tuple[str, Sequence[Any]] | None = None) -> pa.Table:
        with self._explained():
            chosen = None
            if where is not None:
                kind = self._dataset.schema.field(where[0]).type
                values = pa.array(list(where[1])).cast(kind)
                chosen = pc.field(where[0]).isin(values)
                if not pa.types.is_dictionary(kind):  # the bounds tell which parts of the file need not be read
                    bounds = pc.min_max(values)
                    chosen = (pc.field(where[0]) >= bounds["min"]) & (pc.field(where[0]) <= bounds["max"]) & chosen
            return self._dataset.to_table(columns=list(columns), filter=chosen)

    def parts(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        with self._explained():
            for batch in self._dataset.to_batches(columns=list(columns), batch_readahead=1, fragment_readahead=1):
                yield pa.Table.from_batches([batch])

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError, ImportError, pa.ArrowException) as error:
            found = " ".join(str(error).split())[:300]
            raise ConfigurationError(f"history.uri: expected readable files at {self._uri}; found {found}") from None


class DatabaseSource:
    """A table or a query of any database SQLAlchemy knows."""

    def __init__(
        self, url: str, *, table: str | None = None, query: str | None = None, order: Sequence[str | None] = ()
    ) -> None:
        with _explained_database():
            self._engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
        if query is not None:
            self._rows: Any = sa.text(f"({query.strip().rstrip(';')}) AS history")
        else:
            schema, _, name = (table or "").rpartition(".")
            self._rows = sa.table(name, schema=schema or None)
        with _explained_database(), self._engine.connect() as connection:
            nothing = sa.select(sa.text("*")).select_from(self._rows).where(sa.false())
            self._columns = tuple(connection.execute(nothing).keys())
        self._order: list[Any] = [sa.column(name) for name in order if name is not None and name in self._columns]

    @property
    def columns(self) -> tuple[str, ...]:
        return self._columns

    def read(self, columns: Sequence[str], where: tuple[str, Sequence[Any]] | None = None) -> pa.Table:
        chosen = sa.select(*[sa.column(name) for name in columns]).select_from(self._rows).order_by(*self._order)
        if where is not None:
            chosen = chosen.where(sa.column(where[0]).in_(list(where[1])))
        with _explained_database(), self._engine.connect() as connection:
            result = connection.execution_options(stream_results=True).execute(chosen)
            parts = [_table(columns, rows) for rows in result.partitions(_FETCH_ROWS)]
        if not parts:
            return pa.table({name: pa.nulls(0) for name in columns})
        return pa.concat_tables(parts, promote_options="permissive")

    def parts(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        yield self.read(columns)


@contextmanager
def _explained_database() -> Iterator[None]:
    try:
        yield
    except (sa.exc.SQLAlchemyError, ImportError) as error:
        found = " ".join(str(getattr(error, "orig", None) or error).split())[:300]
        raise ConfigurationError(f"history: expected a table or query that can be read; found {found}") from None


def _table(columns: Sequence[str], rows: Sequence[Any]) -> pa.Table:
    return pa.table([pa.array(_bytes(column)) for column in zip(*rows, strict=True)], names=list(columns))


def _bytes(column: Sequence[Any]) -> Sequence[Any]:
    """A column whose bytes came as views, as PostgreSQL's do, as bytes."""
    first = next((cell for cell in column if cell is not None), None)
    return [None if cell is None else bytes(cell) for cell in column] if isinstance(first, memoryview) else column


def _format(path: str) -> str | None:
    return next((kind for suffix, kind in _FORMATS.items() if path.lower().endswith(suffix)), None)
