"""The text of a proposed process file: valid as it stands, and saying what to fill in."""

from __future__ import annotations

import json
import re

from dq_pipeline.propose.proposal import Proposal
from dq_pipeline.propose.sensors import ProposedSensor

FILL_IN = "fill in"
"""Marks each value that nobody has decided yet."""

_NOTHING = {"null", "true", "false"}


def text(proposal: Proposal) -> str:
    """YAML with comments."""
    return "\n".join([*_head(proposal), *_sample(proposal), *_sensors(proposal), *_target(proposal), *_rest(proposal)])


def _head(proposal: Proposal) -> list[str]:
    name = proposal.name
    return [
        f"# Proposed by `dq import` from {_line(proposal.file)}, {proposal.rows} rows. It is valid as it stands.",
        f"# What no table tells is marked `{FILL_IN}`. Every key: docs/processes.md",
        *(f"# * {_line(note)}" for note in proposal.notes),
        f"process: {_word(name)}",
        f"title: {_word(name)}  # {FILL_IN}: what people call it",
        f"stream: {{topic: {name}.samples, labels_topic: {name}.labels}}  # `dq topics {name}` creates them",
        "",
    ]


def _sample(proposal: Proposal) -> list[str]:
    layout, horizon = proposal.layout, proposal.horizon
    mark = "" if proposal.horizon_asked else f"  # {FILL_IN}: horizon_rows, and target.rows with it"
    sample = f"rows: {layout.rows}, period_s: {_number(layout.period_s)}"
    return [
        "# The model sees the first `horizon_rows` of a recording, and its answer is acted on then. Fewer rows: an",
        "# earlier answer, and a harder one. Quality and drift look at the first `profile_rows`.",
        f"sample: {{{sample}, horizon_rows: {horizon}, profile_rows: {horizon}}}{mark}",
        "",
    ]


def _sensors(proposal: Proposal) -> list[str]:
    return [
        "# What is measured while the recording runs, and nothing that is computed from the target: the model would",
        '# read its answer there. `unit`: one of docs/processes.md, "1" for none. `range`: what the sensor can',
        "# physically show. Proposed are 0.1 to 99.9 % of the readings, given here with the median, and half of that",
        "# span more on both sides; the data sheet knows better.",
        "sensors:",
        *(_sensor(sensor) for sensor in proposal.sensors),
        *_channels(proposal),
        '# rules: ["a >= b - 5"]  # what must hold between sensors in every row',
        "",
    ]


def _sensor(sensor: ProposedSensor) -> str:
    low, high = (_number(end) for end in sensor.range)
    unit = f"unit: {_word(sensor.unit or '1')}, range: [{low}, {high}]"
    aliases = f", aliases: [{_word(sensor.column)}]" if sensor.column != sensor.name else ""
    a, b, c = (f"{value:.4g}" for value in sensor.seen)
    mark = f"{FILL_IN}: unit; " if sensor.unit is None else ""
    beyond = "".join(f"; {value:.6g} lies beyond" for value in sensor.beyond)
    return f"  {_word(sensor.name)}: {{{unit}{aliases}}}  # {mark}seen {a} to {c}, median {b}{beyond}"


def _channels(proposal: Proposal) -> list[str]:
    if not proposal.channels:
        return []
    lines = [
        "# Sensors that show one of a few words. A value that is not listed here lowers the quality of its recording.",
        "encoded:",
    ]
    for channel in proposal.channels:
        listed = ", ".join(_quoted(category) for category in channel.categories)
        aliases = f", aliases: [{_word(channel.column)}]" if channel.column != channel.name else ""
        lines.append(f"  {_word(channel.name)}: {{encoder: categories, categories: [{listed}]{aliases}}}")
    return lines


def _target(proposal: Proposal) -> list[str]:
    target, rows = proposal.target, f"[{proposal.horizon}, {proposal.layout.rows}]"
    marks = [] if target.asked else ["column, the last one is a guess (a column named here is no sensor above)"]
    if target.classes:
        names = ", ".join(_word(name) for name in target.classes)
        what = f"task: classification, column: {_word(target.column)}, rows: {rows}, classes: [{names}]"
        rest = ["promotion: {metric: f1}"]
    else:
        marks += [] if target.unit is not None else ["unit"]
        what = f"unit: {_word(target.unit or '1')}, column: {_word(target.column)}, rows: {rows}, reduce: mean"
        rest = ["# alarm: {when: below, limit: 0, on: interval}  # act before the recording ends"]
    mark = f"  # {FILL_IN}: {'; '.join(marks)}" if marks else ""
    return [
        "# What the model predicts: a column in the rows after the horizon, their mean, median, min, max or last.",
        f"target: {{name: {_word(target.name)}, {what}}}{mark}",
        *rest,
        "",
    ]


def _rest(proposal: Proposal) -> list[str]:
    layout = proposal.layout
    if layout.sample is not None:
        keys = {"id": layout.sample, "time": layout.time, "start": layout.start}
    else:
        keys = {"time": layout.time, "group": layout.group}
    lines = [f"  {key}: {_word(column)}" for key, column in keys.items() if column is not None]
    if layout.sample is None:
        lines += [f"  window_rows: {layout.rows}", f"  stride_rows: {layout.stride or layout.rows}"]
    return [
        "# The first `samples` recordings are learned from before any other comes: clean ones, 200 or more.",
        "history:",
        f"  uri: {_quoted(proposal.uri)}",
        *lines,
        f"  samples: {proposal.samples}",
        "",
    ]


def _word(value: str) -> str:
    """A text as YAML reads it again.

    Examples
    --------
    >>> _word("PS1"), _word("null"), _word("Volume Flow: l/min"), _word("1")
    ('PS1', '"null"', '"Volume Flow: l/min"', '"1"')
    """
    plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_/%]*", value) and value.lower() not in _NOTHING
    return value if plain else _quoted(value)


def _quoted(value: str) -> str:
    quoted = json.dumps(value, ensure_ascii=False)
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in quoted)


def _line(value: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in value).split())


def _number(value: float) -> str:
    """A number as YAML reads it again: `1e-05` is text to it, `1.0e-05` a number.

    Examples
    --------
    >>> _number(60.0), _number(0.1), _number(1e-7), _number(-2.5e20)
    ('60', '0.1', '1.0e-07', '-2.5e+20')
    """
    text = f"{value:.12g}"
    mantissa, e, exponent = text.partition("e")
    return text if not e else f"{mantissa if '.' in mantissa else mantissa + '.0'}e{exponent}"
