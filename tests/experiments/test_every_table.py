"""No table without tests that take two of its cells by another way."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

from dq_pipeline.experiments import __path__ as packages
from dq_pipeline.experiments.experiment import BARS, EXPERIMENTS

ROOT = Path(__file__).resolve().parents[2]


def tables() -> set[str]:
    """Names `<experiment>/<table>` in the experiments' code; a plot of its own is none."""
    nodes = [node for file in Path(packages[0]).rglob("*.py") for node in ast.walk(ast.parse(file.read_text("utf-8")))]
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    plots = {ast.unparse(call.args[0]) for call in calls if ast.unparse(call.func) == "Plot"}
    names = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    of_bars = [call.args[0] for call in calls if ast.unparse(call.func) in ("bars", "table_of_bars")]
    names |= {f"{name.value}/{BARS}" for name in of_bars if isinstance(name, ast.Constant)}
    return {name for name in names if is_a_table(name) and repr(name) not in plots}


def is_a_table(name: str) -> bool:
    experiment, _, table = name.partition("/")
    return experiment in EXPERIMENTS and table.isidentifier()


def recomputed() -> Iterator[tuple[str, list[str]]]:
    """Tables and columns that tests of this folder say they take by another way."""
    for file in Path(__file__).parent.rglob("test_*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            for mark in node.decorator_list if isinstance(node, ast.FunctionDef) else ():
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.recomputes":
                    assert node.name.startswith("test_")
                    table, *columns = (ast.literal_eval(argument) for argument in mark.args)
                    yield table, columns


def test_two_cells_of_every_table_are_taken_by_another_way():
    cells = dict.fromkeys(tables(), 0)
    for table, columns in recomputed():
        assert table in cells, "a test names a table that no experiment makes"
        cells[table] += len(columns)
    assert len(cells) > 20
    assert {name: count for name, count in cells.items() if count < 2} == {}


def test_published_tables_have_the_columns_that_are_taken_by_another_way():
    results = json.loads((ROOT / "docs" / "results.json").read_text("utf-8"))
    published = {table["name"]: set(table["rows"][0]) for result in results for table in result["tables"]}
    assert set(published) <= tables()
    for table, columns in recomputed():
        assert set(columns) <= published.get(table, set(columns)), table
