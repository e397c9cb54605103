"""`dq compare`: releases on the same samples of the past."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from dq_pipeline.cli.terminal import AsJson, ProcessName, answer, number, world

_WHEN = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"]


def register(app: typer.Typer) -> None:
    """Add the command to the `dq` application."""
    app.command()(compare)


def compare(
    process: ProcessName,
    releases: Annotated[
        str, typer.Option(help="Versions, as 3,4; `file`: the settings of the process file now.", show_default=False)
    ] = "",
    last: Annotated[int | None, typer.Option(min=1, help="The newest so many samples; 500 by default.")] = None,
    first: Annotated[int | None, typer.Option(min=0, help="From this sample number on.")] = None,
    stop: Annotated[int | None, typer.Option(min=1, help="Up to, but without, this sample number.")] = None,
    since: Annotated[datetime | None, typer.Option(formats=_WHEN, help="Recordings that began then or later.")] = None,
    until: Annotated[datetime | None, typer.Option(formats=_WHEN, help="Recordings that began before, UTC.")] = None,
    batch: Annotated[list[str] | None, typer.Option(help="A micro-batch; may be given often.")] = None,
    by: Annotated[str, typer.Option(help="A metadata key: each of its values beside the others.")] = "",
    keep: Annotated[bool, typer.Option("--keep", help="Keep what they say in the ledger, role `replay`.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write a page with plots there.")] = None,
    as_json: AsJson = False,
) -> None:
    """Answer a period of the past again through several releases, and compare them on the same samples.

    The messages are taken from the lake as they were read. Beside the releases stand what was answered then and the
    last value; a release that answered then gives the same again, bit for bit, and what differs is counted. Without
    `--releases`: the one in Production and those that are rolled out. `dq replay` tries policies on history::

        dq compare vacuum --releases 3,4 --last 500 --by recipe
        dq compare vacuum --since 2026-03-01 --until 2026-03-08 --html week.html
    """
    from dq_pipeline import steps
    from dq_pipeline.cli.page import check, write

    check(html)
    period = {"first": first, "stop": stop, "since": _utc(since), "until": _utc(until), "batches": tuple(batch or ())}
    if last is not None or all(said in (None, ()) for said in period.values()):
        period["last"] = last or 500
    asked = [name.strip() for name in releases.split(",") if name.strip()]
    with world() as opened:
        told = steps.compare(opened, process, releases=asked, by=by, keep=keep, **period)  # type: ignore[arg-type]
    series = told.pop("series")
    shown: list[Table | str] = [_figures(told), *(_slice(told, one) for one in told["slices"]), *_learned(told)]
    shown += _reproduced(told)
    if html is not None:
        write(html, f"Releases of {process}", summary(told), [_plot(series, told["error"]), *shown])
        told["html"] = str(html)
    answer(told, as_json, summary(told), *shown, *([f"written to {html}"] if html else []))


def summary(told: dict[str, Any]) -> str:
    """What was compared, in a line."""
    period = told["period"]
    numbers = "" if period["first"] is None else f", numbers {period['first']} to {period['last']}"
    return (
        f"{told['process']}: {period['samples']} samples of {period['batches']} micro-batches{numbers}; "
        f"{period['judged']} with their truth; {told['error']}; intervals: 90 of 100 paired block draws"
    )


def _figures(told: dict[str, Any]) -> Table:
    table = Table("release", "samples", "error", "90 %", "ratio", "90 %", "cover", "alarms", "fallbacks")
    for row in told["figures"]:
        counts = told["counts"].get(row["name"])
        rest = ("-",) * 3 if counts is None else (number(counts["coverage"], 2), counts["alarms"], counts["fallbacks"])
        table.add_row(row["name"], str(row["samples"]), *_cells(row), *map(str, rest))
    return table


def _slice(told: dict[str, Any], one: dict[str, Any]) -> Table:
    title = f"{told['by']} = {one['value']}, {one['samples']} samples"
    table = Table("release", "samples", "error", "90 %", "ratio", "90 %", title=title)
    for row in one["figures"]:
        table.add_row(row["name"], str(row["samples"]), *_cells(row))
    return table


def _cells(row: dict[str, Any]) -> tuple[str, str, str, str]:
    def span(low: str, high: str) -> str:
        return "-" if row[low] is None else f"{number(row[low], 3)} to {number(row[high], 3)}"

    return number(row["error"], 3), span("low", "high"), number(row["ratio"], 3), span("ratio_low", "ratio_high")


def _learned(told: dict[str, Any]) -> list[str]:
    text = "release {} was trained on {} of these samples: its error there is no forecast"
    return [text.format(name, count) for name, count in told["learned"].items() if count]


def _reproduced(told: dict[str, Any]) -> list[str]:
    lines = []
    for name, found in told["reproduced"].items():
        if found["compared"]:
            fields = ", ".join(f"{field} in {n}" for field, n in found["differing"].items())
            same = f"differs: {fields}" if fields else "all the same, bit for bit"
            lines.append(f"release {name} answered {found['compared']} of them then: {same}")
    return lines


def _plot(series: dict[str, Any], error: str) -> dict[str, Any]:
    names = [name for name in series if name != "sample"]
    lines = [
        {"type": "scatter", "mode": "markers" if name == "truth" else "lines", "name": name, "x": series["sample"]}
        | {"y": series[name]}
        for name in names
    ]
    layout = {"title": {"text": error}, "xaxis": {"title": {"text": "sample"}}, "yaxis": {}, "plot_bgcolor": "white"}
    return {"data": lines, "layout": layout}


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=UTC)
