"""`dq doctor`: is everything there that the platform needs, and if not, what to do."""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from dq_pipeline.errors import DQError

if TYPE_CHECKING:
    from dq_pipeline.adapters.probes import Finding
    from dq_pipeline.settings import Settings

LIMIT_S = 5.0
_COLOURS = {"ok": "green", "warning": "yellow", "failed": "red", "skipped": "dim"}


@dataclass(frozen=True, slots=True)
class Check:
    """One look's finding, and how long it took, s."""

    name: str
    finding: Finding
    seconds: float


def register(app: typer.Typer) -> None:
    """Add the command to the `dq` application."""
    app.command()(doctor)


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False) -> None:
    """Check every connection and say what to fix; exit code 1 if anything failed."""
    from dq_pipeline.settings import Settings

    console = Console(stderr=True)
    try:
        settings = Settings.resolve()
    except DQError as error:
        console.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None
    with console.status("looking at everything"):
        checks = examine(settings, everything())
    good = all(check.finding.status != "failed" for check in checks)
    if as_json:
        rows = [{"name": c.name, **asdict(c.finding), "seconds": round(c.seconds, 3)} for c in checks]
        typer.echo(json.dumps({"ok": good, "checks": rows}))
    else:
        _print(checks)
    raise typer.Exit(0 if good else 1)


def everything() -> dict[str, Callable[[Settings], Finding]]:
    """All looks by name."""
    from dq_pipeline.adapters import probes

    return {
        "Kafka": probes.kafka,
        "Topics": probes.topics,
        "PostgreSQL": probes.postgres,
        "MLflow": probes.mlflow,
        "Lake": probes.lake,
        "Process files": probes.process_files,
        "Airflow": probes.airflow,
    }


def examine(
    settings: Settings, probes: Mapping[str, Callable[[Settings], Finding]], limit_s: float = LIMIT_S
) -> list[Check]:
    """Run every probe at once; one that does not answer within `limit_s` has failed.

    A probe that hangs is left behind in a daemon thread, which does not keep the process alive.
    """
    from dq_pipeline.adapters.probes import Finding

    answers: queue.SimpleQueue[tuple[str, Finding]] = queue.SimpleQueue()

    def look(name: str, probe: Callable[[Settings], Finding]) -> None:
        try:
            answers.put((name, probe(settings)))
        except Exception as error:  # noqa: BLE001 -- whatever a look runs into is its finding
            answers.put(
                (name, Finding("failed", f"{type(error).__name__}: {error}", "This should not happen: report it."))
            )

    began = time.monotonic()
    for name, probe in probes.items():
        threading.Thread(target=look, args=(name, probe), daemon=True, name=f"doctor-{name}").start()
    found: dict[str, Check] = {}
    while len(found) < len(probes):
        try:
            name, finding = answers.get(timeout=max(0.0, began + limit_s - time.monotonic()))
        except queue.Empty:
            break
        found[name] = Check(name, finding, time.monotonic() - began)
    silent = Finding("failed", f"no answer within {limit_s:g} s", "Check the network on the way to it, and its load.")
    return [found.get(name, Check(name, silent, limit_s)) for name in probes]


def _print(checks: list[Check]) -> None:
    table = Table("", "state", "found", "what to do")
    table.columns[2].overflow = table.columns[3].overflow = "fold"
    for check in checks:
        colour = _COLOURS[check.finding.status]
        table.add_row(
            check.name,
            f"[{colour}]{check.finding.status}[/{colour}]",
            _verbatim(check.finding.found),
            _verbatim(check.finding.advice),
        )
    Console().print(table)


def _verbatim(text: str) -> str:
    """Text whose square brackets are no markup."""
    return text.replace("[", "\\[")
