"""`dq feed`: publish recordings to a process' stream."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from dq_pipeline.cli.terminal import AsJson, ProcessName, answer, bar, world


class WireForm(StrEnum):
    """Forms of a message."""

    ARROW = "arrow"
    JSON = "json"


class DriftKind(StrEnum):
    """Lasting changes that can be put on top of recordings."""

    PROCESS_CHANGE = "process_change"
    OFFSET = "offset"
    GAIN = "gain"
    UNIT = "unit"


def register(app: typer.Typer) -> None:
    """Add the command to the `dq` application."""
    app.command()(feed)


def feed(
    process: ProcessName,
    file: Annotated[
        str | None, typer.Option(help="Recordings in the layout of the process file's history; that file by default.")
    ] = None,
    first: Annotated[
        int | None, typer.Option(min=0, help="Recording to begin with; those after the history part by default.")
    ] = None,
    samples: Annotated[int | None, typer.Option(min=1, help="How many; all by default.")] = None,
    rate: Annotated[float | None, typer.Option(min=0.001, help="Recordings a second; no limit by default.")] = None,
    ahead: Annotated[int | None, typer.Option(min=1, help="Wait while so many messages are unread.")] = None,
    form: Annotated[WireForm, typer.Option(help="JSON for people, Arrow for speed.")] = WireForm.ARROW,
    faults: Annotated[float, typer.Option(min=0, max=1, help="Share of recordings that carry a fault.")] = 0.0,
    damaged: Annotated[int, typer.Option(min=0, max=100, help="Recordings whose messages are spoilt.")] = 0,
    strays: Annotated[int, typer.Option(min=0, max=100, help="Messages that are no recording at all.")] = 0,
    drift: Annotated[DriftKind | None, typer.Option(help="A lasting change to put on top.")] = None,
    drift_at: Annotated[int, typer.Option(min=0, help="Fed recording it begins at, from 0.")] = 0,
    sensors: Annotated[str, typer.Option(help="Sensors that drift, parted by commas; all by default.")] = "",
    size: Annotated[float, typer.Option(help="Of the drift: robust standard deviations, a share, or a factor.")] = 2.0,
    target_shift: Annotated[float, typer.Option(help="Added to the target's column from the drift on.")] = 0.0,
    labels_late: Annotated[
        int | None, typer.Option(min=0, help="Send the target as labels, so many recordings late.")
    ] = None,
    labels_wrong: Annotated[float, typer.Option(min=0, max=1, help="Share of these labels that are wrong.")] = 0.0,
    labels_error: Annotated[
        float, typer.Option(min=0, help="Sd of the model's error; wrong labels are 3 to 8 of it off.")
    ] = 0.0,
    seed: Annotated[int, typer.Option(help="Of faults and spoilt messages.")] = 1,
    manifest: Annotated[Path | None, typer.Option(help="File to write down what was sent, as JSON.")] = None,
    as_json: AsJson = False,
) -> None:
    """Publish recordings of a file to the process' stream: for each its horizon, then its completion.

    Says what was sent: how many recordings, which carry faults, which messages are spoilt, where the drift begins::

        dq feed hydraulic --rate 5 --samples 200
        dq feed hydraulic --faults 0.08 --drift process_change --drift-at 150 --sensors PS1,TS1 --manifest sent.json
        dq feed vacuum --labels-late 30 --labels-wrong 0.03 --labels-error 0.05 --manifest sent.json
    """
    from dq_pipeline import feed as feeding
    from dq_pipeline.adapters.history import open_history
    from dq_pipeline.errors import ConfigurationError
    from dq_pipeline.late_labels import Late
    from dq_pipeline.simulate.damage import DAMAGES

    if labels_late is None and (labels_wrong or labels_error):
        raise ConfigurationError("--labels-late expected with --labels-wrong and --labels-error; found none")
    late = None if labels_late is None else Late(labels_late, labels_wrong, labels_error)
    change = None
    if drift is not None:
        names = tuple(name.strip() for name in sensors.split(",") if name.strip())
        change = feeding.Drift(drift_at, drift.value, names, size, target_shift)
    with world() as opened, bar() as progress:
        settings = opened.process(process)
        source = settings.history if file is None else settings.history.model_copy(update={"uri": file, "query": None})
        reading = settings.model_copy(update={"history": source})
        history = opened.history(reading) if file is None else open_history(reading, opened.variables)
        begin = settings.history.samples if first is None else first
        stop = history.count() if samples is None else min(begin + samples, history.count())
        waiting = progress.add_task("read", total=None)
        prepared = feeding.prepare(
            history.read_chunk(begin, stop),
            settings,
            seed=seed,
            faults=faults,
            damaged=(list(DAMAGES) * (damaged // len(DAMAGES) + 1))[:damaged],
            strays=strays,
            drift=change,
            late=late,
        )
        progress.update(waiting, total=1, completed=1)
        task = progress.add_task("feed", total=len(prepared.recordings))
        sent = feeding.publish(
            opened,
            settings,
            prepared,
            form=form.value,
            rate=rate,
            ahead=ahead,
            on_sent=lambda done: progress.update(task, completed=done),
        )
        told = prepared.manifest(settings, sent)
    if manifest is not None:
        manifest.write_text(json.dumps(told, indent=1), encoding="utf-8")
    where = f", drift from recording {told['injected']}" if told["injected"] else ""
    labels = told["labels"]
    later = (
        f"; {labels['count']} labels on {settings.stream.labels_topic}, {len(labels['wrong'])} wrong" if labels else ""
    )
    carry = f"{len(told['faults'])} with a fault, {len(told['damaged'])} spoilt, {told['strays']} strays"
    answer(told, as_json, f"{told['recordings']} recordings on {told['topic']}: {carry}{where}{later}")
