"""What stands in for stream, lake and registry in a rehearsal: nothing that is written leaves it."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from dq_pipeline.adapters.lake import FsspecLake
from dq_pipeline.errors import StateError
from dq_pipeline.ports import Registry, Writer
from dq_pipeline.records import OffsetRange, Outgoing, RawMessage, Stage


class MemoryStream:
    """Topics of one partition each, in memory; a topic goes on where its readers had come to.

    Parameters
    ----------
    positions
        Per topic and partition the offset that its next message has; partition 0 takes all of them.
    """

    def __init__(self, positions: Callable[[str], Mapping[int, int]]) -> None:
        self._positions = positions
        self._held: dict[str, list[RawMessage]] = defaultdict(list)

    def watermarks(self, topic: str) -> dict[int, tuple[int, int]]:
        """Per partition the earliest offset still there and the one after the newest."""
        base = {0: 0, **self._positions(topic)}
        held = self._held[topic]
        begin = held[0].offset if held else base[0]
        return {p: (begin, begin + len(held)) if p == 0 else (offset, offset) for p, offset in base.items()}

    def all_watermarks(self, topics: Sequence[str]) -> dict[str, dict[int, tuple[int, int]]]:
        """The same of several topics."""
        return {topic: self.watermarks(topic) for topic in topics}

    def read(self, topic: str, ranges: Sequence[OffsetRange]) -> Iterator[RawMessage]:
        """Exactly the messages of these ranges."""
        for span in ranges:
            yield from (m for m in self._held[topic] if span.partition == 0 and span.start <= m.offset < span.stop)

    def oldest_ms(self, topic: str, positions: Mapping[int, int]) -> int | None:
        """Timestamp of the oldest message at or after these positions."""
        return next((m.timestamp_ms for m in self._held[topic] if m.offset >= positions.get(0, 0)), None)

    def publish(self, messages: Iterable[Outgoing]) -> int:
        """Put messages at the end of their topics, at this moment."""
        count = 0
        for message in messages:
            offset, now_ms = self.watermarks(message.topic)[0][1], time.time_ns() // 1_000_000
            raw = RawMessage(0, offset, now_ms, message.key, message.value, message.headers)
            self._held[message.topic].append(raw)
            count += 1
        return count

    def commit(self, group: str, topic: str, offsets: Mapping[int, int]) -> None:
        """Nobody watches the groups of a rehearsal."""


class OverlaidLake:
    """Reads from a lake, and writes to a folder that lies over it."""

    def __init__(self, below: FsspecLake, folder: Path) -> None:
        self._below, self._own = below, FsspecLake(str(folder))

    def put(self, path: str, data: bytes | Writer) -> str:
        """Write a file into the folder."""
        return self._own.put(path, data)

    def get(self, uri: str) -> bytes:
        """Read a file, the folder's before the lake's."""
        return self._where(uri).get(uri)

    def exists(self, uri: str) -> bool:
        """Whether the file is there."""
        return self._where(uri).exists(uri)

    def put_folder(self, path: str, folder: Path) -> str:
        """Copy a local folder into the folder."""
        return self._own.put_folder(path, folder)

    def get_folder(self, uri: str, folder: Path) -> None:
        """Copy a folder of either to a local one."""
        lake = self._own if uri.startswith(self._own.uri) or self._own.list(_relative(uri)) else self._below
        lake.get_folder(uri, folder)

    def _where(self, uri: str) -> FsspecLake:
        if uri.startswith(self._own.uri):
            return self._own
        return self._own if _relative(uri) and self._own.exists(uri) else self._below


class ReadOnlyRegistry:
    """A registry that releases are fetched from and nothing is changed in."""

    def __init__(self, below: Registry) -> None:
        self._below = below

    def log_release(
        self, process: str, folder: Path, *, key: str, metrics: Mapping[str, float], tags: Mapping[str, str]
    ) -> tuple[str, str]:
        """Refused: a rehearsal makes no release. Raises StateError."""
        raise StateError(f"{process}: no release is made in a rehearsal; found {key}, {folder}, {metrics}, {tags}")

    def reconcile(self, process: str, stages: Mapping[str, Stage]) -> tuple[str, ...]:  # noqa: ARG002
        """Nothing is changed; no version differs."""
        return ()

    def fetch(self, process: str, version: str, run_id: str = "") -> Path:
        """The release's folder on this machine."""
        return self._below.fetch(process, version, run_id)


def _relative(uri: str) -> str:
    """The path itself where it is one within a lake; empty for a URI."""
    return "" if "://" in uri or uri.startswith("/") else uri
