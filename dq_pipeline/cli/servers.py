"""`dq up` and `dq down`: the local servers."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from dq_pipeline.errors import DQError

if TYPE_CHECKING:
    from dq_pipeline.local import Endpoints  # loaded by the commands that start servers alone

_Var = Annotated[Path, typer.Option("--var", help="Folder of the servers' data, logs and ports.")]
_Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the `dq` application."""
    app.command()(up)
    app.command()(down)


def up(
    parts: Annotated[
        list[str] | None, typer.Argument(help="Of kafka, postgres, mlflow, airflow; all when none is named.")
    ] = None,
    var: _Var = Path("var"),
    dags: Annotated[Path | None, typer.Option(help="Folder of DAG files; the project's own by default.")] = None,
    as_json: _Json = False,
) -> None:
    """Start Kafka, PostgreSQL, MLflow and Airflow on this machine; what runs already is left alone."""
    from dq_pipeline import local

    console, began = Console(stderr=True), time.monotonic()

    def report(step: str) -> None:
        console.print(f"[dim]{time.monotonic() - began:5.1f} s[/dim]  {step}", highlight=False, soft_wrap=True)

    try:
        with console.status("starting"):
            endpoints = local.up(parts or local.PARTS, var, dags=dags, on_step=report)
    except DQError as error:
        _fail(console, error)
    if as_json:
        typer.echo(json.dumps({name: str(value) for name, value in asdict(endpoints).items()}))
    else:
        typer.echo(describe(endpoints))


def down(var: _Var = Path("var"), as_json: _Json = False) -> None:
    """Stop every server that `dq up` or the demo started in this folder."""
    from dq_pipeline import local

    console, began = Console(stderr=True), time.monotonic()
    stopped = [program.name for program in local.status(var) if program.pid]
    try:
        with console.status("stopping"):
            local.down(var)
    except DQError as error:
        _fail(console, error)
    seconds = round(time.monotonic() - began, 1)
    if as_json:
        typer.echo(json.dumps({"stopped": stopped, "seconds": seconds}))
    else:
        typer.echo(f"Stopped {', '.join(stopped)} in {seconds} s." if stopped else "Nothing was running.")


def describe(endpoints: Endpoints) -> str:
    """Addresses and log-in, one a line, for people."""
    rows = {
        "Kafka": endpoints.kafka,
        "PostgreSQL": endpoints.database_url,
        "MLflow": endpoints.mlflow_uri,
        "Airflow": endpoints.airflow_url,
        "Log-in": f"{endpoints.airflow_user} / {endpoints.airflow_password}" if endpoints.airflow_url else "",
        "Logs": str(endpoints.var / "log"),
    }
    return "\n".join(f"{name:<12}{value}" for name, value in rows.items() if value)


def _fail(console: Console, error: DQError) -> None:
    console.print(f"[red]{type(error).__name__}[/red]", end=" ")
    console.print(str(error), markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(1)
