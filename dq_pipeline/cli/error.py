"""`dq error`: the error that is expected of the release in Production, beside the truth where it has come."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table

from dq_pipeline.cli.terminal import AsJson, ProcessName, answer, number, world

_WIDTH = 40


def register(app: typer.Typer) -> None:
    """Add the command to the `dq` application."""
    app.command()(error)


def error(
    process: ProcessName,
    last: Annotated[int, typer.Option(min=1, help="Of the newest so many answers.")] = 200,
    as_json: AsJson = False,
) -> None:
    """Show what error is expected before the truth is known, and what it was once it came.

    By blocks of 20 answers, each with what was known when it was given. docs/labels.md says how it is estimated::

        dq error hydraulic
        dq error hydraulic --last 500 --json
    """
    from dq_pipeline import steps

    with world() as opened:
        opened.ledger.migrate()
        unit = opened.process(process).target.unit
        found = steps.error_estimate(opened, process, last=last)
    answer(found, as_json, *_shown(found, unit))


def _shown(found: dict[str, Any], unit: str) -> list[Table | str]:
    if found["why"] is not None:
        return [f"Nothing is expected: {found['why']}."]
    shown: list[Table | str] = []
    if found["blocks"]:
        wide = max(value for block in found["blocks"] for value in (block["high"], block["observed"]) if value)
        title = f"Mean error of each 20 answers [{unit}]; o expected, x observed"
        table = Table("from", "expected", "9 of 10 within", "observed", "known", f"0 to {number(wide, 3)}", title=title)
        for block in found["blocks"]:
            limits = f"{number(block['low'], 3)} to {number(block['high'], 3)}"
            told = (number(block["expected"], 3), limits, number(block["observed"], 3), str(block["n_observed"]))
            table.add_row(block["first"], *told, line(block, wide))
        shown.append(table)
    within = f"{number(found['low'], 3)} to {number(found['high'], 3)}"
    shown.append(
        f"Release {found['release']}: {number(found['expected'], 3)} {unit} expected of {found['n_expected']} answers, "
        f"9 of 10 within {within}; {number(found['observed'], 3)} observed on {found['n_observed']} of them."
    )
    shown.append(
        f"Without the estimate: {number(found['usual'], 3)} at training, {number(found['last_value'], 3)} on the "
        f"newest labels. Scaled by {number(found['scale'], 3)} from {found['n_scale']} labels."
    )
    return shown


def line(block: dict[str, Any], wide: float) -> str:
    """A block as characters: its interval, what was expected in it, and what was observed.

    >>> line({"low": 1.0, "high": 3.0, "expected": 2.0, "observed": 4.0}, 4.0).rstrip()
    '          ----------o----------         x'
    """
    cells = [" "] * (_WIDTH + 1)

    def place(value: float) -> int:
        return min(round(value / wide * _WIDTH), _WIDTH) if wide > 0.0 else 0

    if block["low"] is not None:
        first, last = place(block["low"]), place(block["high"])
        cells[first : last + 1] = ["-"] * (last + 1 - first)
    cells[place(block["expected"])] = "o"
    if block["observed"] is not None:
        cells[place(block["observed"])] = "x"
    return "".join(cells)
