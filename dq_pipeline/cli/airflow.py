"""`dq airflow setup`: what an Airflow installation needs from us."""

from __future__ import annotations

import typer

from dq_pipeline.cli.terminal import AsJson, answer


def register(app: typer.Typer) -> None:
    """Add the commands to the `dq` application."""
    group = typer.Typer(no_args_is_help=True, help="Prepare an Airflow installation.")
    group.callback()(lambda: None)
    group.command()(setup)
    app.add_typer(group, name="airflow")


def setup(as_json: AsJson = False) -> None:
    """Create the pools that the DAGs run in; those that are there stay as they are.

    Where Airflow is and how to log in: DQ_AIRFLOW_URL, DQ_AIRFLOW_USER and DQ_AIRFLOW_PASSWORD, or what `dq up` says.
    """
    from dq_pipeline.demo.airflow_api import create_pools
    from dq_pipeline.settings import Settings

    created = create_pools(Settings.resolve())
    answer({"created": created}, as_json, f"Created {', '.join(created)}." if created else "All pools were there.")
