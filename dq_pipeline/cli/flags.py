"""`dq flags` and `dq report`: samples that a person should look at, and what a person says of one."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from dq_pipeline.cli.terminal import AsJson, ProcessName, answer, number, person, world
from dq_pipeline.errors import ConfigurationError
from dq_pipeline.records.flags import FlagKind

_AT_ONCE = 100


def register(app: typer.Typer) -> None:
    """Add the commands to the `dq` application."""
    app.command()(flags)
    app.command()(report)


def flags(
    process: ProcessName,
    kind: Annotated[list[FlagKind] | None, typer.Option("--kind", help="Of this kind alone; may be repeated.")] = None,
    since: Annotated[datetime | None, typer.Option(help="Set at this moment or later, UTC.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="The newest so many; 50 where they are shown.")] = None,
    export: Annotated[Path | None, typer.Option(help="Write the samples to this folder, .parquet or .jsonl.")] = None,
    as_json: AsJson = False,
) -> None:
    """List flagged samples with why, and how many of 100 they are; or write them with their curves.

    docs/flags.md says what each kind means, and what a file of `--export` holds::

        dq flags hydraulic --kind out_of_distribution --since 2026-03-01
        dq flags hydraulic --export flagged.parquet
    """
    from dq_pipeline import steps

    kinds = tuple(kind or ())
    begin = None if since is None else since.replace(tzinfo=UTC) if since.tzinfo is None else since
    target = None if export is None else _target(export, process)
    with world() as opened:
        opened.ledger.migrate()
        if target is not None:
            rows = steps.export_rows(opened, process, kinds=kinds, since=begin, limit=limit)
            count = write(rows, target)
            answer({"process": process, "samples": count, "file": str(target)}, as_json, f"{count} samples in {target}")
            return
        found = steps.flags(opened, process, kinds=kinds, since=begin, limit=limit or 50)
    answer(found, as_json, *_shown(found))


def report(
    process: ProcessName,
    sample: Annotated[str, typer.Argument(help="Its id.", show_default=False)],
    why: Annotated[str, typer.Option("--why", help="What is wrong, or right, with it.", show_default=False)],
    rating: Annotated[int | None, typer.Option(help="1, of no use, to 5, just as it should be.")] = None,
    reject: Annotated[bool, typer.Option("--reject", help="It must never train a model.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say something about a sample; saying the same twice changes nothing.

    A rejected sample is never learned from, whatever its score. What has learned from it already goes on::

        dq report hydraulic cycle-1207 --why "valve was open by hand" --rating 2 --reject
    """
    from dq_pipeline import steps

    with world() as opened:
        opened.ledger.migrate()
        result = steps.report(opened, process, sample, why=why, who=person(), rating=rating, reject=reject)
    told = f"{sample} of {process} is reported" if result["new"] else f"{sample} of {process} was reported so already"
    answer(result, as_json, told + ("; it will never train." if reject else "."))


def write(rows: Iterable[dict[str, Any]], file: Path) -> int:
    """Write rows as Parquet or as JSON lines, by the file's name; returns how many.

    In Parquet what is nested, but for the times and the curves, is JSON text.

    Raises
    ------
    ConfigurationError
        If the file cannot be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        return _parquet(rows, file) if file.suffix == ".parquet" else _lines(rows, file)
    except OSError as error:
        raise ConfigurationError(f"{file}: a file that can be written expected; found {error}") from None


def _target(export: Path, process: str) -> Path:
    if export.suffix in (".parquet", ".jsonl"):
        return export
    if export.suffix and not export.is_dir():
        raise ConfigurationError(f"{export}: a folder, .parquet or .jsonl expected; found {export.suffix}")
    return export / f"{process}-flags.parquet"


def _lines(rows: Iterable[dict[str, Any]], file: Path) -> int:
    count = 0
    with file.open("w", encoding="utf-8") as stream:
        for row in rows:
            stream.write(json.dumps(row, allow_nan=False) + "\n")
            count += 1
    return count


def _parquet(rows: Iterable[dict[str, Any]], file: Path) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    words, real, truth, reals = pa.string(), pa.float64(), pa.bool_(), pa.list_(pa.float64())
    kinds = {"kinds": pa.list_(words), "rejected": truth, "accepted": truth, "horizon_rows": pa.int64(), "t_s": reals}
    kinds |= dict.fromkeys(("prediction", "lower", "upper", "target", "unified", "period_s"), real)
    kinds["curves"] = pa.map_(words, reals)
    names = ["sample_id", "process", "source", "start", "metadata", "kinds", "flags", "rejected", "release"]
    names += ["prediction", "lower", "upper", "fallback", "target", "target_name", "target_unit", "unified"]
    names += ["accepted", "dimensions", "horizon_rows", "period_s", "t_s", "curves", "band"]
    schema = pa.schema([(name, kinds.get(name, words)) for name in names])
    nested = ("metadata", "flags", "dimensions", "band")
    count, held = 0, []
    with pq.ParquetWriter(file, schema) as writer:
        for row in rows:
            text = {name: None if row[name] is None else json.dumps(row[name]) for name in nested}
            curves = None if row["curves"] is None else list(row["curves"].items())
            held.append({**row, **text, "curves": curves})
            count += 1
            if len(held) == _AT_ONCE:
                writer.write_table(pa.Table.from_pylist(held, schema))
                held.clear()
        writer.write_table(pa.Table.from_pylist(held, schema))
    return count


def _shown(found: dict[str, Any]) -> list[Table | str]:
    shown: list[Table | str] = []
    if found["flags"]:
        table = Table("sample", "kind", "p", "set", "evidence", title="Flagged samples, the newest first")
        for row in found["flags"]:
            evidence = _told(row)
            told = (number(row["p"], 2), row["at"][:19], evidence)
            table.add_row(row["sample_id"], row["kind"], *told)
        shown.append(table)
    else:
        shown.append("No sample is flagged.")
    rate = found["rate"]
    if rate is None:
        return [*shown, "No release answers yet."]
    if rate["why"] is not None:
        shown.append(f"Nothing is flagged by itself: {rate['why']}.")
    else:
        share = f"{rate['flagged']} of {rate['answered']} samples, {number(rate['per_100'], 3)} per 100"
        budget = f"{rate['budget_per_100']:g} per 100 where nothing is wrong"
        shown.append(f"Release {rate['release']} flagged {share}; its budget is {budget}.")
    return shown


def _told(row: dict[str, Any]) -> str:
    evidence = {name: value for name, value in row["evidence"].items() if name != "level" and value is not None}
    told = ", ".join(f"{name} {_value(value)}" for name, value in evidence.items())
    by = f" (by {row['who']})" if row["who"] else ""
    return told + (", rejected" if row["rejected"] else "") + by


def _value(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        if "origin" in value[0]:  # labels that contradict each other
            return " and ".join(f"{number(one['value'])} ({one['annotator'] or one['origin']})" for one in value)
        return " ".join(f"{one['sensor']} {one['share']:.0%}" for one in value[:3])
    if isinstance(value, dict):
        return " ".join(f"{name} {number(one)}" for name, one in value.items())
    if isinstance(value, list):
        return " to ".join(number(one) for one in value)
    return number(value) if isinstance(value, int | float) else str(value)
