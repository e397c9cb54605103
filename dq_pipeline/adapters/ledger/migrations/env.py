"""How Alembic runs the migrations: on the connection that `migrate` hands it, so no URL stands in any file."""

from __future__ import annotations

from alembic import context

from dq_pipeline.adapters.ledger.columns import SCHEMA
from dq_pipeline.adapters.ledger.report_schema import metadata


def run() -> None:
    """Bring the schema of the given connection up."""
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=metadata,
        version_table_schema=SCHEMA,
        include_schemas=True,
    )
    with context.begin_transaction():
        context.run_migrations()


if __name__ == "env_py":  # the name that Alembic runs this file by; an ordinary import has nothing to run on
    run()
