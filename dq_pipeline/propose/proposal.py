"""A process file's content for a table; what is a guess is told."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from dq_pipeline.errors import ConfigurationError
from dq_pipeline.propose.channels import ProposedChannel, is_categorical, propose_channels
from dq_pipeline.propose.layout import LEAST, Asked, Layout, lay_out
from dq_pipeline.propose.overview import MAX_CLASSES, Column, Overview
from dq_pipeline.propose.sensors import ProposedSensor, identifier, propose_sensors, split_unit

_HISTORY, _LEAST_HISTORY = 300, 40
_SEEN_SHARE = 2 / 3
_FILLS = {99.0, 999.0, 9999.0, 99999.0, 32767.0, 32768.0, 65535.0}
_INDEX = re.compile(r"^(Unnamed: \d+|__index_level_\d+__)$")


@dataclass(frozen=True, slots=True)
class ProposedTarget:
    """What the model is to predict; `asked` says whether somebody named it."""

    name: str
    column: str
    unit: str | None
    classes: tuple[str, ...]
    asked: bool


@dataclass(frozen=True, slots=True)
class Proposal:
    """All that the text of a process file is made of; `notes` says what was guessed or left out, and why."""

    name: str
    file: str
    uri: str
    rows: int
    layout: Layout
    horizon: int
    horizon_asked: bool
    sensors: tuple[ProposedSensor, ...]
    channels: tuple[ProposedChannel, ...]
    target: ProposedTarget
    recordings: int
    samples: int
    notes: tuple[str, ...]

    def to_fill(self) -> list[str]:
        """Keys that no table tells, or that nobody has decided yet."""
        keys = ["title"]
        keys += [] if self.horizon_asked else ["sample.horizon_rows"]
        keys += [f"sensors.{sensor.name}.unit" for sensor in self.sensors if sensor.unit is None]
        keys += [] if self.target.asked else ["target.column"]
        return keys + ([] if self.target.unit is not None or self.target.classes else ["target.unit"])

    def learning_from(self, recordings: int, asked: int | None = None) -> Proposal:
        """With `history.samples` for a history of so many recordings.

        Raises
        ------
        ConfigurationError
            If they are too few to learn from.
        """
        if recordings < LEAST:
            hint = "Shorter windows (--rows) or overlapping ones (--stride) make more, or --sample tells them apart"
            hint = hint if self.layout.sample is None else f"Is {self.layout.sample} what tells recordings apart?"
            raise ConfigurationError(
                f"{self.file}: expected at least {LEAST} recordings, to learn from {LEAST - 1} and predict the next; "
                f"found {recordings}. {hint}"
            )
        samples = asked or min(_HISTORY, max(_LEAST_HISTORY, recordings // 2))
        return replace(self, recordings=recordings, samples=samples)

    def noting(self, notes: Iterable[str]) -> Proposal:
        """With further notes."""
        return replace(self, notes=(*self.notes, *notes))


def propose(table: Overview, asked: Asked, *, name: str, file: str, uri: str) -> Proposal:
    """Propose a process for a table.

    Parameters
    ----------
    file, uri
        The table as people call it, and for `history.uri`.

    Raises
    ------
    ConfigurationError
        If the table does not hold recordings of at least one sensor that moves, or not what was asked for.
    """
    for column in asked.ignored:
        table.column(column, "--ignore")
    layout = lay_out(table, asked)
    rows = layout.rows
    horizon = asked.horizon or max(2, round(_SEEN_SHARE * rows))
    if not 2 <= horizon < rows:
        raise ConfigurationError(
            f"--horizon: expected 2 to {rows - 1} of a recording's {rows} rows, so that some are left to predict; "
            f"found {horizon}"
        )
    unused = layout.keys.union(asked.ignored)
    readings = [column for column in table.of_kind("number") if column.name not in unused]
    moving = [column for column in readings if _reason(column) is None]
    if not moving:
        what = f"only {', '.join(c.name for c in readings)}, which never changes" if readings else "none"
        raise ConfigurationError(f"{file}: expected at least one column of numbers that change; found {what}")
    target = _target(table, asked, layout, moving)
    sensors = [column for column in moving if column.name != target.column] or moving
    proposed = propose_sensors(sensors, table.columns)
    texts = [column for column in table.of_kind("text") if column.name not in unused | {target.column}]
    sample = None if layout.sample is None else table.columns[layout.sample].head
    categorical = [column for column in texts if is_categorical(column, layout, sample)]
    channels = propose_channels(categorical, {*table.columns, *(sensor.name for sensor in proposed)})
    used = {column.name for column in categorical}
    notes = [*layout.notes, *_left_out(table, unused | used | {target.column}, readings)]
    notes += [
        f"{channel.column} is text that changes while recordings run: a categorical sensor (`encoded`)"
        for channel in channels
    ]
    notes += [
        f"{column.name} has two values only: if it is a label and not a reading, leave it out (`--ignore`)"
        for column in sensors
        if _binary(column)
    ]
    notes += [
        f"{column.name} reads {end:g} often: if that stands for nothing, leave the cell empty, and import again"
        for column in sensors
        for end, often in ((column.lowest, column.quantiles[0]), (column.highest, column.quantiles[2]))
        if end == often and abs(end) in _FILLS
    ]
    return Proposal(
        name=name,
        file=file,
        uri=uri,
        rows=table.rows,
        layout=layout,
        horizon=horizon,
        horizon_asked=asked.horizon is not None,
        sensors=tuple(proposed),
        channels=tuple(channels),
        target=target,
        recordings=0,
        samples=_HISTORY,
        notes=tuple(notes),
    )


def _target(table: Overview, asked: Asked, layout: Layout, moving: list[Column]) -> ProposedTarget:
    if asked.target is None:
        column = ([c for c in moving if not _binary(c)] or moving)[-1]
    else:
        column = table.column(asked.target, "--target", "number", "text")
        if column.name in layout.keys or column.name in asked.ignored:
            raise ConfigurationError(f"--target: expected a column that is not used otherwise; found {column.name}")
        if column.constant:
            raise ConfigurationError(f"--target: expected a column that changes; found one value in {column.name}")
        if len(column.values) > MAX_CLASSES:
            raise ConfigurationError(
                f"--target: expected numbers, or at most {MAX_CLASSES} classes; found more texts in {column.name}"
            )
    name, unit = split_unit(column.name)
    return ProposedTarget(identifier(name), column.name, unit, column.values, asked.target is not None)


def _binary(column: Column) -> bool:
    return set(column.quantiles) <= {column.lowest, column.highest}


def _reason(column: Column) -> str | None:
    """Why a column of numbers is no sensor; None if it may be one."""
    if column.constant:
        return "holds one value, or none"
    if _INDEX.match(column.name) or (len(column.head) > 1 and (np.diff(column.head) == 1.0).all()):
        return "counts the rows, as a data frame's index"
    return None if column.name else "has no name"


def _left_out(table: Overview, used: set[str], readings: list[Column]) -> list[str]:
    notes = [f"{c.name or 'a column'} {_reason(c)}, and is left out" for c in readings if _reason(c) is not None]
    for column in table.columns.values():
        if column.name in used or column.kind == "number":
            continue
        if column.kind == "text" and not column.constant:
            notes.append(f"{column.name} is text: metadata of the recordings, and no sensor")
        elif column.kind != "text":
            kind = "a further column of times" if column.kind == "moment" else "neither numbers, times nor text"
            notes.append(f"{column.name} is {kind}, and left out")
    return notes
