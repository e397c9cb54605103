"""`dq reviews` and `dq review`: flagged samples that wait for a person, and what the person says."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from dq_pipeline.cli.terminal import AsJson, ProcessName, answer, number, person, world
from dq_pipeline.errors import ConfigurationError

_BARS = "▁▂▃▄▅▆▇█"
_WIDTH = 60
_SENSORS = 8


def register(app: typer.Typer) -> None:
    """Add the commands to the `dq` application."""
    app.command()(reviews)
    app.command()(review)


def reviews(
    process: ProcessName,
    state: Annotated[str, typer.Option(help="waiting, settled or refused.")] = "waiting",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="So many.")] = 50,
    fill: Annotated[bool, typer.Option("--fill", help="Look at new flags first.")] = False,
    export: Annotated[Path | None, typer.Option(help="Write what waits as Label Studio's tasks, .json.")] = None,
    config: Annotated[Path | None, typer.Option(help="Write the labelling interface beside it, .xml.")] = None,
    import_: Annotated[Path | None, typer.Option("--import", help="Take annotated tasks, .json.")] = None,
    as_json: AsJson = False,
) -> None:
    """List flagged samples that wait for a person, what is most urgent first; or exchange them with Label Studio.

    An annotated file is taken whole or not at all: docs/reviews.md says what it may hold::

        dq reviews hydraulic
        dq reviews hydraulic --export tasks.json --config labelling.xml
        dq reviews hydraulic --import annotated.json
    """
    from dq_pipeline import steps

    if export is not None and import_ is not None:
        raise ConfigurationError("--export or --import expected, found both")
    with world() as opened:
        opened.ledger.migrate()
        if fill:
            steps.fill_queue(opened, process)
        if config is not None:
            from dq_pipeline.wire.label_studio_tasks import configuration

            _write(config, configuration(opened.process(process)))
        if import_ is not None:
            _import(opened, process, import_, as_json)
            return
        if export is not None:
            tasks = steps.to_label_studio(opened, process, limit=limit)
            _write(export, json.dumps(tasks, allow_nan=False))
            told = f"{len(tasks)} samples in {export}"
            answer({"process": process, "tasks": len(tasks), "file": str(export)}, as_json, told)
            return
        found = steps.reviews(opened, process, state=state, limit=limit)  # type: ignore[arg-type]  # checked there
    answer(found, as_json, *_listed(found))


def review(
    process: ProcessName,
    number_: Annotated[int, typer.Argument(metavar="REVIEW", help="Its number.", show_default=False)],
    accept: Annotated[bool, typer.Option("--accept", help="The label is right.")] = False,
    correct: Annotated[str | None, typer.Option(help="This is the right label: a number, or a class.")] = None,
    reject: Annotated[bool, typer.Option("--reject", help="The recording is defective; it must never train.")] = False,
    skip: Annotated[bool, typer.Option("--skip", help="I cannot tell.")] = False,
    confidence: Annotated[float | None, typer.Option(help="From 0 to 1.")] = None,
    why: Annotated[str, typer.Option(help="The reason; kept for good.")] = "",
    as_json: AsJson = False,
) -> None:
    """Show one sample of the queue, or say what is right; saying the same twice changes nothing.

    ::

        dq review hydraulic 7
        dq review hydraulic 7 --correct 1.93 --confidence 0.8
        dq review hydraulic 7 --reject --why "the valve was open by hand"
    """
    from dq_pipeline import steps

    chosen = [name for name, given in (("accept", accept), ("reject", reject), ("skip", skip)) if given]
    chosen += ["correct"] if correct is not None else []
    if len(chosen) > 1:
        raise ConfigurationError(f"one of --accept, --correct, --reject and --skip expected, found {len(chosen)}")
    with world() as opened:
        opened.ledger.migrate()
        if not chosen:
            found = steps.review(opened, process, number_)
            answer(found, as_json, *_pictured(found))
            return
        value = None if correct is None else _value(correct, opened.process(process).target.classes)
        said = {"who": person(), "action": chosen[0], "value": value, "confidence": confidence, "why": why}
        result = steps.judge(opened, process, number_, **said)  # type: ignore[arg-type]
    told = f"Review {number_} of {process}: {result['why']}"
    answer(result, as_json, told + ("." if result["new"] else "; it was said so already."))


def _import(opened: Any, process: str, file: Path, as_json: bool) -> None:
    from dq_pipeline import steps
    from dq_pipeline.wire.label_studio_form import MOST_BYTES, parse

    try:
        with file.open("rb") as stream:
            document, problems = parse(stream.read(MOST_BYTES + 1))
    except OSError as error:
        raise ConfigurationError(f"{file}: a file that can be read expected; found {error}") from None
    if problems:
        said = [{"task": p.task, "path": p.path, "problem": p.problem} for p in problems]
        result: dict[str, Any] = {"process": process, "taken": 0, "problems": said}
    else:
        result = steps.from_label_studio(opened, process, document, who=person())
    found = result["problems"]
    if not found:
        told = f"{result['taken']} new opinions from {result['tasks']} tasks; {result['unannotated']} not annotated"
        answer(result, as_json, told)
        return
    head = f"{file}: {len(found)} problem{'s' if len(found) != 1 else ''}; nothing is taken"
    answer(result, as_json, head, *(f"  {one['path']}: {one['problem']}" for one in found))
    raise typer.Exit(1)


def _write(file: Path, text: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{file}: a file that can be written expected; found {error}") from None


def _value(text: str, classes: tuple[str, ...]) -> float:
    if text in classes:
        return float(classes.index(text))
    try:
        return float(text)
    except ValueError:
        expected = f"one of {', '.join(classes)}" if classes else "a number"
        raise ConfigurationError(f"--correct: {expected} expected, found {text!r}") from None


def _listed(found: dict[str, Any]) -> list[Table | str]:
    shown: list[Table | str] = []
    if found["items"]:
        table = Table("review", "sample", "priority", "why", "answer", "label", "score", "opinions wanted")
        for item in found["items"]:
            kinds = item["reasons"].get("refused") or ", ".join(item["kinds"])
            ended = "" if item["outcome"] is None else f"{item['outcome']}{' (rule)' if item['automatic'] else ''}: "
            table.add_row(
                str(item["review"]),
                item["sample_id"],
                number(item["priority"], 3),
                ended + kinds,
                _shown(item, item["prediction"]),
                _shown(item, item["target"]),
                number(item["unified"], 3),
                str(item["rounds"]),
            )
        shown.append(table)
    for rule, counts in found["rules"].items():
        told = f"Rule {rule} settled {counts['settled']}; of {counts['seen']} that a person saw in its place"
        shown.append(f"{told}, both said the same in {counts['agreed']}.")
    told = f"{found['waiting']} wait, {found['settled']} are settled, {found['refused']} were refused."
    return [*shown, told]


def _pictured(item: dict[str, Any]) -> list[Table | str]:
    """What a person judges a sample by, and its curves in block characters."""
    facts = Table(show_header=False, box=None)
    interval = f", {_shown(item, item['lower'])} to {_shown(item, item['upper'])}" if item["lower"] is not None else ""
    rows = {
        "sample": f"{item['sample_id']} from {item['source'] or '-'}, {item['start'] or '-'}",
        "state": item["state"] + (f": {item['outcome']}" if item["outcome"] else ""),
        "label": f"{_shown(item, item['target'])} ({item['target_origin'] or 'none yet'})",
        "answer": f"{_shown(item, item['prediction'])}{interval} by release {item['release'] or '-'}",
        "score": f"{number(item['unified'], 3)}, threshold {number(item['threshold'], 3)}",
        "flagged": ", ".join(item["kinds"]),
    }
    for name, value in rows.items():
        facts.add_row(name, value)
    for one in item["opinions"]:
        facts.add_row("opinion", f"{one['who']}: {one['action']} {one['after'] or ''} {one['why']}".strip())
    if not item["curves"]:
        return [facts, "Its recording is no longer in the lake."]
    curves = Table("sensor", "curve", "least", "most")
    for name, values in sorted(item["curves"].items(), key=lambda pair: -_outside(item, pair[0]))[:_SENSORS]:
        known = [value for value in values if value is not None]
        low, high = (min(known), max(known)) if known else (None, None)
        curves.add_row(name, sparkline(values), number(low), number(high))
    return [facts, curves]


def sparkline(values: list[float | None], width: int = _WIDTH) -> str:
    """A curve in one line of block characters; a dot where nothing was read.

    >>> sparkline([0.0, 1.0, None, 2.0], width=4)
    '▁▅·█'
    """
    known = [value for value in values if value is not None]
    if not known:
        return "·" * min(width, len(values))
    low, span = min(known), max(known) - min(known)
    shown = []
    for i in range(min(width, len(values))):
        begin = i * len(values) // min(width, len(values))
        part = [v for v in values[begin : (i + 1) * len(values) // min(width, len(values))] if v is not None]
        level = 0.0 if not span or not part else (sum(part) / len(part) - low) / span
        shown.append(_BARS[min(int(level * len(_BARS)), len(_BARS) - 1)] if part else "·")
    return "".join(shown)


def _outside(item: dict[str, Any], sensor: str) -> float:
    """Share of a sensor's readings outside the band of the reference, which is stretched over the recording."""
    band = (item["band"] or {}).get(sensor)
    values = item["curves"][sensor]
    if not band or not values:
        return 0.0
    beyond = 0
    for i, value in enumerate(values):
        place = i * len(band["lower"]) // len(values)
        low, high = band["lower"][place], band["upper"][place]
        beyond += value is not None and ((low is not None and value < low) or (high is not None and value > high))
    return beyond / len(values)


def _shown(item: dict[str, Any], value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return "-"
    if item["classes"]:
        return str(item["classes"][int(value)])
    return number(value) + ("" if item["unit"] == "1" else f" {item['unit']}")
