"""Where bytes come from and go to: stream, lake, registry, history, people."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Protocol

from dq_pipeline.recording import Recording
from dq_pipeline.records import (
    Notice,
    OffsetRange,
    Outgoing,
    RawMessage,
    Stage,
)

Writer = Callable[[BinaryIO], object]
"""Writes a file's content to it, once it is open."""


class Stream(Protocol):
    """Topics that messages arrive on and leave by."""

    def watermarks(self, topic: str) -> dict[int, tuple[int, int]]:
        """Per partition the earliest offset still there and the one after the newest.

        Raises StreamError if the topic does not exist or no broker answers.
        """

    def all_watermarks(self, topics: Sequence[str]) -> dict[str, dict[int, tuple[int, int]]]:
        """The same of several topics at once; those that do not exist are left out."""

    def read(self, topic: str, ranges: Sequence[OffsetRange]) -> Iterator[RawMessage]:
        """Exactly the messages of these ranges, partition by partition; offsets the broker skips are skipped.

        Raises DataLossError if part of a range is gone.
        """

    def oldest_ms(self, topic: str, positions: Mapping[int, int]) -> int | None:
        """Timestamp of the oldest message at or after these positions, ms since the epoch; None if there is none."""

    def publish(self, messages: Iterable[Outgoing]) -> int:
        """Publish and wait until all replicas have them; returns how many."""

    def commit(self, group: str, topic: str, offsets: Mapping[int, int]) -> None:
        """Tell monitoring tools how far a group has come; nothing here relies on it."""


class Lake(Protocol):
    """Immutable files under one URI. A path is relative to it, with `/` between its parts."""

    def put(self, path: str, data: bytes | Writer) -> str:
        """Write a file whole or not at all and return its URI; writing the same path again replaces it.

        Large data are given as a function that writes them to an open file: they then stand in memory once.
        """

    def get(self, uri: str) -> bytes:
        """Read a file by URI or path. Raises FileNotFoundError."""

    def exists(self, uri: str) -> bool:
        """Whether the file is there."""

    def put_folder(self, path: str, folder: Path) -> str:
        """Copy a local folder into the lake and return its URI."""

    def get_folder(self, uri: str, folder: Path) -> None:
        """Copy a folder of the lake to a local one."""


class Registry(Protocol):
    """The model registry as people and MLflow's own page see it. Follows the ledger, never leads it."""

    def log_release(
        self, process: str, folder: Path, *, key: str, metrics: Mapping[str, float], tags: Mapping[str, str]
    ) -> tuple[str, str]:
        """Register the release in `folder`; returns (version, run id). The same key twice gives the same version."""

    def reconcile(
        self, process: str, stages: Mapping[str, Stage], aliases: Mapping[str, str] | None = None
    ) -> tuple[str, ...]:
        """Give every version the stage that `stages` says; returns those that differed.

        `aliases` names the versions that are rolled out: `canary`, `shadow`, further ones `shadow-7`.
        """

    def fetch(self, process: str, version: str, run_id: str = "") -> Path:
        """The release's folder on this machine, downloaded once and verified; `run_id` spares asking for it again."""


class Notifier(Protocol):
    """Where notices to people go."""

    def notify(self, notice: Notice) -> None:
        """Keep it, to be sent later. Raises LedgerError where it cannot be kept."""


class History(Protocol):
    """Recordings of the past, oldest first."""

    def count(self) -> int:
        """How many there are. Raises ConfigurationError if the source cannot be read as the process file says."""

    def read_chunk(self, first: int, stop: int) -> Sequence[Recording]:
        """Those numbered first <= i < stop."""

    def index(self) -> bytes:
        """What counting them found out, so that nobody has to look through all rows again."""

    def indexed(self, index: bytes) -> History:
        """The same history, with the index of an earlier look at it."""
