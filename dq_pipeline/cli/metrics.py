"""`dq metrics`: what Prometheus would scrape."""

from __future__ import annotations

import typer

from dq_pipeline.cli.terminal import world


def register(app: typer.Typer) -> None:
    """Add the command to the `dq` application."""
    app.command()(metrics)


def metrics() -> None:
    """Print the metrics of all processes, as Prometheus reads them: the same that Airflow's web server shows.

    A server that does not answer is one of the metrics: `dq_source_up`. docs/metrics.md lists all of them::

        dq metrics
    """
    from dq_pipeline.telemetry.metrics import Exposition, read

    with world() as opened:
        names = [path.stem for path in opened.settings.process_dir.glob("*.yaml")]
        text, _ = Exposition(lambda: read(opened, names)).text()
    typer.echo(text.decode(), nl=False)
