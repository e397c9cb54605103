"""`dq demo`: the whole platform on this machine."""

from __future__ import annotations

import json
import signal
import threading
from pathlib import Path
from typing import Annotated, Any

import typer

from dq_pipeline.cli.terminal import AsJson, errors


def register(app: typer.Typer) -> None:
    """Add the command to the `dq` application."""
    app.command()(demo)


def demo(
    process: Annotated[str, typer.Option(help="vacuum (simulated), hydraulic or skab (real data).")] = "vacuum",
    once: Annotated[bool, typer.Option("--once", help="Stop everything at the end.")] = False,
    var: Annotated[Path, typer.Option(help="Folder of data, logs, ports and the summary.")] = Path("var"),
    as_json: AsJson = False,
) -> None:
    """Start everything, feed a stream with defects and one known drift, and watch it being caught and learned.

    Kafka, PostgreSQL, MLflow and Airflow start on free ports; Airflow initializes the process from its history and
    then answers the stream until the drift was found, a new release took over and the rest was predicted. The figures
    are in `var/demo/summary.json`. It stays up until Ctrl-C. Each demo begins with empty servers::

        dq demo
        DQ_DATA_DIR=~/data dq demo --process hydraulic --once
    """
    from rich.console import Console

    from dq_pipeline import evidence, local
    from dq_pipeline.demo.director import Director
    from dq_pipeline.demo.report import evidence_rows, shortcomings, summarize
    from dq_pipeline.demo.table import table
    from dq_pipeline.demo.timeline import Timeline
    from dq_pipeline.wiring import open_world

    console, timeline, folder = errors(), Timeline(), var.absolute()

    def say(text: str) -> None:
        console.print(f"[dim]{timeline.seconds:6.1f} s[/dim]  ", end="")
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    missing = ["it was interrupted"]
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with console.status("starting") as status:
            played = Director(folder, say, lambda text: status.update(_plain(text)), timeline).play(process)
            with open_world(played.settings) as world:
                summary = summarize(world, played, timeline)
        summary_file = folder / "demo" / "summary.json"
        summary_file.write_text(json.dumps(summary, indent=1), encoding="utf-8")
        evidence.write(folder / "evidence", "demo", evidence_rows(summary), partial=True)
        missing = shortcomings(summary)
        if as_json:
            typer.echo(json.dumps(summary))
        else:
            Console().print(table(summary))
        for text in missing:
            console.print(f"[red]not as it should be[/red]: {text}")
        end = played.endpoints
        say(f"Airflow  {end.airflow_url}  log-in {end.airflow_user} / {end.airflow_password}")
        say(f"MLflow   {end.mlflow_uri}  no log-in")
        say(f"figures  {summary_file}")
        if not once:
            say("Everything stays up until Ctrl-C.")
            threading.Event().wait()
    except KeyboardInterrupt:
        say("interrupted")
    finally:
        say("stopping")
        local.down(folder)
    raise typer.Exit(1 if missing else 0)


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def _plain(text: str) -> str:
    return text.replace("[", "\\[")
