"""`dq score`: how good the recordings of a file are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from dq_pipeline.cli.terminal import AsJson, answer, number, world


def register(app: typer.Typer) -> None:
    """Add the command to the `dq` application."""
    app.command()(score)


def score(
    file: Annotated[str, typer.Argument(help="Recordings in the layout of the process file's history.")],
    process: Annotated[str, typer.Option("--process", "-p", help="Name of a process file.", show_default=False)],
    reference: Annotated[
        str | None, typer.Option(help="File of clean recordings; the release in Production by default.")
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(min=0, max=1, help="Score that is good enough; the process file's by default.")
    ] = None,
    worst: Annotated[int, typer.Option(min=0, help="How many of the worst to show.")] = 10,
    html: Annotated[Path | None, typer.Option(help="Write a page with plots there.")] = None,
    as_json: AsJson = False,
) -> None:
    """Score the recordings of a file: five dimensions, one score, and which sensor cost it most.

    Against what the release in Production knows, or against another file; with a file no server is asked::

        dq score today.parquet --process vacuum
        dq score today.parquet --process vacuum --reference good.parquet --html today.html
    """
    from dq_pipeline.cli.page import check, write
    from dq_pipeline.cli.recordings import read
    from dq_pipeline.replay.graded import grade, plots, scorer_on
    from dq_pipeline.steps.serving import in_production

    check(html)
    with world() as opened:
        settings = opened.process(process)
        stated = settings.quality.stated_threshold
        if reference is None:
            serving = in_production(opened, process)
            scorer, against = serving.completion_scorer, f"release {serving.version}"
            stated = serving.bundle.threshold
        else:
            clean = read(opened, settings, reference)
            scorer, against = scorer_on(settings, clean.batch), f"{len(clean.batch)} recordings of {reference}"
        found = read(opened, settings, file)
    limit = stated if threshold is None else threshold
    graded = grade(found.batch, scorer, limit)
    told = {
        "process": process,
        "file": file,
        "against": against,
        "threshold": limit,
        "recordings": len(found.batch),
        "accepted": int(graded.accepted.sum()),
        "quarantined": found.refused,
        "summary": graded.summary(),
        "worst": graded.worst(worst),
    }
    text = f"{file}: {found.told()}; {told['accepted']} reach the threshold {limit:g}, scored against {against}"
    tables = [_summary(graded.summary()), *([_worst(graded.worst(worst))] if worst else [])]
    if html is not None:
        write(html, f"Quality of {file}", text, [*plots(graded, limit), *tables])
        told["html"] = str(html)
    if as_json:
        told["scores"] = graded.rows()
    answer(told, as_json, text, *tables, *([f"written to {html}"] if html else []))


def _summary(figures: dict[str, dict[str, float]]) -> Table:
    labels = list(next(iter(figures.values())))
    table = Table("", *labels, title="Scores")
    for name, row in figures.items():
        table.add_row(name, *(number(row[label], 3) for label in labels))
    return table


def _worst(rows: list[dict[str, Any]]) -> Table:
    table = Table("recording", "score", "costs most", "", "sensor", title="Worst recordings")
    table.columns[0].no_wrap = True
    for row in rows:
        spotless = row[row["lowest"]] >= 1.0
        cost = ("-", "", "") if spotless else (row["lowest"], number(row[row["lowest"]], 2), row["sensor"])
        table.add_row(row["id"], number(row["unified"], 2), *cost)
    return table
