from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url

from dq_pipeline.adapters.ledger import PostgresLedger
from dq_pipeline.adapters.ledger.columns import SCHEMA
from dq_pipeline.adapters.ledger.report_schema import metadata
from dq_pipeline.errors import ConfigurationError, LedgerError
from dq_pipeline.ports import Ledger


@pytest.mark.integration
def test_migrating_at_once_and_again_gives_the_declared_schema(database_url: str) -> None:
    ledger = PostgresLedger(database_url)
    port: Ledger = ledger  # for the type checker: every method is there
    assert port is ledger
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: ledger.migrate(), range(3)))
    ledger.migrate()
    # a schema named like the user would pass for the default one
    engine = create_engine(database_url, connect_args={"options": "-c search_path=public"})
    with engine.connect() as connection:
        options: dict[str, Any] = {
            "include_schemas": True,
            "include_name": lambda name, kind, _: kind != "schema" or name == SCHEMA,
            "version_table_schema": SCHEMA,
            "compare_type": True,
        }
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []
    engine.dispose()
    ledger.close()


@pytest.mark.integration
def test_a_url_may_hold_any_character(database_url: str) -> None:
    """A password that is written with % in a URL would be interpolated by a configuration file."""
    password, user = "100%s %(here)s@:/?#", f"odd_{secrets.token_hex(4)}"
    engine = create_engine(database_url)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE ROLE {user} SUPERUSER LOGIN PASSWORD '{password.replace('%', '%%')}'")
    odd = make_url(database_url).set(username=user, password=password)
    ledger = PostgresLedger(odd.render_as_string(hide_password=False))
    ledger.migrate()
    assert ledger.processes() == []
    ledger.close()
    with engine.begin() as connection:
        connection.exec_driver_sql(f"REASSIGN OWNED BY {user} TO CURRENT_USER")
        connection.exec_driver_sql(f"DROP ROLE {user}")
    engine.dispose()


@pytest.mark.parametrize("url", ["sqlite:///ledger.db", "mysql://u:secret@h/d", "not a url: secret"])
def test_only_postgresql_is_taken(url: str) -> None:
    with pytest.raises(ConfigurationError, match="postgresql://") as refused:
        PostgresLedger(url)
    assert "secret" not in str(refused.value)


def test_a_server_that_does_not_answer_is_named_without_its_password() -> None:
    ledger = PostgresLedger("postgres://dq:se%25cret@127.0.0.1:1/dq")
    with pytest.raises(LedgerError, match=r"127\.0\.0\.1:1/dq") as refused:
        ledger.processes()
    assert "cret" not in str(refused.value)
