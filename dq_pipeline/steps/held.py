"""What a run that takes one step after the other keeps in memory: what it read ahead, and what it has decoded already.

It is a short cut and no state. A step that does not find what it needs here, after a failure or in a process of its
own, reads the stream or the lake, and comes to the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain

from dq_pipeline.errors import DQError
from dq_pipeline.ports import World
from dq_pipeline.process import Process
from dq_pipeline.records import OffsetRange, RawMessage
from dq_pipeline.steps.clock import as_moment, utc_now
from dq_pipeline.steps.gate import Decoded, decode_all

Messages = Mapping[int, list[RawMessage]]
_Read = tuple[Messages, Process, Decoded]


class Held:
    """Of one run, which is the only one to use it."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, "read-ahead")
        self._ahead: tuple[str, Mapping[int, OffsetRange], Future[_Read]] | None = None
        self._next: tuple[Process, Decoded] | None = None
        self._decoded: tuple[str, Process, Decoded] | None = None

    def close(self) -> None:
        """Forget all, once what is being read ahead has come."""
        self._ahead = self._next = self._decoded = None
        self._pool.shutdown(cancel_futures=True)

    def read_ahead(self, world: World, topic: str, ranges: Sequence[OffsetRange], process: Process) -> None:
        """Begin to read and decode what the next micro-batch is likely to claim; nothing here claims it."""
        if ranges:
            reading = self._pool.submit(_read, world, topic, ranges, process)
            self._ahead = (topic, {r.partition: r for r in ranges}, reading)

    def take_ahead(self, topic: str, ranges: Sequence[OffsetRange]) -> tuple[Messages, list[OffsetRange]]:
        """Messages of these ranges that were read ahead, by partition, and the ranges still to be read."""
        ahead, self._ahead, self._next = self._ahead, None, None
        if ahead is None or ahead[0] != topic:
            return {}, list(ranges)
        try:
            read, process, decoded = ahead[2].result()
        except (DQError, OSError):  # whoever reads the ranges that are claimed says what is wrong
            return {}, list(ranges)
        if list(ranges) == list(ahead[1].values()):
            self._next = process, decoded
        found, left = {}, []
        for r in ranges:
            known = ahead[1].get(r.partition)
            if known is None or known.start != r.start:
                left.append(r)
                continue
            found[r.partition] = [message for message in read.get(r.partition, []) if message.offset < r.stop]
            if known.stop < r.stop:
                left.append(OffsetRange(r.partition, known.stop, r.stop))
        return found, left

    def decoded_ahead(self, process: Process) -> Decoded | None:
        """What was decoded ahead, once, if it is all of the ranges last taken, and by the same settings."""
        ahead, self._next = self._next, None
        return ahead[1] if ahead is not None and ahead[0] == process else None

    def keep(self, uri: str, process: Process, decoded: Decoded) -> None:
        """Keep what was decoded from the messages landed at `uri`, by a process' settings."""
        self._decoded = uri, process, decoded

    def take(self, uri: str, process: Process) -> Decoded | None:
        """What was kept for it, once; None if nothing was, or the settings have changed since."""
        kept, self._decoded = self._decoded, None
        return kept[2] if kept is not None and kept[0] == uri and kept[1] == process else None


def _read(world: World, topic: str, ranges: Sequence[OffsetRange], process: Process) -> _Read:
    found: dict[int, list[RawMessage]] = {}
    for message in world.stream.read(topic, ranges):
        found.setdefault(message.partition, []).append(message)
    in_order = sorted(chain(*found.values()), key=lambda m: (m.partition, m.offset))
    return found, process, decode_all(in_order, process, as_moment(utc_now()))
