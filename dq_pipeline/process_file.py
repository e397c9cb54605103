"""Process files: read, validated, and refused with every problem at once."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from dq_pipeline import rules
from dq_pipeline.encode.section import with_columns
from dq_pipeline.errors import Problem, ProcessFileError
from dq_pipeline.process import NAME, Process
from dq_pipeline.sections.contract import OF_CLASSES, OF_NUMBERS, TAKEN

NAME_OF_SENSOR = r"[A-Za-z_][A-Za-z0-9_]{0,99}"


class _Loader(yaml.CSafeLoader):
    """YAML 1.1 without its surprises: `on` is a key and not true, and a key given twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, Hashable) and key in seen:
                line = key_node.start_mark.line + 1
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} is given twice (line {line})")
            if isinstance(key, Hashable):
                seen.add(key)
        return super().construct_mapping(node, deep=deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))


def load(path: Path) -> Process:
    """Read and validate one process file.

    Raises
    ------
    ProcessFileError
        With every problem of the file: key, what was expected, what was found.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from None
    return read(text, path)


def read(text: str, path: Path) -> Process:
    """Validate the text of a process file that is, or is to be, at this path; see :func:`load`."""
    try:
        data = yaml.load(text, Loader=_Loader)
    except (RecursionError, yaml.YAMLError) as error:
        raise _unreadable(path, error) from None
    return parse(data, str(path), stem=path.stem)


def _unreadable(path: Path, error: Exception) -> ProcessFileError:
    return ProcessFileError(str(path), (Problem("(file)", "readable YAML", " ".join(str(error).split())),))


def parse(data: Any, file: str, *, stem: str | None = None) -> Process:
    """Validate what a process file holds; see :func:`load`."""
    if not isinstance(data, dict):
        raise ProcessFileError(file, (Problem("(file)", "a mapping of keys", type(data).__name__),))
    problems: list[Problem] = []
    process: Process | None = None
    try:
        process = Process.model_validate(data)
    except ValidationError as error:
        problems.extend(_problem(entry) for entry in error.errors(include_url=False))
    problems.extend(_cross_checks(data, process))
    if stem is not None and isinstance(data.get("process"), str) and data["process"] != stem:
        problems.append(Problem("process", f"the file's name, {stem!r}", repr(data["process"])))
    if problems or process is None:
        raise ProcessFileError(file, tuple(problems))
    return process


def load_all(folder: Path) -> tuple[dict[str, Process], dict[str, ProcessFileError]]:
    """Every process file of a folder: those that are valid by name, and the errors of the others by file."""
    good: dict[str, Process] = {}
    bad: dict[str, ProcessFileError] = {}
    for path in sorted(folder.glob("*.yaml")):
        try:
            good[path.stem] = load(path)
        except ProcessFileError as error:
            bad[str(path)] = error
    return good, bad


def _problem(entry: Any) -> Problem:
    key = ".".join(str(part) for part in entry["loc"]) or "(file)"
    if key.split(".")[0] == "alerts" and "://" in f"{key} {entry['input']}":  # it holds a password
        key = ".".join(str(part) for part in entry["loc"] if "://" not in str(part))
        return Problem(key, "a name, whose address is in DQ_ALERTS_<NAME>", "an address, which is not shown")
    if entry["type"] == "extra_forbidden":
        return Problem(key, "a known key (see docs/processes.md)", f"unknown key with value {_short(entry['input'])}")
    if entry["type"] == "missing":
        return Problem(key, "a value", "nothing")
    message = entry["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    return Problem(key, message, _short(entry["input"]))


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _cross_checks(data: dict[str, Any], process: Process | None) -> Iterator[Problem]:
    """Problems between keys; rules and sensor references are checked even when another key is wrong."""
    sensors = with_columns(data).get("sensors")
    names = set(sensors) if isinstance(sensors, dict) else set()
    for i, text in enumerate(data.get("rules") or ()):
        try:
            unknown = [name for name in rules.parse(str(text)).sensors if name not in names]
        except ValueError as error:
            yield Problem(f"rules.{i}", str(error), repr(text))
            continue
        if unknown:
            yield Problem(
                f"rules.{i}", f"sensors of this file ({', '.join(sorted(map(str, names)))})", ", ".join(unknown)
            )
    if process is not None:
        yield from _shape_checks(process)
        yield from _sensor_checks(process)
        yield from _channel_checks(data, process)
        yield from _source_checks(process)
        yield from _contract_checks(process)


def _shape_checks(process: Process) -> Iterator[Problem]:
    sample, target = process.sample, process.target
    for key in ("horizon_rows", "profile_rows"):
        if getattr(sample, key) > sample.rows:
            yield Problem(f"sample.{key}", f"at most sample.rows ({sample.rows})", str(getattr(sample, key)))
    if target.rows is not None and target.rows[1] > sample.rows:
        yield Problem("target.rows", f"rows up to sample.rows ({sample.rows})", str(list(target.rows)))
    if target.from_ == "completion" and target.column is None:
        yield Problem("target.column", "the column the target is derived from (or `from: labels`)", "nothing")
    if target.task == "classification" and len(target.classes) < 2:
        yield Problem("target.classes", "at least two classes", str(list(target.classes)))
    if target.task == "classification" and process.promotion.metric not in ("accuracy", "f1"):
        yield Problem("promotion.metric", "accuracy or f1 for classification", process.promotion.metric)
    if target.task == "regression" and process.promotion.metric in ("accuracy", "f1"):
        yield Problem("promotion.metric", "mae, rmse or r2 for regression", process.promotion.metric)
    if target.column is not None and target.column not in process.sensors and target.rows is not None:
        return
    if target.column in process.sensors and target.rows is not None and target.rows[0] < sample.horizon_rows:
        yield Problem(
            "target.rows",
            f"rows after the horizon ({sample.horizon_rows}): the column is a sensor, the model would see its target",
            str(list(target.rows)),
        )


def _sensor_checks(process: Process) -> Iterator[Problem]:
    taken = set(process.sensors)
    if "concept" in process.drill.faults and process.target.task != "regression":
        yield Problem("drill.faults", "faults that can befall a class, which has no higher and lower", "concept")
    if process.drill.sensor is not None and process.drill.sensor not in process.measured:
        yield Problem("drill.sensor", f"a sensor of this file ({', '.join(process.measured)})", process.drill.sensor)
    for name, sensor in process.sensors.items():
        if not re.fullmatch(NAME_OF_SENSOR, name):
            yield Problem(f"sensors.{name}", "a name of letters, digits and _ (use `aliases` for others)", repr(name))
        if sensor.trusted is not None and (sensor.trusted not in process.sensors or sensor.trusted == name):
            yield Problem(f"sensors.{name}.trusted", "another sensor of this file", repr(sensor.trusted))
        for alias in sensor.aliases:
            if alias in taken:
                yield Problem(f"sensors.{name}.aliases", "a name that no other sensor has", repr(alias))
            taken.add(alias)


def _channel_checks(data: dict[str, Any], process: Process) -> Iterator[Problem]:
    """Names that an encoded channel has, or makes, and something else has too."""
    own = set(data.get("sensors") or ())
    taken = own | set(process.aliases)
    for name, entry in process.encoded.items():
        if not re.fullmatch(NAME_OF_SENSOR, name):
            yield Problem(f"encoded.{name}", "a name of letters, digits and _ (use `aliases` for others)", repr(name))
        for made in (*entry.sensors(name), name, *entry.aliases):
            if made in taken:
                yield Problem(f"encoded.{name}", "names that no other sensor or channel has", repr(made))
            taken.add(made)


def _contract_checks(process: Process) -> Iterator[Problem]:
    classes = process.target.task == "classification"
    for name, contract in process.contracts.items():
        key = f"contracts.{name}"
        if not re.fullmatch(NAME, name) or name in TAKEN:
            yield Problem(key, f"a name such as {NAME}, and none of {', '.join(TAKEN)}", repr(name))
        if contract.metric in (OF_NUMBERS if classes else OF_CLASSES):
            task = "classification" if classes else "regression"
            yield Problem(f"{key}.metric", f"a metric of {task}", contract.metric)
        if contract.metric == "alarm_rate" and process.alarm is None:
            yield Problem(f"{key}.metric", "an `alarm` in this file, or another metric", contract.metric)
        unknown = [sensor for sensor in contract.slice.sensors if sensor not in process.sensors]
        if unknown:
            yield Problem(f"{key}.slice.sensors", "sensors of this file", ", ".join(unknown))


def _source_checks(process: Process) -> Iterator[Problem]:
    history = process.history
    if sum(source is not None for source in (history.uri, history.table, history.query)) != 1:
        yield Problem("history", "exactly one of uri, table, query", "none or several")
    if (history.id is None) == (history.window_rows is None):
        yield Problem(
            "history", "either `id` (a column that tells recordings apart) or `window_rows`", "both or neither"
        )
    if history.window_rows is not None and history.time is None:
        yield Problem("history.time", "the time column that windows are cut on", "nothing")
