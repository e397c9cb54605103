"""`dq migrate`: the ledger's tables as this version needs them."""

from __future__ import annotations

import typer

from dq_pipeline.cli.terminal import AsJson, answer, world


def register(app: typer.Typer) -> None:
    """Add the command to the `dq` application."""
    app.command()(migrate)


def migrate(as_json: AsJson = False) -> None:
    """Create the ledger's tables, or bring them up to date; the second time nothing is left to do.

    Back the database up and end what writes to it first: there is no way back but the backup. No other server is
    asked::

        dq migrate && dq doctor
    """
    with world() as opened:
        before = opened.ledger.revision()
        opened.ledger.migrate()
        after = opened.ledger.revision()
    if before == after:
        said = f"The ledger's schema is {after}, as this version needs it."
    else:
        said = f"The ledger's schema was {before or 'not there'}, and is {after}."
    answer({"before": before, "after": after}, as_json, said)
