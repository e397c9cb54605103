"""`dq init`: a first release from history, in this process."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from dq_pipeline.cli.terminal import AsJson, ProcessName, answer, bar, number, stepwise, world


def register(app: typer.Typer) -> None:
    """Add the command to the `dq` application."""
    app.command("init")(initialize)


def initialize(
    process: ProcessName,
    samples: Annotated[
        int | None, typer.Option(min=20, help="Recordings of history; the process file's number.")
    ] = None,
    chunk: Annotated[int, typer.Option(min=1, help="Recordings read at once.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Make a release from the process' history: annotate, score, train, judge, promote.

    The same steps as the DAG `<process>_initialization`, one after the other in this process. Creates the ledger's
    tables and the process' topics where they are missing; while a deployment runs, the new release takes over whole::

        dq simulate vacuum && dq init vacuum
    """
    from dq_pipeline import steps

    run = f"cli-{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
    with world() as opened, bar() as progress:
        opened.ledger.migrate()
        opened.stream.ensure_topics(opened.process(process))
        report = stepwise(progress)
        report(0, 1, "plan")
        planned = steps.plan(opened, process, run=run, samples=samples, chunk=chunk)
        report(1, 1, "plan")
        chunks: list[dict[str, Any]] = []
        for part in planned["chunks"]:
            report(part["first"], planned["samples"], "annotate")
            chunks.append(steps.annotate(opened, process, run=run, **part))
            report(part["stop"], planned["samples"], "annotate")
        unified = steps.unify(opened, process, run=run, chunks=chunks)
        key = steps.train(opened, process, run=run, progress=report)["key"]
        judged = steps.evaluate(opened, process, key=key)
        result: dict[str, Any] = {"process": process, "run": run, "history": unified, **judged}
        if judged["passed"]:
            result |= steps.stage(opened, process, key=key)
            result |= steps.promote(opened, process, key=key, why=f"initialized by {run}")
        else:
            steps.reject(opened, process, key=key, why=judged["why"])
        row = opened.ledger.release_by_key(process, key)
    metrics = {} if row is None else dict(row.metrics)
    result["metrics"] = metrics
    if not judged["passed"]:
        answer(result, as_json, f"The challenger was rejected: {judged['why']}")
        raise typer.Exit(1)
    figures = ", ".join(
        f"{name} {number(metrics[name])}" for name in ("mae", "r2", "accuracy", "f1") if name in metrics
    )
    curation = unified["curation"]["reference"]
    used = f"{unified['accepted']} of {unified['samples']} recordings good enough"
    used += f", {curation['dropped']} of {curation['of']} kept out of the reference"
    answer(result, as_json, f"Release {result['version']} of {process} is in Production: {used}; {figures}")
