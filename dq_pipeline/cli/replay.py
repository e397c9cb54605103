"""`dq replay`: what a policy would have done on history."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from dq_pipeline.cli.terminal import AsJson, ProcessName, answer, bar, number, stepwise, world

if TYPE_CHECKING:
    from dq_pipeline.cli.recordings import Read
    from dq_pipeline.drift.policy import Policy
    from dq_pipeline.process import Process
    from dq_pipeline.replay.prequential import Plan, Progress, Run


class PolicyName(StrEnum):
    """Policies of a deployment, and rivals that only a replay knows."""

    ACTIVE = "active"
    PASSIVE = "passive"
    STATIC = "static"
    ERROR = "error"
    PERIODIC = "periodic"


class Weights(StrEnum):
    """What a sample counts for in a refit."""

    FADING = "fading"
    NEWEST = "newest"
    EXPANDING = "expanding"


def register(app: typer.Typer) -> None:
    """Add the command to the `dq` application."""
    app.command()(replay)


def replay(
    process: ProcessName,
    policy: Annotated[PolicyName | None, typer.Option(help="The process file's policy by default.")] = None,
    every: Annotated[int | None, typer.Option(min=5, help="Samples between refits (`passive`).")] = None,
    error_ratio: Annotated[float, typer.Option(min=1, help="Running medians at which `error` refits.")] = 1.5,
    refits: Annotated[int, typer.Option(min=1, help="How many, at equal distances (`periodic`).")] = 10,
    regimes: Annotated[int | None, typer.Option(min=0, max=20, help="Past regimes that are kept.")] = None,
    weights: Annotated[Weights | None, typer.Option(help="What a refit weighs old samples by.")] = None,
    history: Annotated[int | None, typer.Option(min=20, help="Samples learned from first.")] = None,
    samples: Annotated[int | None, typer.Option(min=21, help="The first so many of the file; all by default.")] = None,
    step: Annotated[int, typer.Option(min=1, help="Samples predicted at a time.")] = 25,
    late: Annotated[int, typer.Option(min=0, help="Samples that come before a target is known.")] = 0,
    search: Annotated[bool, typer.Option("--search", help="Search tree settings at each refit.")] = False,
    alone: Annotated[bool, typer.Option("--alone", help="Without the rivals.")] = False,
    file: Annotated[str | None, typer.Option(help="In the layout of the process file's history.")] = None,
    seed: Annotated[int, typer.Option(help="Of the random numbers.")] = 0,
    html: Annotated[Path | None, typer.Option(help="Write a page with plots there.")] = None,
    as_json: AsJson = False,
) -> None:
    """Replay a policy over history: predict the next samples, learn their truth, adapt if the policy says so.

    The detector, the policy and the training are those of the deployment; the rivals stand beside. Trees are fitted
    with fixed settings unless `--search` is given::

        dq replay hydraulic --policy active --html replay.html
        dq replay skab --late 100 --json
    """
    from dq_pipeline.cli.page import check, write
    from dq_pipeline.cli.recordings import read
    from dq_pipeline.replay.prequential import Plan

    check(html)
    with world() as opened, bar() as progress:
        settings = _settings(opened.process(process), policy, every, regimes, weights)
        found = read(opened, settings, file, samples=samples, with_target=True)
        name = policy.value if policy else settings.drift.policy
        first = history or min(settings.history.samples, len(found.batch) - 1)
        plan = Plan(first, step, late, None if search else {}, seed)
        chosen = _policy(name, settings, first, len(found.batch), error_ratio, refits)
        told, runs = follow(
            found, settings, plan, name, chosen, error_ratio=error_ratio, alone=alone, report=stepwise(progress)
        )
    if html is not None:
        from dq_pipeline.replay.plots import plots

        write(html, f"Replay of {process}", summary(told), [*plots(runs, settings), table(told["rows"])])
        told["html"] = str(html)
    answer(told, as_json, summary(told), table(told["rows"]), *([f"written to {html}"] if html else []))


def _settings(
    process: Process, policy: PolicyName | None, every: int | None, regimes: int | None, weights: Weights | None
) -> Process:
    drift: dict[str, Any] = {}
    if policy is not None and policy.value in ("active", "passive", "static"):
        drift["policy"] = policy.value
    if every is not None:
        drift["passive_every"] = every
    if regimes is not None:
        drift["regimes"] = regimes
    model = {} if weights is None else {"weights": weights.value}
    return process.model_copy(
        update={"drift": process.drift.model_copy(update=drift), "model": process.model.model_copy(update=model)}
    )


def _policy(name: str, process: Process, first: int, until: int, error_ratio: float, refits: int) -> Policy:
    from dq_pipeline.drift.policy import policy_of
    from dq_pipeline.replay.baselines import ErrorPolicy, PeriodicPolicy

    if name == "error":
        return ErrorPolicy(error_ratio)
    if name == "periodic":
        return PeriodicPolicy(first, until, refits)
    return policy_of(process.drift)


def follow(
    found: Read,
    process: Process,
    plan: Plan,
    name: str,
    policy: Policy,
    *,
    error_ratio: float = 1.5,
    alone: bool = False,
    report: Progress,
) -> tuple[dict[str, Any], dict[str, Run]]:
    """Replay a policy, and its rivals unless it is to be `alone`: what there is to tell, and the runs by name."""
    from dq_pipeline.replay.comparison import figures, last_value, rivals, window_errors
    from dq_pipeline.replay.prequential import replay as run_over

    batch = found.batch
    main = run_over(batch, process, policy, plan, what=name, progress=report)
    runs = {name: main}
    if not alone:
        for rival, other in rivals(process, main, plan, error_ratio).items():
            runs[rival] = run_over(batch, process, other, plan, what=rival, progress=report)
    rows = [figures(label, run, process) for label, run in runs.items()]
    told = {
        "process": process.name,
        "history": plan.history,
        "predicted": len(batch) - plan.history,
        "step": plan.step,
        "late": plan.late,
        "detector": process.drift.detector,
        "weights": process.model.weights,
        "quarantined": found.refused,
        "rows": [row.as_dict() for row in (rows if alone else [*rows, last_value(batch, process, plan)])],
        "run": {
            "alarms": [
                {"sample": int(at), "id": batch.ids[at], "sensor": sensor}
                for at, sensor in zip(main.alarms, main.sensors, strict=True)
            ],
            "adaptations": [
                {"at": a.at, "kind": a.kind, "why": a.why, "seconds": round(a.seconds, 3)} for a in main.adaptations
            ],
            "errors": [None if error != error else float(error) for error in window_errors(main, process)],
            "elapsed_s": [round(float(s), 3) for s in main.elapsed],
            "uncalibrated_share": float(1.0 - main.calibrated.mean()),
        },
    }
    return told, runs


def summary(told: dict[str, Any]) -> str:
    """What was replayed, in a line."""
    refused = ", ".join(f"{reason} {n}" for reason, n in sorted(told["quarantined"].items())) or "none"
    late = f", targets {told['late']} samples late" if told["late"] else ""
    uncalibrated = told["run"]["uncalibrated_share"]
    return (
        f"{told['process']}: {told['predicted']} samples predicted, {told['step']} at a time, after {told['history']} "
        f"of history{late}; {told['detector']} detector, uncalibrated on {uncalibrated:.0%} of them; "
        f"{told['weights']} weights; quarantined: {refused}"
    )


def table(rows: list[dict[str, Any]]) -> Table:
    """The figures of each run, the policy's first."""
    names = [name for name in ("mae", "r2", "accuracy", "f1") if name in rows[0]["metrics"]]
    again = any(row["reinstated"] for row in rows)
    shown = Table("policy", "refits", *(["reinstated"] if again else []), "references", "alarms", *names, "cover", "s")
    shown.columns[0].no_wrap = True
    for row in rows:
        figures = [number(row["metrics"][name], 3) for name in names]
        counts = (row["refits"], *([row["reinstated"]] if again else []), row["references"], row["alarms"])
        shown.add_row(row["policy"], *map(str, counts), *figures, number(row["coverage"], 2), f"{row['seconds']:.0f}")
    return shown
