"""The connection to PostgreSQL: one transaction a call, one lock a process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import URL, Row, make_url
from sqlalchemy.exc import ArgumentError, OperationalError

from dq_pipeline.adapters.ledger.columns import SCHEMA, plain
from dq_pipeline.adapters.ledger.schema import processes
from dq_pipeline.errors import ConfigurationError, LedgerError

_MIGRATION_LOCK = 0x6471  # any number, the same in every process that migrates


class Database:
    """A PostgreSQL database that holds a ledger. Safe to share between threads; opens no connection by itself."""

    def __init__(self, database_url: str) -> None:
        self._engine = create_engine(
            _url(database_url),
            pool_pre_ping=True,
            pool_size=2,
            max_overflow=8,
            json_serializer=lambda value: json.dumps(plain(value), allow_nan=False),
            connect_args={"connect_timeout": 10, "application_name": "dq-ledger"},
        )

    def close(self) -> None:
        """Close the pooled connections; the next call opens new ones."""
        self._engine.dispose()

    def migrate(self) -> None:
        """Create the schema or bring it up to date. Repeating it changes nothing; of several at once, one works."""
        config = Config()
        config.set_main_option("script_location", f"{__package__}:migrations")
        with self._connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": _MIGRATION_LOCK})
            try:
                connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
                connection.commit()
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
                connection.commit()
            finally:
                connection.rollback()
                connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": _MIGRATION_LOCK})
                connection.commit()

    def revision(self) -> str | None:
        """The schema's version; None where there is no ledger yet."""
        with self._connect() as connection:
            if connection.scalar(text("SELECT to_regclass(:table)"), {"table": f"{SCHEMA}.alembic_version"}) is None:
                return None
            found = connection.scalar(text(f"SELECT version_num FROM {SCHEMA}.alembic_version"))  # noqa: S608 - a constant
            return None if found is None else str(found)

    @contextmanager
    def _connect(self) -> Iterator[Connection]:
        try:
            connection = self._engine.connect()
        except OperationalError as error:
            url = self._engine.url.render_as_string(hide_password=True)
            raise LedgerError(
                f"A PostgreSQL server expected at {url}, found: {str(error.orig).strip()}. "
                "Start it, or correct the database URL."
            ) from error
        with connection:
            yield connection

    @contextmanager
    def _begin(self) -> Iterator[Connection]:
        """One transaction: everything inside, or nothing."""
        with self._connect() as connection, connection.begin():
            yield connection


def know_process(connection: Connection, process: str) -> None:
    """Make sure that the process has its row."""
    row = {"process": process, "sequence": 0, "samples": 0, "failures": 0}
    connection.execute(insert(processes).values(row).on_conflict_do_nothing())


def lock_process(connection: Connection, process: str) -> Row[Any]:
    """Hold the process until the transaction ends: one claim, commit or promotion of it at a time."""
    know_process(connection, process)
    # FOR NO KEY UPDATE: rows that refer to the process can still be inserted by others
    locked = select(processes).where(processes.c.process == process).with_for_update(key_share=True)
    return connection.execute(locked).one()


def _url(database_url: str) -> URL:
    try:
        url = make_url(database_url.replace("postgres://", "postgresql://", 1))
    except ArgumentError as error:  # its text would show the password
        raise ConfigurationError("A database URL expected, as postgresql://user:password@host:5432/name.") from error
    if url.get_backend_name() != "postgresql":
        raise ConfigurationError(
            f"A postgresql:// URL expected, found {url.drivername}://. The ledger needs PostgreSQL."
        )
    return url.set(drivername="postgresql+psycopg2")
