"""`dq import`: a process file for a table, and what the process would have done on it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dq_pipeline.cli.terminal import AsJson, answer, bar, stepwise, world
from dq_pipeline.errors import ConfigurationError

if TYPE_CHECKING:
    from dq_pipeline.cli.recordings import Read
    from dq_pipeline.process import Process
    from dq_pipeline.propose.proposal import Proposal
    from dq_pipeline.settings import Settings

_LOOKED_CELLS = 20_000_000
_Column = "COLUMN"


def register(app: typer.Typer) -> None:
    """Add the command to the `dq` application."""
    app.command(name="import")(import_)


def import_(
    file: Annotated[str, typer.Argument(help="CSV, Parquet or Arrow: one row for each reading in time.")],
    name: Annotated[str | None, typer.Option(help="Of the process; the file's name by default.")] = None,
    target: Annotated[str | None, typer.Option(metavar=_Column, help="What the model is to predict.")] = None,
    horizon: Annotated[int | None, typer.Option(metavar="ROWS", help="Rows the model sees; two thirds if not.")] = None,
    rows: Annotated[int | None, typer.Option(metavar="ROWS", min=3, help="Of a recording; the median if not.")] = None,
    sample: Annotated[str | None, typer.Option(metavar=_Column, help="Tells recordings apart.")] = None,
    time: Annotated[str | None, typer.Option(metavar=_Column, help="Moments, or seconds since the start.")] = None,
    start: Annotated[str | None, typer.Option(metavar=_Column, help="Start of a recording, beside seconds.")] = None,
    group: Annotated[str | None, typer.Option(metavar=_Column, help="No window crosses two values of it.")] = None,
    stride: Annotated[int | None, typer.Option(metavar="ROWS", min=1, help="From one window to the next.")] = None,
    period: Annotated[float | None, typer.Option(metavar="SECONDS", help="Between rows; the median if not.")] = None,
    ignore: Annotated[list[str] | None, typer.Option(metavar=_Column, help="No sensor; may be repeated.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of process files; DQ_PROCESS_DIR by default.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a process file that is there.")] = False,
    samples_history: Annotated[int | None, typer.Option(min=20, help="Recordings learned from first.")] = None,
    samples: Annotated[int | None, typer.Option(min=21, help="Replay the first so many; all by default.")] = None,
    alone: Annotated[bool, typer.Option("--alone", help="Replay without the rivals.")] = False,
    no_replay: Annotated[bool, typer.Option("--no-replay", help="Write the file, and end.")] = False,
    as_json: AsJson = False,
) -> None:
    """Propose a process for a table, write its file, and replay it.

    Numeric columns become sensors, ranges come from what was seen, and what no table tells is marked in the file. It is
    written only if it is valid and its recordings can be used. No server is asked::

        dq import pump.csv --target outlet --horizon 40 --ignore comment_code
        dq import line.parquet --name line --group shift --rows 90 --stride 30
    """
    from dq_pipeline.adapters.history import open_history
    from dq_pipeline.adapters.table import overview
    from dq_pipeline.cli.recordings import read
    from dq_pipeline.process_file import read as read_file
    from dq_pipeline.propose.layout import LEAST, Asked
    from dq_pipeline.propose.proposal import propose
    from dq_pipeline.propose.text import text

    asked = Asked(sample, time, start, group, period, rows, stride, target, horizon, tuple(ignore or ()))
    with world() as opened:
        chosen = name or _named(file)
        path = _path(out or opened.settings.process_dir, chosen, force)
        proposal = propose(overview(file), asked, name=chosen, file=file, uri=_uri(file, opened.settings))
        history = open_history(read_file(text(proposal), path), opened.variables)
        proposal = proposal.learning_from(history.count(), samples_history)
        process = read_file(text(proposal), path)
        enough = max(LEAST, _LOOKED_CELLS // (process.sample.rows * len(process.sensors)))
        looked = min(samples or enough, enough) if no_replay else samples
        found = read(opened, process, samples=looked, with_target=True)
        proposal = proposal.noting(_doubts(found, process))
        content = text(proposal)
        process = read_file(content, path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        told: dict[str, Any] = {"process": chosen, "file": str(path), "recordings": proposal.recordings}
        told |= {"sensors": list(process.sensor_names), "to_fill": proposal.to_fill(), "notes": list(proposal.notes)}
        if not as_json:
            answer(told, False, *_said(proposal, path))
        shown: list[Any] = []
        if not no_replay:
            told["replay"], shown = _replayed(found, process, alone=alone)
        if as_json or shown:
            answer(told, as_json, *shown)


def _named(file: str) -> str:
    """A process' name for a file."""
    from dq_pipeline.propose.sensors import identifier

    stem = file.rstrip("/").rsplit("/", 1)[-1].rsplit(".", 1)[0]
    return identifier(stem).lower() if re.search("[A-Za-z]", stem) else stem


