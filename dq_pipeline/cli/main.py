"""The `dq` command: `python -m dq_pipeline.cli.main` does the same.

A command's heavy imports are inside it, so that `dq --help` answers at once.
"""

from __future__ import annotations

import logging
import os
from typing import Annotated, Any

import typer
from rich.console import Console
from typer.core import TyperGroup

from dq_pipeline.cli import (
    airflow,
    alerts,
    audit,
    catalog,
    compare,
    contracts,
    demo,
    doctor,
    drift,
    drill,
    error,
    experiments,
    feed,
    flags,
    governor,
    import_,
    incidents,
    initialize,
    labels,
    lineage,
    metrics,
    migrate,
    releases,
    replay,
    reviews,
    rollout,
    run,
    score,
    sensors,
    servers,
    simulate,
    status,
    stress,
    topics,
    watch,
)
from dq_pipeline.errors import DQError
from dq_pipeline.log_context import FORMAT, set_up


class Commands(TyperGroup):
    """All commands; an error of ours is one line and exit code 1."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except DQError as error:
            if ctx.params.get("debug"):
                raise
            console = Console(stderr=True)
            console.print(f"[red]{type(error).__name__}[/red]", end=" ")
            console.print(str(error), markup=False, highlight=False, soft_wrap=True)
            raise typer.Exit(1) from None


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Keeps machine-learning models on industrial sensor streams honest. A first look: `dq demo`.",
)


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show where an error comes from, and the logs.")] = False,
) -> None:
    """Options of all commands; they come before the command's name."""
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "INFO" if debug else "WARNING")
    set_up(logging.INFO if debug else logging.WARNING, os.environ.get(FORMAT, ""))
    for chatty in ("kafka", "alembic", "mlflow", "urllib3"):  # what goes wrong there comes to us as an error
        logging.getLogger(chatty).setLevel(logging.WARNING if debug else logging.CRITICAL)


_LOOP = (
    demo,
    servers,
    doctor,
    migrate,
    topics,
    simulate,
    initialize,
    feed,
    run,
    labels,
    error,
    flags,
    reviews,
    status,
    metrics,
    releases,
    rollout,
    compare,
    governor,
    watch,
    alerts,
    lineage,
    incidents,
    contracts,
    drill,
    audit,
    sensors,
    catalog,
    airflow,
)
_ON_FILES = (import_, replay, stress, score, drift, experiments)

for module in (*_LOOP, *_ON_FILES):
    module.register(app)

if __name__ == "__main__":
    app(prog_name="dq")
