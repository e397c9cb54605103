"""`dq labels`: targets that became known late, from a file, and what is known of all of them."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from dq_pipeline.cli.terminal import AsJson, ProcessName, answer, number, world
from dq_pipeline.errors import ConfigurationError

_SHOWN = 10


def register(app: typer.Typer) -> None:
    """Add the command to the `dq` application."""
    app.command()(labels)


def labels(
    process: ProcessName,
    file: Annotated[
        Path | None, typer.Argument(help="CSV, JSON lines or Parquet: sample_id, value.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Take labels from a file and join them to samples by id; without a file, say how labels stand.

    Columns: `sample_id`, `value` and, where known, `at`, `source`, `annotator`. A row that is no label is refused with
    its reason, and the others are taken; taking a file twice changes nothing. docs/labels.md says which label counts::

        dq labels hydraulic laboratory.csv
        dq labels hydraulic
    """
    from dq_pipeline import steps

    rows = [] if file is None else list(read(file))
    with world() as opened:
        opened.ledger.migrate()
        if file is None:
            state = steps.label_state(opened, process)
            answer(state, as_json, *_standing(state))
            return
        result = steps.add_labels(opened, process, rows)
    refused = [f"row {row['row']}: {row['reason']}: {row['detail']}" for row in result["refused"][:_SHOWN]]
    told = f"{result['new']} new labels of {result['read']} rows; {len(result['refused'])} refused"
    answer(result, as_json, told, *refused, *([] if result["warning"] is None else [result["warning"]]))
    raise typer.Exit(1 if result["refused"] and not result["new"] else 0)


def read(file: Path) -> Iterator[dict[str, Any]]:
    """Rows of a file of labels, without their empty fields.

    Raises
    ------
    ConfigurationError
        If it cannot be read.
    """
    readers = {".csv": _csv, ".jsonl": _lines, ".json": _lines, ".ndjson": _lines, ".parquet": _parquet}
    reader = readers.get(file.suffix.lower())
    if reader is None:
        raise ConfigurationError(f"{file}: a file named {', '.join(readers)} expected; found {file.suffix or 'none'}")
    try:
        for row in reader(file):
            yield {name: value for name, value in row.items() if value not in (None, "")}
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{file}: readable labels expected; found {error}") from None


def _csv(file: Path) -> Iterator[dict[str, Any]]:
    with file.open(newline="", encoding="utf-8-sig") as stream:
        for row in csv.DictReader(stream):
            yield {**row, "value": _number(row.get("value"))}


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    with file.open(encoding="utf-8") as stream:
        for line in stream:
            if line.strip():
                row = json.loads(line)
                yield row if isinstance(row, dict) else {"value": row}


def _parquet(file: Path) -> Iterator[dict[str, Any]]:
    import pyarrow.parquet as pq

    for batch in pq.ParquetFile(file).iter_batches():
        yield from batch.to_pylist()


def _number(text: str | None) -> str | float | None:
    """A number where the text is one; a class keeps its name."""
    try:
        return float(text or "")
    except ValueError:
        return text


def _standing(state: dict[str, Any]) -> list[Table | str]:
    shown: list[Table | str] = []
    if state["origins"]:
        table = Table("origin", "targets", "samples", title="Targets, by where they came from")
        for origin, counts in state["origins"].items():
            table.add_row(origin, str(counts["targets"]), str(counts["samples"]))
        shown.append(table)
    else:
        shown.append("No target is known yet.")
    lags = {"samples completed since": state["lag_samples"], "seconds since the answer": state["lag_s"]}
    if any(lags.values()):
        table = Table("lag of labels", "5 %", "median", "95 %", "longest", title="How late labels come")
        for name, found in lags.items():
            if found is not None:
                table.add_row(name, *(number(found[key]) for key in ("p05", "p50", "p95", "max")))
        shown.append(table)
    told = f"{state['waiting']} answers wait for their target; {state['conflicts']} samples have labels that conflict."
    early = (
        f"{state['before']} labels came before their answer; {state['unjoined']} are of no sample of the stream so far."
    )
    return [*shown, told, early]