def _path(folder: Path, name: str, force: bool) -> Path:
    """Where the process file goes."""
    from dq_pipeline.process import NAME

    if not re.match(NAME, name):
        raise ConfigurationError(f"--name: expected lower-case letters, digits and _, a letter first; found {name!r}")
    path = folder / f"{name}.yaml"
    if folder.exists() and not folder.is_dir():
        raise ConfigurationError(f"--out: expected a folder; found the file {folder}")
    if path.exists() and not force:
        raise ConfigurationError(f"{path}: expected no such file yet; found one. Choose another --name, or use --force")
    return path


def _uri(file: str, settings: Settings) -> str:
    """The table's address for a process file, the same wherever the command was given."""
    if "://" in file:
        return file
    path = Path(file).expanduser().absolute()
    if settings.data_dir is not None and path.is_relative_to(settings.data_dir):
        return f"${{DQ_DATA_DIR}}/{path.relative_to(settings.data_dir).as_posix()}"
    return str(path)


def _doubts(found: Read, process: Process) -> list[str]:
    """What the recordings tell that their table does not; refused if no target is known."""
    import numpy as np

    from dq_pipeline.propose.suspects import suspects

    batch, target = found.batch, process.target
    if not np.isfinite(batch.target).any():
        raise ConfigurationError(
            f"--target: expected a recording with a reading of {target.column} in rows {target.rows} (first, one past "
            f"the last); found none in {len(batch)}"
        )
    seen = batch.values[:, : process.sample.horizon_rows]
    return [
        f"{name} follows the target closely (r = {r:.2f}): if it is computed from it, leave it out (`--ignore`)"
        for name, r in suspects(seen, batch.target, batch.sensors).items()
        if name != target.column and target.column not in process.sensors[name].aliases
    ] + [f"{n} recordings cannot be used: {reason}" for reason, n in sorted(found.refused.items())]


def _said(proposal: Proposal, path: Path) -> list[str]:
    from dq_pipeline.propose.text import FILL_IN

    layout, sensors = proposal.layout, len(proposal.sensors)
    cut = f"told apart by {layout.sample}" if layout.sample else f"cut every {layout.stride} rows by {layout.time}"
    return [
        f"{proposal.file}: {proposal.rows} rows, {proposal.recordings} recordings {cut}; sensors: {sensors}; target "
        f"{proposal.target.column}, {proposal.horizon} of {layout.rows} rows seen, {layout.period_s:g} s apart",
        *(f"* {note}" for note in proposal.notes),
        f"written to {path}; {len(proposal.to_fill())} values in it are marked `{FILL_IN}`",
    ]


def _replayed(found: Read, process: Process, *, alone: bool) -> tuple[dict[str, Any], list[Any]]:
    from dq_pipeline.cli.replay import follow, summary, table
    from dq_pipeline.drift.policy import policy_of
    from dq_pipeline.replay.prequential import Plan

    plan = Plan(min(process.history.samples, len(found.batch) - 1))
    with bar() as progress:
        policy, report = policy_of(process.drift), stepwise(progress)
        told, _ = follow(found, process, plan, process.drift.policy, policy, alone=alone, report=report)
    return told, [summary(told), table(told["rows"])]
