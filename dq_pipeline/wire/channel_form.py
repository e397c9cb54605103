"""What is no number in a message: columns of text among the sensors, and `channels` with a clock of their own."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from dq_pipeline.channels import Channel, clock
from dq_pipeline.errors import SampleError
from dq_pipeline.process import Process
from dq_pipeline.recording import Recording
from dq_pipeline.wire.envelope import Envelope, short
from dq_pipeline.wire.numeric import column

_ITEMS = frozenset((str, int, float, bool, type(None)))


def with_channels(
    recording: Recording, envelope: Envelope, coded: Mapping[str, Sequence[Any]], process: Process
) -> Recording:
    """A recording with what came beside its numbers.

    Parameters
    ----------
    coded
        Columns of text, one item a row. A column of numbers that is a channel's, such as codes of states, joins them.

    Raises
    ------
    SampleError
        If a channel is not as it should be, or came twice.
    """
    if not (coded or envelope.channels or process.encoded):
        return recording
    ident, today = recording.sample_id, process.channels
    if not coded and not envelope.channels and today.keys().isdisjoint(recording.sensors):
        return recording
    columns = dict(coded)
    for j, name in enumerate(recording.sensors):
        if name in today:
            columns[name] = recording.values[:, j].tolist()
    if sum(name in today for name in envelope.sensors or ()) > len(columns):
        found = short([name for name in envelope.sensors or () if name in today])
        raise SampleError("columns", f"expected each sensor once; found {found}", ident)
    times = clock(recording.times_s, len(recording.values), process.sample.period_s)
    channels = {name: Channel(times, _items(items, f"values.{name}", ident)) for name, items in columns.items()}
    for name, sent in envelope.channels.items():
        if name in channels:
            raise SampleError("columns", f"expected {name} once; found it among the values and in channels", ident)
        items = _items(sent.items, f"channels.{name}.items", ident)
        channels[name] = Channel(column(sent.times_s, f"channels.{name}.times_s", len(items), ident), items)
    numbers = [j for j, name in enumerate(recording.sensors) if name not in today]
    sensors = tuple(recording.sensors[j] for j in numbers)
    return replace(recording, sensors=sensors, values=recording.values[:, numbers], channels=channels)


def columns_of(recording: Recording, process: Process) -> dict[str, list[Any]]:
    """The channels that are sent among the sensors: categorical ones with an item for each row."""
    if not recording.channels:
        return {}
    times = clock(recording.times_s, len(recording.values), process.sample.period_s)
    today, categorical = process.channels, process.categories
    return {
        name: list(channel.items)
        for name, channel in recording.channels.items()
        if today.get(name) in categorical and np.array_equal(channel.times_s, times)
    }


def sent_apart(recording: Recording, columns: Mapping[str, Any]) -> dict[str, Any]:
    """The other channels, as JSON can hold them: bytes in base64."""
    return {
        name: {
            "times_s": channel.times_s.tolist(),
            "items": [base64.b64encode(i).decode() if isinstance(i, bytes) else i for i in channel.items],
        }
        for name, channel in recording.channels.items()
        if name not in columns
    }


def _items(items: Any, key: str, ident: str) -> tuple[Any, ...]:
    if not isinstance(items, list):
        raise SampleError("schema", f"{key}: expected a list; found {short(items)}", ident)
    kinds = set(map(type, items)) - _ITEMS
    if kinds:
        found = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise SampleError("schema", f"{key}: expected texts, numbers or null; found {found}", ident)
    return tuple(items)
