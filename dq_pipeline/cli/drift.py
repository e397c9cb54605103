"""`dq drift`: whether one file has drifted from another."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from dq_pipeline.cli.terminal import AsJson, answer, bar, number, stepwise, world

if TYPE_CHECKING:
    from dq_pipeline.drift.report import DriftReport
    from dq_pipeline.replay.contrasted import Verdict

_SHOWN = 20


class DetectorName(StrEnum):
    """Drift detectors."""

    SEQUENTIAL = "sequential"
    WINDOW = "window"


def register(app: typer.Typer) -> None:
    """Add the command to the `dq` application."""
    app.command()(drift)


def drift(
    reference: Annotated[str, typer.Argument(help="Recordings in the layout of the process file's history.")],
    current: Annotated[str, typer.Argument(help="Recordings that came after them.")],
    process: Annotated[str, typer.Option("--process", "-p", help="Name of a process file.", show_default=False)],
    detector: Annotated[DetectorName | None, typer.Option(help="Ask this one alone; both by default.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page with plots there.")] = None,
    as_json: AsJson = False,
) -> None:
    """Compare two files: divergences of every sensor, and what the drift detectors say; no server is asked.

    `p` is the chance of as large a difference between two stretches of the reference. A detector fitted on fewer
    than 200 recordings, or on a process that wanders, is `uncalibrated`: its rate of false alarms is not promised::

        dq drift january.parquet february.parquet --process vacuum
    """
    from dq_pipeline.cli.page import check, write
    from dq_pipeline.cli.recordings import read
    from dq_pipeline.drift.detector import DETECTORS
    from dq_pipeline.replay.contrasted import contrast, plots

    check(html)
    with world() as opened, bar() as progress:
        settings = opened.process(process)
        before, after = read(opened, settings, reference), read(opened, settings, current)
        chosen = tuple(DETECTORS) if detector is None else (detector.value,)
        found = contrast(before.batch, after.batch, settings, detectors=chosen, progress=stepwise(progress))
    told = {"process": process, "reference": reference, "current": current, **found.as_dict()}
    told["quarantined"] = {"reference": before.refused, "current": after.refused}
    text = f"{reference}: {before.told()}\n{current}: {after.told()}"
    doubts = [f"{one.detector}: uncalibrated, {one.uncalibrated}" for one in found.verdicts if one.uncalibrated]
    tables = [_verdicts(found.verdicts), _sensors(found.report)]
    if found.report.categories:
        tables.append(_categories(found.report))
    if found.report.mixes:
        tables.append(_mixes(found.report))
    if html is not None:
        write(html, f"Drift from {reference} to {current}", "; ".join([text, *doubts]), [*plots(found), *tables])
        told["html"] = str(html)
    answer(told, as_json, text, *tables, *doubts, *([f"written to {html}"] if html else []))


def _verdicts(verdicts: tuple[Verdict, ...]) -> Table:
    table = Table("detector", "verdict", "first alarm at", "alarms", "sensors")
    for column in table.columns[:3]:
        column.no_wrap = True
    for verdict in verdicts:
        found = (verdict.at or "-", str(verdict.alarms), ", ".join(verdict.named))
        table.add_row(verdict.detector, verdict.state, *found)
    return table


def _sensors(report: DriftReport) -> Table:
    names = list(report.largest)
    table = Table("sensor", *names, "p of jsd", "of moments", title="Divergences, the largest jsd first")
    for row in report.ranked()[:_SHOWN]:
        chance = (number(row.p.get(name), 2) for name in ("jsd", "moments"))
        table.add_row(row.sensor, *(number(row.divergences[name], 2) for name in names), *chance)
    overall = (number(report.p.get(name), 2) for name in ("jsd", "moments"))
    table.add_row("all, at most", *(number(report.largest[name], 2) for name in names), *overall)
    return table


def _categories(report: DriftReport) -> Table:
    table = Table("category", "chi-squared", "degrees", "p", "new values", title="Categories")
    for row in report.categories:
        figures = (number(row.statistic, 3), str(row.degrees), number(row.p, 2))
        table.add_row(row.name, *figures, ", ".join(row.new) or "none")
    return table


def _mixes(report: DriftReport) -> Table:
    table = Table(
        "sensor", "chi-squared", "design effect", "degrees", "p", "moved", "new values", title="Categorical sensors"
    )
    for row in report.mixes:
        figures = (number(row.statistic, 3), number(row.design_effect, 3), str(row.degrees), number(row.p, 2))
        moved = ", ".join(one.told() for one in row.moved)
        table.add_row(row.name, *figures, moved or "none", ", ".join(row.new) or "none")
    return table
