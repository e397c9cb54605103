"""Late labels: from the labels topic, a file or over HTTP, joined by sample id; taking one twice changes nothing."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from dq_pipeline.errors import SampleError
from dq_pipeline.ports import World
from dq_pipeline.records import Loss, Notice, OffsetRange, Outgoing, TargetRow, runbook
from dq_pipeline.steps.beyond import beyond_by_label
from dq_pipeline.steps.clock import as_datetime, utc_now
from dq_pipeline.steps.dead_letters import letter
from dq_pipeline.wire.labels import Label, decode_label, read_label

POSITIONS = "label_positions"
"""The ledger's fact that holds where the labels topic was read to."""
_AT_ONCE = 10_000
_log = logging.getLogger(__name__)


def add_labels(
    world: World, process: str, rows: Iterable[Mapping[str, Any]], *, origin: Literal["file", "http"] = "file"
) -> dict[str, Any]:
    """Take labels from rows such as ``{"sample_id": "a", "value": 1.9}``.

    Returns
    -------
    dict
        `new`: labels not known before; `refused`: one entry for each row that is no label, with the reason; `warning`:
        why labels beyond the interval could not be flagged, None where they were.
    """
    settings = world.process(process)
    good: list[TargetRow] = []
    refused: list[dict[str, Any]] = []
    for number, row in enumerate(rows, start=1):
        try:
            good.append(_target(read_label(row, settings), origin))
        except SampleError as error:
            refused.append({"row": number, "reason": error.reason, "detail": error.detail})
    new, warning = _add(world, process, good)
    return {
        "process": process,
        "read": len(good) + len(refused),
        "new": new,
        "refused": refused,
        "warning": warning,
    }


def take_labels(world: World, process: str) -> dict[str, Any]:
    """Read the labels topic from where it was last read to its end; what cannot be read goes to the dead letters."""
    settings = world.process(process)
    topic = settings.stream.labels_topic
    known = world.ledger.fact(process, POSITIONS) or {}
    marks = world.stream.watermarks(topic)
    ranges, losses = [], []
    for partition, (earliest, end) in marks.items():
        position = int(known.get(str(partition), earliest))
        if position < earliest:
            losses.append(Loss(topic, partition, position, earliest))
        begin = max(position, earliest)
        if begin < end:
            ranges.append(OffsetRange(partition, begin, min(end, begin + _AT_ONCE)))
    if losses:
        world.ledger.add_losses(process, losses, utc_now())
    if not ranges:
        return {"process": process, "read": 0, "new": 0, "refused": 0, "warning": None}
    good: list[TargetRow] = []
    bad: list[Outgoing] = []
    for message in world.stream.read(topic, ranges):
        try:
            good.append(_target(decode_label(message.value, message.headers, settings), "labels"))
        except SampleError as error:
            bad.append(letter(message, settings, topic, error))
    new, warning = _add(world, process, good)
    if bad:
        world.stream.publish(bad)
        world.notifier.notify(
            Notice(
                process,
                "warning",
                f"{process}: {len(bad)} labels could not be read",
                "see the dead-letter topic",
                runbook=runbook("labels-refused"),
                kind="labels",
                subject=topic,
                key=f"labels:{topic}:{'-'.join(f'{r.partition}.{r.start}' for r in ranges)}",
            )
        )
    ends = {str(r.partition): r.stop for r in ranges}
    world.ledger.put_fact(process, POSITIONS, {**known, **ends}, utc_now())
    return {
        "process": process,
        "read": len(good) + len(bad),
        "new": new,
        "refused": len(bad),
        "warning": warning,
    }


def label_state(world: World, process: str) -> dict[str, Any]:
    """What is known of a process' labels; see :meth:`dq_pipeline.ports.targets.Targets.label_state`."""
    world.process(process)
    return {"process": process, **world.ledger.label_state(process)}


def _add(world: World, process: str, rows: list[TargetRow]) -> tuple[int, str | None]:
    new, warning = 0, None
    for first in range(0, len(rows), _AT_ONCE):
        some = rows[first : first + _AT_ONCE]
        flags, unflagged = beyond_by_label(world, process, some)
        new += world.ledger.add_targets(process, some, utc_now(), flags=flags)
        warning = warning or unflagged
    if warning is not None:
        _log.warning("%s: %s", process, warning)
    return new, warning


def _target(label: Label, origin: str) -> TargetRow:
    said = None if label.at is None else as_datetime(label.at)
    return TargetRow(label.sample_id, label.value, origin, label.annotator, said)
