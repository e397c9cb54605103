"""What commands share: their options, where they write, and the world they open.

People read tables on standard output; machines ask with `--json` and find nothing else there. Progress goes to
standard error.
"""

from __future__ import annotations

import getpass
import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.tree import Tree

from dq_pipeline.log_context import note

if TYPE_CHECKING:
    from rich.progress import Progress

    from dq_pipeline.wiring import World


def _named(process: str) -> str:
    """Log lines of a command are about the process that it was given."""
    note(dq_process=process)
    return process


ProcessName = Annotated[
    str, typer.Argument(help="Name of a process file.", metavar="PROCESS", show_default=False, callback=_named)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON, and nothing else.")]
Why = Annotated[str, typer.Option("--why", help="The reason; kept for good.", show_default=False)]


def errors() -> Console:
    """Where progress and complaints go."""
    return Console(stderr=True)


@contextmanager
def world() -> Iterator[World]:
    """The servers and folders that the settings name; closed at the end."""
    from dq_pipeline.settings import Settings
    from dq_pipeline.wiring import open_world

    with open_world(Settings.resolve()) as opened:
        yield opened


@contextmanager
def bar() -> Iterator[Progress]:
    """Progress bars; on a terminal that is none they are left out."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = errors()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        yield progress


def stepwise(progress: Progress) -> Callable[[int, int, str], None]:
    """What steps call as they go: one bar for each kind of work."""
    tasks: dict[str, Any] = {}

    def report(done: int, total: int, what: str) -> None:
        if what not in tasks:
            tasks[what] = progress.add_task(what, total=total)
        progress.update(tasks[what], completed=done, total=total)

    return report


def answer(result: Any, as_json: bool, *shown: Table | Tree | str) -> None:
    """Print a command's result: as JSON, or `shown` to people. Text is shown as it is, brackets are no markup."""
    if as_json:
        typer.echo(json.dumps(result, default=str))
        return
    console = Console(markup=False)
    for part in shown:
        if isinstance(part, str):
            console.print(part, highlight=False, soft_wrap=True)
        else:
            console.print(part)


def number(value: float | None, digits: int = 4) -> str:
    """A figure for a table; a dash where there is none."""
    return "-" if value is None else f"{value:.{digits}g}"


def person() -> str:
    """Who gives the command: goes into the ledger with what it changes."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as in some containers
        return f"uid {os.getuid()}"


def holder() -> str:
    """Names this process where it holds a micro-batch."""
    return f"cli:{socket.gethostname()}:{os.getpid()}"
