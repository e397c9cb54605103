"""Writes docs/results.json and docs/results.md from the experiments that were made last.

Run `python docs/publish.py FOLDER` after `make experiments`: it takes over the full runs of the folder (quick ones are
no figures) and leaves what the file already holds of others. Without a folder it writes the page anew from the file.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

from dq_pipeline.experiments.experiment import EXPERIMENTS  # noqa: E402

RESULTS, PAGE = ROOT / "docs" / "results.json", ROOT / "docs" / "results.md"

INTRODUCTION = """\
# Results of the experiments

<!-- Written by `python docs/publish.py`; edit that program, or run the experiments anew. -->

What `make experiments` made on the machine named below, table by table; `make experiments QUICK=1` makes a small one of
each to see that it works. Every number here stands in [results.json](results.json). A note under a title says how the
table was made, and in what it differs from a published setting.
"""


REACHED: dict[str, Callable[[float], bool]] = {
    "R2": lambda ours: ours >= 0.94,
    "R2, gained over the baseline": lambda ours: ours >= 0.12,
    "cumulative latency, before and with the framework": lambda ours: ours >= 801.83 / 193.33,
    "adaptations at tau 0.04": lambda ours: ours == 9,
    "adaptations at tau 0.08": lambda ours: ours == 20,
}
"""When a published figure counts as reproduced; the others cannot be compared at all."""


def taken_over(folder: Path, known: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Results in the order of the report, those of the folder in place of older ones."""
    found = {result["experiment"]: result for result in known}
    for name in EXPERIMENTS:
        file = folder / f"{name}.json"
        made = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {"quick": True}
        if not made["quick"]:
            found[name] = {key: value for key, value in made.items() if key != "plots"}
    return [found[name] for name in EXPERIMENTS if name in found]


def page(results: list[dict[str, Any]]) -> str:
    """The page of some results."""
    sections = [_section(result) for result in results]
    sections += _not_reproduced(results)
    missing = [f"* `{name}`: {about}" for name, about in EXPERIMENTS.items() if name not in _names(results)]
    if missing:
        sections.append("\n".join(["## Not made in full yet", "", *missing]))
    return "\n\n".join([INTRODUCTION.strip(), *sections]) + "\n"


def _not_reproduced(results: list[dict[str, Any]]) -> list[str]:
    """The published figures that ours do not reach."""
    tables = [table for result in results for table in result["tables"] if table["name"] == "paper/published"]
    lines = [
        f"* {row['figure']}: {row['published']} published, {row['ours']} here; {row['difference in setting']}"
        for table in tables
        for row in table["rows"]
        if row["figure"] in REACHED and not (row["ours"] is not None and REACHED[row["figure"]](row["ours"]))
    ]
    return ["\n".join(["## Not reproduced", "", *lines])] if lines else []


def _names(results: list[dict[str, Any]]) -> set[str]:
    return {result["experiment"] for result in results}


def _section(result: dict[str, Any]) -> str:
    machine = result["machine"]
    where = f"{machine['cores']} cores of {machine['processor']}, Python {machine['python']}"
    head = f"## {result['about']}\n\nMade {result['made']} on {where}, in {result['seconds']} s."
    return "\n\n".join([head, *map(_table, result["tables"])])


def _table(table: dict[str, Any]) -> str:
    heads = list(table["rows"][0])
    lines = [f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}"]
    lines += [f"| {' | '.join(_cell(cell) for cell in row.values())} |" for row in table["rows"]]
    return f"### {table['title']}\n\n{table['note']}\n\n" + "\n".join(lines)


def _cell(cell: Any) -> str:
    return "" if cell is None else str(cell).replace("|", "\\|")


def main(arguments: list[str]) -> None:
    """Take over and write."""
    if len(arguments) > 1:
        sys.exit(f"Expected one folder or none; found {' '.join(arguments)}.")
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else []
    if arguments:
        results = taken_over(Path(arguments[0]), results)
        RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page(results), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
