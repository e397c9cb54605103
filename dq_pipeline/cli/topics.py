"""`dq topics`: the Kafka topics of a process."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from dq_pipeline.errors import DQError

if TYPE_CHECKING:
    from dq_pipeline.adapters.kafka_topics import TopicsReport


def register(app: typer.Typer) -> None:
    """Add the command to the `dq` application."""
    app.command()(topics)


def topics(
    process: Annotated[str, typer.Argument(help="Name of a process file.")],
    create: Annotated[bool, typer.Option("--create/--look", help="Create those missing, or only look.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Create the topics a process needs, and say where existing ones differ; those are never changed."""
    from dq_pipeline import wiring
    from dq_pipeline.settings import Settings

    try:
        with wiring.open_world(Settings.resolve()) as world:
            report = world.stream.ensure_topics(world.process(process), create=create)
    except DQError as error:
        Console(stderr=True).print(f"{type(error).__name__} {error}", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None
    if as_json:
        typer.echo(json.dumps(_plain(report)))
        return
    console = Console()
    console.print(_table(report))
    for difference in report.differs:
        console.print(str(difference), style="yellow", markup=False, highlight=False, soft_wrap=True)


def _state(report: TopicsReport, name: str) -> str:
    if name in report.created:
        return "created"
    if name in report.missing:
        return "missing"
    return "differs" if any(difference.topic == name for difference in report.differs) else "as needed"


def _plain(report: TopicsReport) -> dict[str, object]:
    return {
        "topics": [asdict(topic) | {"state": _state(report, topic.name)} for topic in report.topics],
        "differs": [asdict(difference) | {"advice": difference.advice} for difference in report.differs],
    }


def _table(report: TopicsReport) -> Table:
    table = Table("topic", "holds", "partitions", "hours", "MiB", "state", box=SIMPLE)
    for column in table.columns:
        column.no_wrap, column.overflow = column.header == "holds", "fold"
    for topic in report.topics:
        hours, mebibytes = topic.retention_ms / 3_600_000, topic.max_message_bytes / 1_048_576
        row = topic.name, topic.role, str(topic.partitions), f"{hours:g}", f"{mebibytes:.3g}"
        table.add_row(*row, _state(report, topic.name))
    return table
