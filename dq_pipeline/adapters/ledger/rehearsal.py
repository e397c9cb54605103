"""A copy of one process' ledger in a schema of its own, to be thrown away: what is tried there reaches nothing else."""

# ruff: noqa: S608 - the names are those of the schema, values are parameters

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from dq_pipeline.adapters.ledger.columns import SCHEMA
from dq_pipeline.adapters.ledger.ledger import PostgresLedger
from dq_pipeline.adapters.ledger.report_schema import metadata
from dq_pipeline.adapters.ledger.schema import OPEN_STATES
from dq_pipeline.errors import StateError

RECENT = 400
"""Micro-batches whose scores and predictions are copied; of all others the row alone."""
_LEFT_OUT = ("outbox", "drills", "catalog_reviews", "training_samples", "quarantine", "notices", "reports")
_OF_RECENT = ("scores", "predictions")


class RehearsalLedger(PostgresLedger):
    """The ledger of one process as it stands when :meth:`copied` is entered; every write goes to the copy.

    Two rehearsals of one process at once are refused; what a killed one left is removed by the next.
    """

    def __init__(self, database_url: str, process: str) -> None:
        super().__init__(database_url)
        self._process = process
        self.schema = f"{SCHEMA}_rehearsal_{hashlib.sha256(process.encode()).hexdigest()[:12]}"
        event.listen(self._engine, "before_cursor_execute", self._elsewhere, retval=True)

    def _elsewhere(
        self, _connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _executemany: bool
    ) -> tuple[str, Any]:
        """Every statement names the schema before its tables, and values are no part of a statement."""
        return re.sub(rf"\b{SCHEMA}\.", f"{self.schema}.", statement), parameters

    @contextmanager
    def copied(self) -> Iterator[None]:
        """The copy, for as long as it is needed.

        Raises
        ------
        StateError
            If another rehearsal of the process is under way.
        """
        with self._connect() as pooled:
            driver: Any = pooled.connection.driver_connection  # past the listener: it has to see both schemas
            pooled.rollback()
            driver.autocommit = True
            with driver.cursor() as cursor:
                cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", (self.schema,))
                if not cursor.fetchone()[0]:
                    raise StateError(f"{self._process}: a drill is under way already; wait for its end")
                try:
                    self._copy(cursor)
                    yield
                finally:
                    cursor.execute(f"DROP SCHEMA IF EXISTS {self.schema} CASCADE")
                    cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", (self.schema,))
                    driver.autocommit = False

    def _copy(self, cursor: Any) -> None:
        """All in one snapshot; tables have their indexes and checks, and no keys that point outside."""
        new, tables = self.schema, list(metadata.tables.values())
        cursor.execute(f"DROP SCHEMA IF EXISTS {new} CASCADE")
        cursor.execute(f"CREATE SCHEMA {new}")
        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        for table in tables:
            cursor.execute(f'CREATE UNLOGGED TABLE {new}."{table.name}" (LIKE {SCHEMA}."{table.name}" INCLUDING ALL)')
            if table.name not in _LEFT_OUT and "process" in table.c:
                cursor.execute(self._fill(table.name), {"process": self._process, "recent": RECENT})
        cursor.execute(f"DELETE FROM {new}.ranges WHERE batch_id IN ({_open(new)})", {"open": list(OPEN_STATES)})
        cursor.execute(f"DELETE FROM {new}.batches WHERE batch_id IN ({_open(new)})", {"open": list(OPEN_STATES)})
        for table in tables:
            if any(column.identity is not None for column in table.c):
                cursor.execute(
                    f"SELECT setval(pg_get_serial_sequence('{new}.{table.name}', 'id'), "
                    f'(SELECT coalesce(max(id), 0) + 1 FROM {new}."{table.name}"), false)'
                )
        cursor.execute("COMMIT")

    def _fill(self, table: str) -> str:
        recent = ""
        if table in _OF_RECENT:
            newest = f"SELECT batch_id FROM {SCHEMA}.batches WHERE process = %(process)s ORDER BY sequence DESC"
            recent = f" AND batch_id IN ({newest} LIMIT %(recent)s)"
        return (
            f'INSERT INTO {self.schema}."{table}" OVERRIDING SYSTEM VALUE '
            f'SELECT * FROM {SCHEMA}."{table}" WHERE process = %(process)s{recent}'
        )


def _open(schema: str) -> str:
    return f"SELECT batch_id FROM {schema}.batches WHERE state = ANY(%(open)s)"
