"""Many rows in one statement: a JSON document that the server takes apart, in place of a literal for each cell."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, text
from sqlalchemy.dialects.postgresql import JSONB

from dq_pipeline.adapters.ledger.columns import plain, storable

_HOSTILE = re.compile(r"\\u(0000|d[89ab])")  # NUL, or half of a surrogate pair


def write_rows(
    connection: Connection, table: Table, rows: Sequence[dict[str, Any]], *, skip_known: bool = False
) -> int:
    """Append rows in their order as part of the caller's transaction; returns how many were written.

    Parameters
    ----------
    rows
        All with the same columns.
    skip_known
        Pass over rows that stand in the table already.

    Raises
    ------
    sqlalchemy.exc.IntegrityError
        If one stands in the table already, unless they are passed over.
    ValueError
        If a time has no zone.
    """
    if not rows:
        return 0
    names = list(rows[0])
    columns = ", ".join(f'"{name}"' for name in names)
    kinds = ", ".join(f'"{name}" {table.c[name].type.compile(connection.dialect)}' for name in names)
    statement = (
        f'INSERT INTO {table.schema}."{table.name}" ({columns}) SELECT {columns} '  # noqa: S608 - names of the schema
        f"FROM ROWS FROM (json_to_recordset(CAST(:rows AS json)) AS ({kinds})) WITH ORDINALITY AS r({columns}, place) "
        f"ORDER BY place{' ON CONFLICT DO NOTHING' if skip_known else ''}"
    )
    return connection.execute(text(statement), {"rows": _document(table, rows)}).rowcount


def _document(table: Table, rows: Sequence[dict[str, Any]]) -> str:
    try:
        document = json.dumps(rows, allow_nan=False, default=_cell)
    except ValueError:  # a number that is none, which few rows hold
        document = ""
    if document and not _HOSTILE.search(document):
        return document
    documents = {column.name for column in table.columns if isinstance(column.type, JSONB)}
    safe = [{name: plain(v) if name in documents else _safe(v) for name, v in row.items()} for row in rows]
    return json.dumps(safe, allow_nan=False, default=_cell)


def _safe(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(float(value))
    return value


def _cell(value: Any) -> Any:
    """What JSON has no form for, as PostgreSQL reads it from text."""
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"A time with its zone expected, found the naive {value!r}. Give UTC.")
        return value.isoformat()
    return plain(value)
