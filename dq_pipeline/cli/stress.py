"""`dq stress`: at which severity of which perturbation a process breaks."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from dq_pipeline.cli.terminal import AsJson, ProcessName, answer, bar, number, stepwise, world

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dq_pipeline.stress.likeness import Likeness
    from dq_pipeline.stress.report import Climb, Rung

_BREAKS = ("error", "coverage", "retained", "alarms", "unseen", "misnamed")


def register(app: typer.Typer) -> None:
    """Add the command to the `dq` application."""
    app.command()(stress)


def stress(
    process: ProcessName,
    perturb: Annotated[list[str] | None, typer.Option(help="Which perturbation; all by default. Repeatable.")] = None,
    sensor: Annotated[
        str | None, typer.Option(help="Hit where one is; by default the one that says most about the target.")
    ] = None,
    history: Annotated[int | None, typer.Option(min=20, help="Samples learned from, never disturbed.")] = None,
    samples: Annotated[int | None, typer.Option(min=65, help="The first so many of the file; all by default.")] = None,
    error_ratio: Annotated[float, typer.Option(min=1, help="Limit: error, in undisturbed ones.")] = 1.25,
    coverage_loss: Annotated[float, typer.Option(min=0, max=1, help="Limit: coverage lost.")] = 0.1,
    retained: Annotated[
        float | None, typer.Option(min=0, max=1, help="Limit: share retained; the process file's by default.")
    ] = None,
    found_within: Annotated[int, typer.Option(min=1, help="Limit: samples until it is noticed.")] = 100,
    synthetic: Annotated[
        bool, typer.Option("--synthetic", help="On recordings drawn from a model of the process, of no one.")
    ] = False,
    file: Annotated[str | None, typer.Option(help="In the layout of the process file's history.")] = None,
    seed: Annotated[int, typer.Option(help="Of the random numbers.")] = 0,
    html: Annotated[Path | None, typer.Option(help="Write a page with plots there.")] = None,
    as_json: AsJson = False,
) -> None:
    """Disturb history harder and harder, and tell at which severity what breaks.

    Model, detector and scorer are made once, of the undisturbed part. Each perturbation (missing, noise, calibration,
    unit, offset, stuck, delay, outage, process_change, concept) climbs a ladder of severities over what comes after;
    for each the first severity that passes a limit is told, with the undisturbed figure beside::

        dq stress hydraulic --html stress.html
        dq stress vacuum --perturb delay --perturb calibration --sensor pressure --json
    """
    from dq_pipeline.cli.page import check, write
    from dq_pipeline.cli.recordings import read
    from dq_pipeline.stress.bench import Bench
    from dq_pipeline.stress.likeness import synthetic as drawn
    from dq_pipeline.stress.plots import plots
    from dq_pipeline.stress.report import Limits, climb

    check(html)
    with world() as opened, bar() as progress:
        settings = opened.process(process)
        found = read(opened, settings, file, samples=samples, with_target=True)
        batch, likeness = found.batch, None
        first = history or min(settings.history.samples, round(0.6 * len(batch)))
        if synthetic:
            batch, likeness = drawn(batch, settings, first, seed=seed)
        limits = Limits(error_ratio, coverage_loss, retained, found_within=found_within)
        bench = Bench.on(batch, settings, first, sensor=sensor, seed=seed)
        usual, climbs = climb(bench, perturb or (), limits, stepwise(progress))
    told: dict[str, Any] = {
        "process": process,
        "history": first,
        "struck": len(batch) - first,
        "sensor": settings.sensor_names[bench.sensor],
        "quarantined": found.refused,
        "synthetic": None if likeness is None else likeness.as_dict(),
        "limits": asdict(limits) | {"retained": settings.quality.min_retained if retained is None else retained},
        "undisturbed": asdict(usual),
        "perturbations": [one.as_dict() for one in climbs],
    }
    text = _told(told, usual)
    tables = [*([] if likeness is None else [_like(likeness)]), _breaks(climbs)]
    if html is not None:
        parts: list[Any] = [*tables, *plots(usual, climbs, limits), *(_rungs(usual, one) for one in climbs)]
        write(html, f"Stress of {process}", text, parts)
        told["html"] = str(html)
    answer(told, as_json, text, *tables, *([f"written to {html}"] if html else []))


def _told(told: dict[str, Any], usual: Rung) -> str:
    error, coverage = number(usual.error, 3), number(usual.coverage, 2)
    noticed = "nothing noticed" if usual.found is None else f"a false alarm after {usual.found} samples"
    return (
        f"{told['process']}: {told['struck']} samples after {told['history']} of history; one sensor hit: "
        f"{told['sensor']}. Undisturbed: error {error}, coverage {coverage}, {usual.retained:.0%} retained, {noticed}"
    )


def _breaks(climbs: Sequence[Climb]) -> Table:
    table = Table(
        "perturbation",
        "from",
        "to",
        *_BREAKS,
        title="First severity that breaks each",
        caption="unseen: the error is beyond its limit and nothing noticed in time; misnamed: noticed, and put down to "
        "another cause",
    )
    table.columns[0].no_wrap = True
    for one in climbs:
        ends = (f"{one.rungs[0].severity:g}", f"{one.rungs[-1].severity:g}")
        table.add_row(one.perturbation, *ends, *(number(one.breaks[name]) for name in _BREAKS))
    return table


def _rungs(usual: Rung, one: Climb) -> Table:
    table = Table(
        "severity",
        "error",
        "coverage",
        "retained",
        "wrong alarms",
        "noticed after",
        "by",
        "put down to",
        title=f"{one.perturbation}: {one.meaning.format('the severity')}{f' ({one.sensor})' if one.sensor else ''}",
    )
    for rung in (usual, *one.rungs):
        shares = (rung.error, rung.coverage, rung.retained, rung.alarms_wrong)
        cause = f"{rung.cause} {rung.subject}".strip() or "-"
        found = "-" if rung.found is None else str(rung.found)
        table.add_row(f"{rung.severity:g}", *(number(share, 3) for share in shares), found, rung.by or "-", cause)
    return table


def _like(likeness: Likeness) -> Table:
    table = Table("", "synthetic", "real, held out", title="Synthetic recordings beside those they were not made from")
    table.add_row("nearest to a real one", number(likeness.nearest, 3), number(likeness.nearest_held, 3))
    table.add_row("median distance", number(likeness.median, 3), number(likeness.median_held, 3))
    table.add_row("error of a model that learned from them", number(likeness.error, 3), number(likeness.error_real, 3))
    table.caption = f"no synthetic recording may lie nearer than {likeness.limit:.3g}"
    return table
