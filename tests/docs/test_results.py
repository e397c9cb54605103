"""The page of results quotes docs/results.json, and nothing else."""

from __future__ import annotations

import json
import re
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
RESULTS = json.loads((ROOT / "docs" / "results.json").read_text(encoding="utf-8"))
PAGE = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?")


@pytest.fixture(scope="module")
def publish() -> dict[str, Callable[..., Any]]:
    before = list(sys.path)
    try:
        return runpy.run_path(str(ROOT / "docs" / "publish.py"))
    finally:
        sys.path[:] = before


def test_the_page_is_up_to_date(publish: dict[str, Callable[..., Any]]) -> None:
    assert publish["page"](RESULTS) == PAGE, "run `python docs/publish.py`"


def test_every_number_of_a_table_stands_in_the_results() -> None:
    cells = [cell for result in RESULTS for table in result["tables"] for row in table["rows"] for cell in row.values()]
    known = {number for cell in cells for number in NUMBER.findall(str(cell))}
    lines = [line for line in PAGE.splitlines() if line.startswith("| ")]
    heads = {head for result in RESULTS for table in result["tables"] for head in table["rows"][0]}
    shown = [cell.strip() for line in lines for cell in line.strip("|").split(" | ") if cell.strip() not in heads]
    assert {number for cell in shown for number in NUMBER.findall(cell)} <= known


def test_only_full_runs_are_published() -> None:
    assert not any(result["quick"] for result in RESULTS)


def test_a_full_run_takes_the_place_of_an_older_one_and_a_quick_one_does_not(
    publish: dict[str, Callable[..., Any]], tmp_path: Path
) -> None:
    def made(seconds: float, *, quick: bool) -> dict[str, Any]:
        tables = [{"name": "paper/a", "title": "A", "note": "N", "rows": [{"x": seconds}]}]
        machine = {"cores": 2, "processor": "p", "python": "3"}
        about = {"experiment": "paper", "about": "The paper", "made": "now", "machine": machine}
        return {**about, "quick": quick, "seconds": seconds, "tables": tables, "plots": [1]}

    older = [{key: value for key, value in made(1.0, quick=False).items() if key != "plots"}]
    (tmp_path / "paper.json").write_text(json.dumps(made(2.0, quick=True)))
    assert publish["taken_over"](tmp_path, older) == older
    (tmp_path / "paper.json").write_text(json.dumps(made(3.0, quick=False)))
    (found,) = publish["taken_over"](tmp_path, older)
    assert found["seconds"] == 3.0
    assert "plots" not in found
    assert "| 3.0 |" in publish["page"]([found])


def test_what_was_not_reproduced_is_said(publish: dict[str, Callable[..., Any]]) -> None:
    def result(ours: float | None) -> list[dict[str, Any]]:
        row = {"figure": "R2", "published": "94 %", "ours": ours, "difference in setting": "simulated"}
        return [{"tables": [{"name": "paper/published", "rows": [row]}]}]

    assert publish["_not_reproduced"](result(0.95)) == []
    assert "94 % published, 0.8 here" in publish["_not_reproduced"](result(0.8))[0]
    assert "None here" in publish["_not_reproduced"](result(None))[0]
