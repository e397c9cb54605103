"""Entries of what files say: benchmarks, experiments, messages, tables, files of the lake, features and sensors."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterable, Iterator, Mapping

from dq_pipeline.catalog.entry import Entry, Source
from dq_pipeline.catalog.known import Known
from dq_pipeline.model.features import STATISTICS
from dq_pipeline.process import Process

Sourced = Callable[[str], Source]
Table = Mapping[str, str]
"""Column -> type."""

PLACES = {
    "message": "dq_pipeline/wire/codec.py",
    "lake": "dq_pipeline/steps/paths.py",
    "model": "dq_pipeline/model/features.py",
    "drift": "dq_pipeline/drift/contrasts.py",
    "quality": "dq_pipeline/quality/dimensions.py",
    "divergence": "dq_pipeline/drift/divergences.py",
}
_SCHEMAS = {"feedback": "feedback_schema", "trust": "trust_schema", "reports": "report_schema"}
_RESULTS = "docs/results/"
_TABLES = "docs/results.json"


def benchmarks(texts: Mapping[str, str], known: Mapping[str, Known], sourced: Sourced) -> Iterator[Entry]:
    """What `make bench` and the live runs measure: the module's own words, and the newest figures."""
    rows = [row for path, text in texts.items() if path.startswith(_RESULTS) for row in json.loads(text)]
    for name, about in known.items():
        path = f"benchmarks/{name}.py"
        place = path if path in texts else "dq_pipeline/demo/report.py"
        title, text = _words(texts.get(path, ""), name)
        yield Entry(
            f"benchmark/{name}",
            "benchmark",
            title,
            text,
            sourced(place),
            about.validation,
            about.failures,
            figures=tuple(row for row in rows if str(row["name"]).split("/")[0] in about.figures),
        )


def experiments(texts: Mapping[str, str], known: Mapping[str, Known], sourced: Sourced) -> Iterator[Entry]:
    """What `make experiments` makes again: what each asks, and its tables."""
    made = {one["experiment"]: one for one in json.loads(texts.get(_TABLES, "[]"))}
    for name, about in known.items():
        place = f"dq_pipeline/experiments/{name}.py"
        title, text = _words(texts.get(place, ""), name)
        one = made.get(name, {})
        tables = one.get("tables", [])
        facts = {"made": str(one["made"])} if one else {}
        facts |= {table["name"]: table["title"] for table in tables}
        yield Entry(
            f"experiment/{name}", "experiment", title, text, sourced(place), about.validation, about.failures, facts
        )


def schemas(
    known: Mapping[str, Mapping[str, Known]],
    tables: Mapping[str, Table],
    messages: Mapping[str, Iterable[str]],
    sourced: Sourced,
) -> Iterator[Entry]:
    """Messages with their fields, tables with their columns, files of the lake."""
    for name, about in known["messages"].items():
        facts = {"fields": ", ".join(messages[name])} if messages.get(name) else {}
        place = sourced(PLACES["message"])
        yield Entry(f"message/{name}", "message", name, about.meaning, place, about.validation, about.failures, facts)
    for path, about in known["tables"].items():
        group, _, name = path.partition("/")
        yield Entry(
            f"table/{name}",
            "table",
            f"dq.{name}",
            about.meaning,
            sourced(f"dq_pipeline/adapters/ledger/{_SCHEMAS.get(group, 'schema')}.py"),
            about.validation,
            about.failures,
            {"group": group},
            figures=tuple({"column": column, "type": kind} for column, kind in tables.get(name, {}).items()),
        )
    for name, about in known["lake"].items():
        place = sourced(PLACES["lake"])
        yield Entry(f"lake/{name}", "lake", name, about.meaning, place, about.validation, about.failures)


def features(known: Mapping[str, Known], processes: Iterable[Process], sourced: Sourced) -> Iterator[Entry]:
    """Each kind of feature, with the sensors that have it."""
    having = {one.name: ", ".join(one.sensor_names) for one in processes}
    for path, about in known.items():
        group, _, name = path.partition("/")
        facts = {"unit": about.unit, "of": group, **({f"sensors of {n}": s for n, s in having.items()})}
        place = sourced(PLACES[group])
        yield Entry(
            f"feature/{path}",
            "feature",
            f"{group}: {name}",
            about.meaning,
            place,
            about.validation,
            about.failures,
            facts,
        )


def sensors(
    process: Process,
    about: Known,
    inventory: Mapping[str, Mapping[str, str]],
    audits: Mapping[str, str],
    sourced: Sourced,
) -> Iterator[Entry]:
    """Each sensor as the process file and the inventory have it, with what an audit said last."""
    for name, sensor in process.sensors.items():
        facts = {
            key: ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            for key, value in sensor.model_dump(mode="json").items()
            if value not in (None, [], {}, "")
        }
        rules = [
            rule for rule, parsed in zip(process.rules, process.parsed_rules, strict=True) if name in parsed.sensors
        ]
        facts |= {"rules": "; ".join(rules)} if rules else {}
        facts["features"] = ", ".join(f"{name}.{one}" for one in STATISTICS)
        yield Entry(
            f"sensor/{process.name}/{name}",
            "sensor",
            f"{name} of {process.title}",
            f"A sensor of {process.name}, in {sensor.unit}.",
            sourced(f"dags/processes/{process.name}.yaml"),
            about.validation,
            about.failures,
            {**facts, **inventory.get(name, {})},
            {"last audit": audits[name]} if name in audits else {},
        )


def contracts(process: Process, about: Known, results: Mapping[str, str], sourced: Sourced) -> Iterator[Entry]:
    """Each contract of the process file, with what it came to last."""
    for name, contract in process.contracts.items():
        facts = {key: str(value) for key, value in contract.model_dump(mode="json").items() if value not in (None, "")}
        yield Entry(
            f"contract/{process.name}/{name}",
            "contract",
            f"{name} of {process.title}",
            f"What is expected of {process.name} in production.",
            sourced(f"dags/processes/{process.name}.yaml"),
            about.validation,
            about.failures,
            facts,
            {"last result": results[name]} if name in results else {},
        )


def _words(source: str, name: str) -> tuple[str, str]:
    """The first line of a module's docstring, and the rest; its name where there is no module."""
    words = ast.get_docstring(ast.parse(source)) if source else None
    first, _, rest = (words or name).partition("\n")
    return first.strip(), " ".join(part.strip() for part in rest.strip().splitlines())
