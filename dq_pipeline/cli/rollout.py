"""`dq rollout` and `dq shadow`: releases on their way into Production."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table

from dq_pipeline.cli.terminal import AsJson, ProcessName, Why, answer, number, person, world
from dq_pipeline.errors import StateError


def register(app: typer.Typer) -> None:
    """Add the commands to the `dq` application."""
    app.command()(rollout)
    app.command()(shadow)


def rollout(
    process: ProcessName,
    version: Annotated[str | None, typer.Argument(help="Release; the one under way by default.")] = None,
    abort: Annotated[bool, typer.Option("--abort", help="Let it go: archived, it answers no more.")] = False,
    pause: Annotated[bool, typer.Option("--pause", help="Nobody is answered by it; again: it goes on.")] = False,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Show the releases that predict in shadow or answer a share of the samples, with what keeps them there.

    A release that is surely worse is let go by itself. `--abort` and `--pause` need a reason::

        dq rollout vacuum
        dq rollout vacuum 4 --pause --why "the laboratory is closed"
    """
    from dq_pipeline import steps

    if (abort or pause) and not why.strip():
        raise StateError("--abort and --pause need a reason: `--why ...`")
    with world() as opened:
        if abort or pause:
            chosen = version or _under_way(steps.rollouts(opened, process), process)
            act = steps.abort_rollout if abort else steps.pause_rollout
            result = act(opened, process, chosen, who=person(), why=why)
            answer(result, as_json, f"Release {chosen} of {process}: {result['state']}.")
            return
        found = [one for one in steps.rollouts(opened, process) if version in (None, one["version"])]
    answer(found, as_json, *shown(found))


def shadow(
    process: ProcessName,
    version: Annotated[str, typer.Argument(help="Any release that is registered.")],
    samples: Annotated[int, typer.Option(min=1, help="Samples to be judged.")] = 100,
    why: Why = "to compare",
    as_json: AsJson = False,
) -> None:
    """Let a release predict beside the one in Production, unseen, until so many samples are judged.

    It is not promoted; several may do so at once. `dq rollout` shows the figures::

        dq shadow vacuum 2 --samples 200 --why "was the one before better on alloy?"
    """
    from dq_pipeline import steps

    with world() as opened:
        result = steps.shadow(opened, process, version, samples=samples, who=person(), why=why)
    answer(result, as_json, f"Release {version} predicts beside release {result['champion']} from now on.")


def shown(found: list[dict[str, Any]]) -> list[Table | str]:
    """Every rollout for people: a table, and what each is waiting for."""
    if not found:
        return ["No release was rolled out: `rollout` of the process file says whether one is."]
    table = Table(
        "release", "state", "against", "share", "answered", "judged", "error ratio", "90 %", "why it is there"
    )
    notes: list[Table | str] = []
    for one in found:
        figures = one["figures"] or {}
        judged = f"{one['judged']} of {one['need']}" if one.get("judged") is not None else "-"
        low, high = figures.get("low"), figures.get("high")
        span = "-" if low is None else f"{number(low, 3)} to {number(high, 3)}"
        share = f"{one['share']:.0%}" if one["share"] else "-"
        ratio = number(figures.get("ratio"), 3)
        state = one["state"] + (", to compare" if one["only_shadow"] else "")
        table.add_row(
            one["version"], state, one["champion"], share, str(one["answered"]), judged, ratio, span, one["why"]
        )
        if "stays" in one:
            notes.append(f"{one['version']} stays: {one['stays']}{_expected(figures)}")
    return [table, *notes]


def line(one: dict[str, Any]) -> str:
    """A rollout under way in one line, for `dq status`."""
    share = f", answers {one['share']:.0%}" if one["share"] else ""
    return f"release {one['version']} in {one['state']}{share}: {one['stays']}; `dq rollout`"


def _expected(figures: dict[str, Any]) -> str:
    expected = figures.get("expected")
    if expected is None:
        return ""
    one, other = number(expected["candidate"], 3), number(expected["champion"], 3)
    waiting = f"{expected['samples']} samples without their truth"
    return f"; of {waiting} an error of {one} is expected, of the release in Production {other}, which decides nothing"


def _under_way(found: list[dict[str, Any]], process: str) -> str:
    under_way = [one["version"] for one in found if "stays" in one]
    if len(under_way) != 1:
        known = ", ".join(under_way) or "none"
        raise StateError(f"{process}: one rollout under way expected, found {known}; name the release")
    return str(under_way[0])
