"""`dq experiments`: the published experiments and our own, made again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from dq_pipeline.cli.terminal import AsJson, answer, bar, errors, stepwise

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


PAGE = "index.html"


def register(app: typer.Typer) -> None:
    """Add the command to the `dq` application."""
    app.command()(experiments)


def experiments(
    names: Annotated[list[str] | None, typer.Argument(help="Which; all by default.", show_default=False)] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Few samples and seeds: minutes, and no figures.")] = False,
    folder: Annotated[Path | None, typer.Option(help="Where results go; `experiments` in DQ_VAR by default.")] = None,
    listed: Annotated[bool, typer.Option("--list", help="Say which there are, and end.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make experiments again: tables as JSON, and one page of all that were made.

    The recorded processes take part where DQ_DATA_DIR names their data. Each experiment replaces its own file, so the
    page also shows what was made before. What was meant to be reached is written beside what was to
    `evidence/experiments.json`, in DQ_VAR::

        dq experiments --list
        dq experiments paper --quick
    """
    from dq_pipeline.cli import page
    from dq_pipeline.evidence import write
    from dq_pipeline.experiments.experiment import EXPERIMENTS, Asked, experiment
    from dq_pipeline.experiments.results import evidence, make, whole
    from dq_pipeline.settings import Settings

    if listed:
        answer(dict(EXPERIMENTS), as_json, *(f"{name}: {about}" for name, about in EXPERIMENTS.items()))
        return
    settings = Settings.resolve()
    where = folder or settings.var / "experiments"
    page.check(where / PAGE)
    chosen = names or list(EXPERIMENTS)
    for name in chosen:
        experiment(name)  # an unknown one is said before the first is made
    results = []
    for name in chosen:
        with bar() as progress:
            asked = Asked(quick, settings.process_dir, settings.variables, stepwise(progress))
            results.append(make(name, asked, where))
        errors().print(f"{name}: {results[-1]['seconds']:.0f} s", highlight=False)
    rows = [row for one in results for row in evidence(one)]
    rows += [whole(results, quick=quick)] if set(chosen) == set(EXPERIMENTS) else []
    written = write(settings.var / "evidence", "experiments", rows, partial=True)
    index = write_page(where)
    told = {"results": results, "page": str(index), "evidence": str(written)}
    tables = (table for one in results for table in _tables(one))
    fallen = [
        f"does not hold: {row['name']}: {row['value']}, {row['bar']}" for row in rows if row.get("holds") is False
    ]
    answer(told, as_json, *tables, *fallen, f"written to {where}, see {index}")


def write_page(folder: Path) -> Path:
    """One page of all experiments that a folder holds; where it is."""
    from dq_pipeline.cli import page
    from dq_pipeline.experiments.results import made

    shown = made(folder)
    parts: list[page.Part] = []
    for one in shown:
        parts += [one["about"], *_tables(one), *(plot["figure"] for plot in one["plots"])]
    page.write(folder / PAGE, "Experiments", _summary(shown), parts)
    return folder / PAGE


def _summary(results: Sequence[Mapping[str, Any]]) -> str:
    parts = [
        f"{one['about']} ({'quick, no figures; ' if one['quick'] else ''}{one['seconds']:.0f} s, {one['made']})"
        for one in results
    ]
    found = results[0]["machine"]
    return f"On {found['cores']} cores of {found['processor']}, Python {found['python']}: " + "; ".join(parts) + "."


def _tables(result: Mapping[str, Any]) -> list[Table]:
    return [_table(one) for one in result["tables"]]


def _table(told: Mapping[str, Any]) -> Table:
    table = Table(title=told["title"], caption=told["note"], title_justify="left", caption_justify="left")
    for head in told["rows"][0]:
        table.add_column(head)
    for row in told["rows"]:
        table.add_row(*("" if cell is None else str(cell) for cell in row.values()))
    return table
